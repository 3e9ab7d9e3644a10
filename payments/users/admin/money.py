"""What a user's page says of their money: wallets, what waits for somebody, and the latest transactions."""

from datetime import datetime
from typing import Any, NamedTuple

from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from accounts.models import User
from payments.ledger.admin.display import money
from payments.ledger.admin.transactions import of_user
from payments.ledger.admin.wallets import MAX_WALLETS
from payments.ledger.models import Posting, Wallet
from payments.orders.models import Deposit, Order, OrderStatus, Withdrawal
from payments.webhooks.models import WebhookEvent
from staff.read_only import link

LATEST = 20
MAX_WAITING = 10
#: Of the notices of everybody that were not credited, so many of the newest are looked at.
MAX_NOTICES = 1000


class WaitingLine(NamedTuple):
    """Something of the user's that somebody has to decide about."""

    what: str
    amount: str
    since: str


def money_of(user: User) -> dict[str, Any]:
    """Return what the template writes: a few small queries, whatever the user's history."""
    wallets = Wallet.objects.filter(owner_id=user.pk).select_related("currency").order_by("pk")[:MAX_WALLETS]
    return {
        "user": user,
        "wallets": [_wallet_line(wallet) for wallet in wallets],
        "waiting": [*_pending(Deposit, user), *_pending(Withdrawal, user), *_notices(user)],
        "is_unconfirmed": user.activated_at is None and user.disabled_at is None,
    }


def _wallet_line(wallet: Wallet) -> dict[str, str]:
    amounts = {"balance": wallet.balance, "held": wallet.held, "available": wallet.available}
    texts = {name: money(amount, wallet.currency) for name, amount in amounts.items()}
    return {"wallet": link(wallet, str(wallet.pk)), "currency": wallet.currency_id, **texts}


def _pending(kind: type[Order], user: User) -> list[WaitingLine]:
    pending = kind._default_manager.filter(user_id=user.pk, status=OrderStatus.PENDING).select_related("currency")
    return [
        WaitingLine(link(order), money(order.amount, order.currency), _age(order.created_at))
        for order in pending.order_by("pk")[:MAX_WAITING]
    ]


def _notices(user: User) -> list[WaitingLine]:
    """Find the user's among the newest that were not credited, by the index of these alone."""
    newest = WebhookEvent.objects.exclude(verdict="credited").order_by("-pk").values("pk")[:MAX_NOTICES]
    notices = WebhookEvent.objects.filter(pk__in=newest, user_id=user.pk).select_related(
        "provider__currency", "currency"
    )
    return [
        WaitingLine(link(notice), money(notice.amount, notice.paid_in), _age(notice.received_at))
        for notice in notices.defer("body", "headers").order_by("pk")[:MAX_WAITING]
    ]


def _age(moment: datetime) -> str:
    return _("%(time)s ago") % {"time": timesince(moment, depth=1)}


def latest_lines(user: User) -> list[dict[str, Any]]:
    """What the newest transactions did to the user's wallets: a line for each posting, the newest first."""
    postings = Posting.objects.filter(transaction_id__in=of_user(user.pk, limit=LATEST)).select_related(
        "transaction", "currency", "source", "destination"
    )
    lines = [_line(posting, user) for posting in postings.order_by("-transaction_id", "pk")[: 2 * LATEST]]
    return [line for line in lines if line]


def _line(posting: Posting, user: User) -> dict[str, Any]:
    """Describe a posting from the user's side. If both wallets are theirs, from the source's side."""
    if user.pk not in (posting.source.owner_id, posting.destination.owner_id):
        return {}
    out = posting.source.owner_id == user.pk
    mine, other = (posting.source, posting.destination) if out else (posting.destination, posting.source)
    return {
        "transaction": link(posting.transaction),
        "wallet": link(mine),
        "amount": f"{'-' if out else '+'}{money(posting.amount, posting.currency)}",
        "balance": money(posting.source_balance if out else posting.destination_balance, posting.currency),
        "other": _other_side(other),
        "created_at": posting.transaction.created_at,
        "reference": posting.transaction.reference,
    }


def _other_side(wallet: Wallet) -> str:
    if wallet.house:
        return wallet.get_house_display()
    return link(wallet, _("wallet %(wallet)s") % {"wallet": wallet.pk})
