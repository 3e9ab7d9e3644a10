"""Which of somebody's wallets a request means, and their history."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from accounts.models import User
from legacy.history import MAX_TRANSACTIONS, OwnPosting, own_postings
from legacy.wallets.serializers import order_line, posting_lines
from payments.ledger import booking
from payments.ledger.models import Posting, Wallet
from payments.orders.models import Deposit, ExternalWallet, Withdrawal


def chosen_wallet(
    user: User, data: Mapping[str, Any], *, name: str = "wallet_id", currency: str = "currency"
) -> Wallet:
    """Return the user's own wallet with the id, or their first one in the currency, or in the default currency.

    Raises WalletNotFound: strangers' and absent ones look alike.
    """
    own = Wallet.objects.filter(owner=user).select_related("currency").order_by("pk")
    if name in data:
        wallet = own.filter(pk=data[name]).first()
    else:
        wallet = own.filter(currency=data.get(currency, settings.TILL_DEFAULT_CURRENCY)).first()
    if wallet is None:
        raise booking.WalletNotFound(field=name)
    return wallet


def newest_external_wallet(user: User, wallet: Wallet) -> int:
    """Return the user's newest external wallet in the wallet's currency. Raises ExternalWallet.DoesNotExist."""
    own = ExternalWallet.objects.filter(owner=user, currency=wallet.currency_id, deleted_at__isnull=True)
    external = own.order_by("-pk").first()
    if external is None:
        raise ExternalWallet.DoesNotExist
    return external.pk


def history(user: User, wallet_id: int | None = None) -> list[dict[str, Any]]:
    """Return the user's orders and what was booked, the newest first."""
    of_wallet = {} if wallet_id is None else {"wallet": wallet_id}
    lines = [*posting_lines(own_postings(user, wallet_id=wallet_id))]
    for kind in (Deposit, Withdrawal):
        orders = kind._default_manager.filter(user=user, **of_wallet).select_related("currency")
        lines += [order_line(order) for order in orders.order_by("-pk")[:MAX_TRANSACTIONS]]
    return sorted(lines, key=lambda line: str(line["created_at"]), reverse=True)[:MAX_TRANSACTIONS]


def settled_lines(order: Deposit | Withdrawal) -> list[dict[str, Any]]:
    """Return the order, and what its settlement booked."""
    postings = Posting.objects.filter(transaction=order.transaction_id).select_related("transaction", "currency")
    booked = (
        OwnPosting(posting.transaction, posting, order.wallet_id, posting.destination_id == order.wallet_id)
        for posting in postings.order_by("pk")
    )
    return [order_line(order), *posting_lines(booked)]
