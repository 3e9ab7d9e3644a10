"""The owner takes a pending order back. That is as final as a settlement, and nothing moves."""

from typing import TypeVar

from django.db import transaction
from django.utils import timezone

from payments.ledger import booking
from payments.orders.models import Deposit, Order, OrderStatus, Withdrawal
from payments.orders.plans.settlement import AlreadySettled
from payments.orders.services.external_wallets import forget_if_deleted, lock_external_wallets_of

AnOrder = TypeVar("AnOrder", bound=Order)


@transaction.atomic
def cancel_deposit(*, deposit_id: int, user_id: int) -> Deposit:
    """Take back a deposit of the user's own that nobody has settled. Cancelling it again changes nothing.

    Locks the deposit, as settling does: of the two, one wins. Raises Deposit.DoesNotExist or AlreadySettled.
    """
    deposit = _locked(Deposit, deposit_id, user_id)
    return _cancelled(deposit) if deposit.status == OrderStatus.PENDING else deposit


@transaction.atomic
def cancel_withdrawal(*, withdrawal_id: int, user_id: int) -> Withdrawal:
    """Take back a withdrawal of the user's own that nobody has settled, and free what it holds. Safe to repeat.

    Locks what settling locks, in its order: the withdrawal, the owner's external wallets, the wallet. Of the two, one
    wins. Raises Withdrawal.DoesNotExist or AlreadySettled.
    """
    withdrawal = _locked(Withdrawal, withdrawal_id, user_id)
    if withdrawal.status != OrderStatus.PENDING:
        return withdrawal
    lock_external_wallets_of([user_id])
    booking.lock([withdrawal.wallet_id], transactions=0).release(withdrawal.wallet_id, withdrawal.amount)
    cancelled = _cancelled(withdrawal)
    forget_if_deleted([user_id])  # somebody may have deleted the owner while this waited for the locks
    return cancelled


def _locked(kind: type[AnOrder], order_id: int, user_id: int) -> AnOrder:
    """Lock an order of the user's own that is pending or cancelled. Raises AlreadySettled for any other."""
    orders = kind._default_manager.select_related("currency", "provider")
    order: AnOrder = orders.select_for_update(no_key=True, of=("self",)).get(pk=order_id, user_id=user_id)
    if order.status not in (OrderStatus.PENDING, OrderStatus.CANCELLED):
        raise AlreadySettled(order.status)
    return order


def _cancelled(order: AnOrder) -> AnOrder:
    order.status, order.settled_by_id, order.settled_at = OrderStatus.CANCELLED, order.user_id, timezone.now()
    order.save(update_fields=["status", "settled_by", "settled_at"])
    return order
