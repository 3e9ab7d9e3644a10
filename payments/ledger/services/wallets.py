"""Users' wallets, and opening them."""

from collections.abc import Sequence

from django.conf import settings
from django.contrib.auth import get_user_model

from accounts.models import Role, User
from payments.ledger.models import Currency, Wallet
from payments.ledger.models.wallets import FIRST_OWN_WALLET_ID
from payments.ledger.services.currencies import active_currency

#: What a user may open; those that providers or other users open for them count against nobody.
MAX_OPENED = 100


class HouseWallet(Exception):
    """The house's wallets have no statement of their own: see the transactions that touch them."""


class TooManyWallets(Exception):
    """There are a hundred wallets of this user already."""


def open_wallet(*, owner_id: int, currency: str) -> Wallet:
    """Open an empty wallet with an id of the service's own. Not idempotent: a user may have several in a currency.

    Raises User.DoesNotExist, CurrencyUnavailable or TooManyWallets.
    """
    get_user_model().objects.only("pk").get(pk=owner_id)
    own = Wallet.objects.filter(owner_id=owner_id, pk__gte=FIRST_OWN_WALLET_ID).order_by()
    if len(own.values_list("pk")[:MAX_OPENED]) == MAX_OPENED:
        raise TooManyWallets
    return Wallet.objects.create(owner_id=owner_id, currency=active_currency(currency))


def open_first_wallets(users: Sequence[User]) -> None:
    """Open what new users begin with (TILL_REGISTRATION_WALLETS): services have none. Two queries for all of them."""
    if settings.TILL_REGISTRATION_WALLETS == "none":
        return
    currencies = Currency.objects.filter(is_active=True).order_by("code")
    if settings.TILL_REGISTRATION_WALLETS == "default":
        currencies = currencies.filter(code=settings.TILL_DEFAULT_CURRENCY)
    owners = [user for user in users if user.role != Role.SERVICE]
    Wallet.objects.bulk_create(Wallet(owner=owner, currency=currency) for owner in owners for currency in currencies)
