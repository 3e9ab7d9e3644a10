"""Orders that nobody settled in time are rejected, and what they hold is given back."""

from collections.abc import Iterator
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from payments.ledger import booking
from payments.orders.models import Deposit, Order, OrderStatus, Withdrawal
from payments.orders.services.external_wallets import forget_if_deleted, lock_external_wallets_of

REASON = "expired"
BATCH = 100


def expire_orders(*, older_than: timedelta, batch: int = BATCH) -> Iterator[tuple[type[Order], int]]:
    """Reject the pending orders of that age, in small batches that each commit; yield the kind and number of each.

    Passes over those that somebody is settling. Safe to repeat, and to run twice at once. Locks a batch of orders,
    waiting for none, then their wallets, ascending.
    """
    for kind in (Deposit, Withdrawal):
        while expired := _expire(kind, older_than, batch):
            yield kind, expired


@transaction.atomic(durable=True)
def _expire(kind: type[Order], older_than: timedelta, batch: int) -> int:
    now = timezone.now()
    stale = kind._default_manager.filter(status=OrderStatus.PENDING, created_at__lt=now - older_than)
    locked = stale.select_for_update(no_key=True, skip_locked=True)
    orders = list(locked.order_by("pk")[:batch])
    owners = {order.user_id for order in orders if kind is Withdrawal}
    if owners:
        lock_external_wallets_of(owners)
        _release(orders)
    stale = kind._default_manager.filter(pk__in=[order.pk for order in orders])
    rejected = stale.update(status=OrderStatus.REJECTED, reason=REASON, settled_at=now) if orders else 0
    forget_if_deleted(owners)
    return rejected


def _release(orders: list[Order]) -> None:
    locked = booking.lock((order.wallet_id for order in orders), transactions=0)
    for order in orders:
        locked.release(order.wallet_id, order.amount)
