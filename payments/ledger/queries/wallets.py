"""Who may see which wallets."""

from collections.abc import Iterable
from decimal import Decimal

from django.db.models import QuerySet

from accounts.models import Role, User
from payments.ledger import booking
from payments.ledger.models import Wallet


def visible_to(user: User) -> QuerySet[Wallet]:
    """Owners see their own, admins see all, the house's too; services settle orders and see none."""
    wallets = Wallet.objects.select_related("currency")
    if user.sees_all:
        return wallets
    return wallets.filter(owner=user) if user.role == Role.USER else wallets.none()


def derived_balances(wallets: Iterable[Wallet]) -> dict[int, Decimal]:
    """Return the balances of the house's wallets among these by id; no query when there is none."""
    if not any(wallet.house for wallet in wallets):
        return {}
    return {house.wallet_id: house.balance for house in booking.house_balances()}
