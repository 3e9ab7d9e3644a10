"""Deliveries that are done with are forgotten after a while, and no other."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from payments.deliveries import queue, services
from payments.events.relay import sequence
from payments.models import EventDelivery, EventEndpoint
from tests.support.deliveries import endpoint_at, positions, work
from tests.support.ledger import fund
from tests.support.receivers import Receiver
from tests.support.threads import closing_connection
from tests.support.waiting import someone_waits_for_a_lock, wait_until

MOVES = ["wallet.credited"]


def test_deliveries_that_are_done_with_are_forgotten_after_a_while(there: Receiver, wallet: int) -> None:
    endpoint_at(there.url)
    for _ in range(2):
        fund(wallet, "1")
    work()
    old = timezone.now() - timedelta(days=31)
    EventDelivery.objects.update(created_at=old)
    fund(wallet, "1")
    sequence()
    queue.fill(EventEndpoint.objects.get().pk)
    EventDelivery.objects.filter(status="pending").update(created_at=old)
    assert queue.prune(older_than=timedelta(days=30)) == 2
    assert [delivery.status for delivery in EventDelivery.objects.all()] == ["pending"]


def test_what_staff_send_again_is_not_forgotten_at_that_moment(there: Receiver, wallet: int, admin: User) -> None:
    endpoint = endpoint_at(there.url, staff=admin)
    fund(wallet, "1")
    work()
    EventDelivery.objects.update(created_at=timezone.now() - timedelta(days=31))
    again = positions(MOVES)[-1]
    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            services.redeliver(endpoint_id=endpoint.pk, first=again, last=again, staff=admin)
            forgotten = thread.submit(closing_connection, lambda: queue.prune(older_than=timedelta(days=30)))
            wait_until(someone_waits_for_a_lock)
        assert forgotten.result() == 0
    assert [delivery.status for delivery in EventDelivery.objects.all()] == ["pending"]
