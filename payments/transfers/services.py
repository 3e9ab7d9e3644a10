"""Moves money from a user's wallet to another, of the same user or of somebody else."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Q, Sum
from django.utils import timezone

from accounts.models import User
from accounts.services import UnknownUser, lock_user
from payments.commission import charging
from payments.commission.models import Operation
from payments.ledger import booking, shortfall
from payments.ledger.models import Currency, Wallet
from payments.ledger.services.currencies import active_currency
from payments.metadata.members import NOTHING, Attached
from payments.money import EXACT, check_amount
from payments.operations.plan import carry_out
from payments.transfers.models import Transfer
from payments.transfers.plan import ROLES_WITH_WALLETS, RecipientNotFound, TransferLimitExceeded, TransferPlan

__all__ = ["RecipientNotFound", "TransferLimitExceeded", "transfer"]

#: How far a clock may be set back before a daily limit forgets what was sent.
_CLOCK_SET_BACK = timedelta(hours=1)


class _Receiver(NamedTuple):
    user_id: int
    wallet_id: int | None


def transfer(
    *,
    user_id: int,
    source_id: int,
    amount: Decimal,
    destination_id: int | None = None,
    recipient: str = "",
    note: str = "",
    attached: Attached = NOTHING,
) -> Transfer:
    """Move an amount that fits the currency's decimals to a wallet, or to the first wallet of a user. Not idempotent.

    The commission comes on top, from the sender. `recipient` is an email in any case; who has no wallet in the
    currency gets one. Lock order: users' rows, ascending, where a limit or a new wallet needs them; then both wallets.
    Raises what `TransferPlan.decide` raises.
    """
    if destination_id is not None and not settings.TILL_TRANSFER_DAILY_LIMITS:
        return carry_out(
            TransferPlan(
                user_id=user_id,
                source_id=source_id,
                destination_id=destination_id,
                amount=amount,
                note=note,
                attached=attached,
            )
        )
    with transaction.atomic():
        plan = _prepared(user_id, source_id, amount, destination_id, recipient)
        plan.note, plan.attached = note, attached
        return carry_out(plan)


def _prepared(
    user_id: int, source_id: int, amount: Decimal, destination_id: int | None, recipient: str
) -> TransferPlan:
    """Find the destination of an email, and what a daily limit leaves. Locks users' rows, and may open a wallet."""
    source = _own_wallet(source_id, user_id)
    currency = active_currency(source.currency_id)
    check_amount(amount, decimal_places=currency.decimal_places, maximum=Decimal(settings.TILL_MAX_AMOUNT))
    if not destination_id:
        _check_funds(source, currency, amount)
    receiver = _by_wallet(destination_id, user_id, currency) if destination_id else _by_email(recipient, currency)
    limit = None if receiver.user_id == user_id else settings.TILL_TRANSFER_DAILY_LIMITS.get(currency.pk)
    _lock_users(({user_id} if limit else set()) | (set() if receiver.wallet_id else {receiver.user_id}))
    left = EXACT.subtract(Decimal(limit), _sent_today(user_id, currency)) if limit else None
    return TransferPlan(
        user_id=user_id,
        source_id=source_id,
        destination_id=receiver.wallet_id or _wallet_for(receiver.user_id, currency),
        amount=amount,
        left_today=left,
    )


def _own_wallet(wallet_id: int, user_id: int) -> Wallet:
    """Read the wallet without a lock: its owner and currency never change."""
    wallet = Wallet.objects.filter(pk=wallet_id, owner=user_id).first()
    if wallet is None:
        raise booking.WalletNotFound(field="source")
    return wallet


def _check_funds(source: Wallet, currency: Currency, amount: Decimal) -> None:
    """Without the money nobody learns who exists. The plan looks again, under the lock."""
    available = EXACT.subtract(source.balance, source.held)
    if amount <= available:
        return
    fee = charging.charge(operation=Operation.TRANSFER, currency=currency, amount=amount).amount
    error = booking.InsufficientFunds()
    error.available, error.currency = available, currency.pk
    error.missing = EXACT.subtract(EXACT.add(amount, fee), available)
    shortfall.show(error, currency.decimal_places)
    raise error


def _by_wallet(wallet_id: int, user_id: int, currency: Currency) -> _Receiver:
    """Find the receiver by the wallet, with one query, as `_by_email` does.

    So refusing a user who may not receive takes as long as refusing one who does not exist. Another user's wallet in
    another currency counts as missing: the sender must not learn that it exists.
    """
    owners = Wallet.objects.filter(
        Q(currency=currency) | Q(owner=user_id),
        pk=wallet_id,
        owner__is_active=True,
        owner__role__in=ROLES_WITH_WALLETS,
    )
    owner = owners.values_list("owner_id", flat=True).first()
    if owner is None:
        raise RecipientNotFound
    return _Receiver(owner, wallet_id)


def _by_email(email: str, currency: Currency) -> _Receiver:
    users = User.objects.with_email(email).filter(is_active=True, role__in=ROLES_WITH_WALLETS)
    receiver_id = users.values_list("pk", flat=True).first()
    if receiver_id is None:
        raise RecipientNotFound
    return _Receiver(receiver_id, _first_wallet(receiver_id, currency))


def _first_wallet(owner_id: int, currency: Currency) -> int | None:
    return Wallet.objects.filter(owner=owner_id, currency=currency).order_by("pk").values_list("pk", flat=True).first()


def _lock_users(user_ids: set[int]) -> None:
    """Lock the users by ascending id. Either may have been disabled or deleted meanwhile."""
    try:
        users = [lock_user(user_id) for user_id in sorted(user_ids)]
    except UnknownUser:
        raise RecipientNotFound from None
    if not all(user.is_active for user in users):
        raise RecipientNotFound


def _wallet_for(owner_id: int, currency: Currency) -> int:
    """Return a wallet of the owner, whose row is locked, or open one. Nobody can wait for the new row.

    The sender must not learn how many wallets the owner has, so no limit applies.
    """
    wallet_id = _first_wallet(owner_id, currency)
    return wallet_id or int(Wallet.objects.create(owner_id=owner_id, currency=currency).pk)


def _sent_today(user_id: int, currency: Currency) -> Decimal:
    """Return what the sender sent to others today. Reads only ids after the last transfer of yesterday.

    Under the lock ids rise with time. A clock that was set back breaks that, so yesterday ends an hour earlier here.
    """
    to_others = Transfer.objects.filter(user=user_id, currency=currency).exclude(recipient=user_id)
    midnight = datetime.combine(timezone.now().astimezone(UTC).date(), time(tzinfo=UTC))
    yesterdays = to_others.filter(created_at__lt=midnight - _CLOCK_SET_BACK)
    before = yesterdays.order_by("-pk").values_list("pk", flat=True).first() or 0
    todays = to_others.filter(pk__gt=before, created_at__gte=midnight)
    sent: Decimal | None = todays.aggregate(sent=Sum("amount"))["sent"]
    return sent or Decimal(0)
