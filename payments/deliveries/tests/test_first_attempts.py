"""New events are sent before they have deliveries: whatever happens to the worker, none is lost or sent by two."""

import asyncio
import time
from datetime import timedelta
from functools import partial
from io import BufferedIOBase

import pytest
from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts.models import User
from payments.deliveries import first_attempts, queue, services
from payments.deliveries.attempts import AttemptOutcome
from payments.deliveries.first_attempts import TakenEvents
from payments.deliveries.sender import EventSender
from payments.events.relay import sequence
from payments.models import EventBatch, EventDelivery, EventEndpoint
from payments.worker import dispatcher
from payments.worker.threads import DatabaseThreads
from tests.support.deliveries import endpoint_at, make_due, positions, work
from tests.support.ledger import fund
from tests.support.receivers import Answer, Received, Receiver, receiver, respond
from tests.support.threads import in_another_thread

MOVES = ["wallet.credited"]


@pytest.fixture
def endpoint(there: Receiver, wallet: int, admin: User) -> EventEndpoint:
    """With three new events."""
    endpoint = endpoint_at(there.url, staff=admin)
    for _ in range(3):
        fund(wallet, "1")
    sequence()
    return endpoint


def taken(endpoint: EventEndpoint, limit: int = 10) -> TakenEvents:
    events = first_attempts.take(endpoint.pk, limit)
    assert events is not None
    return events


def results_of(events: TakenEvents, status: int = 204) -> list[queue.AttemptResult]:
    return [queue.AttemptResult(claim, AttemptOutcome(0.1, status_code=status)) for claim in events.claims]


def states() -> list[tuple[str, int, int]]:
    return [(one.status, one.attempts, len(one.log)) for one in EventDelivery.objects.order_by("position")]


def test_no_two_workers_take_one_event(endpoint: EventEndpoint) -> None:
    first, second = taken(endpoint, 2), taken(endpoint, 2)
    assert [event.position for event in [*first.events, *second.events]] == positions(MOVES)
    assert first_attempts.take(endpoint.pk, 2) is None


def test_who_comes_while_another_worker_takes_events_gets_none_and_does_not_wait(endpoint: EventEndpoint) -> None:
    with transaction.atomic():
        first = taken(endpoint, 2)
        assert in_another_thread(partial(first_attempts.take, endpoint.pk, 2)) is None
    second = taken(endpoint, 2)
    assert [event.position for event in [*first.events, *second.events]] == positions(MOVES)


def test_an_attempt_that_could_outlast_its_claim_does_not_begin(
    there: Receiver, endpoint: EventEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else may soon send the same."""
    with monkeypatch.context() as patched:
        patched.setattr(dispatcher, "BEGIN_WITHIN_SECONDS", 0)
        work()
    assert not there.requests
    make_due()
    work()
    assert len(there.requests) == 3


def test_several_workers_send_each_event_once(there: Receiver, endpoint: EventEndpoint, wallet: int) -> None:
    for _ in range(40):
        fund(wallet, "1")
    work(workers=3)
    assert len(there.requests) == 43
    assert states() == [("delivered", 1, 1)] * 43
    assert not EventBatch.objects.exists()


def test_of_a_batch_whose_worker_died_the_second_attempt_follows(there: Receiver, endpoint: EventEndpoint) -> None:
    late = taken(endpoint)
    work()
    assert not there.requests
    EventBatch.objects.update(claimed_until=F("claimed_until") - timedelta(seconds=queue.CLAIM_SECONDS))
    work()
    assert len(there.requests) == 3
    assert states() == [("delivered", 2, 1)] * 3
    first_attempts.note(endpoint.pk, late, results_of(late, 500))
    assert states() == [("delivered", 2, 1)] * 3


def test_results_are_noted_once_however_often_they_are_told(endpoint: EventEndpoint) -> None:
    events = taken(endpoint)
    for status in (204, 500):
        first_attempts.note(endpoint.pk, events, results_of(events, status))
    assert states() == [("delivered", 1, 1)] * 3


def test_what_was_not_sent_after_all_has_its_first_attempt_to_come(there: Receiver, endpoint: EventEndpoint) -> None:
    events = taken(endpoint)
    first_attempts.note(endpoint.pk, events, results_of(events)[:1])
    assert states() == [("delivered", 1, 1), ("pending", 0, 0), ("pending", 0, 0)]
    work()
    assert len(there.requests) == 2
    assert states() == [("delivered", 1, 1)] * 3


def test_what_staff_send_again_meanwhile_is_sent(there: Receiver, endpoint: EventEndpoint, admin: User) -> None:
    events = taken(endpoint)
    again = positions(MOVES)[0]
    assert services.redeliver(endpoint_id=endpoint.pk, first=again, last=again, staff=admin) == 1
    first_attempts.note(endpoint.pk, events, results_of(events))
    work()
    assert [request.headers["webhook-id"] for request in there.requests] == [f"evt_{again}"]
    assert states() == [("delivered", 1, 1)] * 3


def test_results_for_an_endpoint_that_was_removed_are_dropped(endpoint: EventEndpoint, admin: User) -> None:
    events = taken(endpoint)
    services.remove_endpoint(endpoint_id=endpoint.pk, staff=admin)
    first_attempts.note(endpoint.pk, events, results_of(events))
    assert not EventDelivery.objects.exists()


def test_nothing_is_taken_while_as_many_wait_as_may(endpoint: EventEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MAX_OPEN", 2)
    events = taken(endpoint)
    assert len(events.events) == 2
    first_attempts.note(endpoint.pk, events, results_of(events, 500))
    assert first_attempts.take(endpoint.pk, 10) is None
    endpoint.refresh_from_db()
    assert endpoint.position == positions(MOVES)[1]


def test_at_its_end_a_worker_leaves_new_events_to_others(
    committed_db: None, wallet: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stops soon, however many it has taken."""
    monkeypatch.setattr(dispatcher, "AT_ONCE", 1)
    with receiver(slow_answer(0.1)) as there:
        endpoint_at(there.url)
        for _ in range(10):
            fund(wallet, "1")
        asyncio.run(work_until_the_third(there))
    assert len(there.requests) <= 4
    assert states() == [("delivered", 1, 1)] * len(there.requests) + [("pending", 0, 0)] * (10 - len(there.requests))
    assert not EventBatch.objects.exists()


def slow_answer(seconds: float) -> Answer:
    def reply(request: Received, out: BufferedIOBase) -> bytes:
        time.sleep(seconds)
        return respond()(request, out)

    return reply


async def work_until_the_third(there: Receiver) -> None:
    sender = EventSender(networks=settings.TILL_EVENT_NETWORKS)
    worker = dispatcher.Dispatcher(DatabaseThreads(2), sender)
    await worker.look()
    while len(there.requests) < 3:
        await asyncio.sleep(0.01)
    await worker.finish(5)
    await sender.aclose()
