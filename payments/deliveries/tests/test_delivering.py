"""Events reach an endpoint: signed, in order, at least once, and with the same bytes each time."""

import json
import threading
import time
from datetime import timedelta
from io import BufferedIOBase

import pytest
from django.db.models import F
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from accounts.models import User
from payments.deliveries import queue, services
from payments.deliveries.attempts import AttemptOutcome
from payments.events.relay import sequence
from payments.events.rendering import bodies
from payments.models import Event, EventDelivery, EventEndpoint
from payments.worker import dispatcher
from tests.support.deliveries import endpoint_at, make_due, positions, work
from tests.support.ledger import fund, sql, wallet_of
from tests.support.receivers import Received, Receiver, failing_at_first, receiver, respond

MOVES = ["wallet.credited"]


def ids(requests: list[Received]) -> list[str]:
    return [request.headers["webhook-id"] for request in requests]


def test_each_event_from_now_on_is_sent_once_in_order_and_as_it_is_in_the_feed(there: Receiver, wallet: int) -> None:
    fund(wallet, "5")
    endpoint = endpoint_at(there.url)
    for _ in range(3):
        fund(wallet, "10")
    work()
    sent = positions()[-3:]
    assert sorted(ids(there.requests)) == [f"evt_{position}" for position in sent]
    events = bodies(list(Event.objects.filter(position__in=sent)))
    assert {request.body for request in there.requests} == set(events.values())
    assert [json.loads(events[position])["data"]["sequence"] for position in sent] == [2, 3, 4]
    endpoint.refresh_from_db()
    assert endpoint.position == sent[-1]
    work()
    assert len(there.requests) == 3


def test_a_delivery_says_what_was_answered(there: Receiver, wallet: int) -> None:
    endpoint_at(there.url)
    fund(wallet, "10")
    work()
    [delivery] = EventDelivery.objects.all()
    assert (delivery.status, delivery.attempts, delivery.type) == ("delivered", 1, "wallet.credited")
    assert delivery.delivered_at is not None
    [entry] = delivery.log
    assert entry.pop("at") <= timezone.now().isoformat()
    assert 0 <= entry.pop("milliseconds") < 5000
    assert entry == {"number": 1, "status_code": 200, "error": "", "answer": "thanks"}


def test_the_reference_implementation_verifies_a_delivery(there: Receiver, wallet: int) -> None:
    endpoint = endpoint_at(there.url)
    fund(wallet, "10")
    work()
    [request] = there.requests
    headers = dict(request.headers)
    assert Webhook(endpoint.secret).verify(request.body, headers)["type"] == "wallet.credited"
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(request.body + b" ", headers)


def test_during_a_rotation_both_secrets_sign_and_after_a_day_one(there: Receiver, wallet: int, admin: User) -> None:
    before = endpoint_at(there.url).secret
    endpoint = services.rotate_secret(endpoint_id=EventEndpoint.objects.get().pk, staff=admin)
    fund(wallet, "10")
    work()
    EventEndpoint.objects.update(previous_secret_until=timezone.now())
    fund(wallet, "10")
    work()
    during, after = there.requests
    for secret in (before, endpoint.secret):
        Webhook(secret).verify(during.body, dict(during.headers))
    Webhook(endpoint.secret).verify(after.body, dict(after.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(before).verify(after.body, dict(after.headers))


def test_only_the_types_that_an_endpoint_wants_are_sent(there: Receiver, wallet: int, bob: User) -> None:
    endpoint_at(there.url, types=["transfer.*", "wallet.opened"])
    fund(wallet, "10")
    wallet_of(bob, "EUR")
    work()
    assert [json.loads(request.body)["type"] for request in there.requests] == ["wallet.opened"]
    assert EventEndpoint.objects.get().position == positions()[-1]


def test_a_type_of_a_newer_release_waits_for_a_worker_that_knows_it(there: Receiver, wallet: int, admin: User) -> None:
    """An older worker beside it neither passes it over nor stumbles on it."""
    all_of_them, family = (endpoint_at(there.url, staff=admin, types=types) for types in ([], ["wallet.*"]))
    newer = positions()[-1] + 1
    sql("INSERT INTO payments_event (position, type, source_id) VALUES (%s, 'wallet.sealed', 1)", newer)
    sql("UPDATE payments_eventrelay SET last_position = %s", newer)
    fund(wallet, "10")
    for _ in range(2):
        work()
    assert set(ids(there.requests)) == {f"evt_{positions(MOVES)[-1]}"}
    waiting = EventDelivery.objects.filter(position=newer, status="pending", attempts=0)
    assert {delivery.endpoint_id for delivery in waiting} == {all_of_them.pk, family.pk}


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503, 301])
def test_whatever_is_no_success_is_tried_again_with_the_same_bytes(
    committed_db: None, wallet: int, status: int
) -> None:
    with receiver(failing_at_first(2, respond(status, b"no"))) as there:
        endpoint_at(there.url)
        fund(wallet, "10")
        for _ in range(3):
            work()
            make_due()
    [first, second, third] = there.requests
    assert first.body == second.body == third.body
    assert ids(there.requests) == [f"evt_{positions(MOVES)[-1]}"] * 3
    [delivery] = EventDelivery.objects.all()
    assert [entry["status_code"] for entry in delivery.log] == [status, status, 204]
    assert (delivery.status, delivery.attempts) == ("delivered", 3)
    assert EventEndpoint.objects.get().failing_since is None


def test_a_failed_attempt_waits_as_the_schedule_says(committed_db: None, wallet: int) -> None:
    with receiver(respond(503, Retry_After="600")) as there:
        endpoint_at(there.url)
        fund(wallet, "10")
        work()
        work()
    assert len(there.requests) == 1
    [delivery] = EventDelivery.objects.all()
    assert timedelta(seconds=590) < delivery.next_attempt_at - timezone.now() <= timedelta(seconds=600)


def test_after_the_last_attempt_a_delivery_has_failed(committed_db: None, wallet: int) -> None:
    with receiver(respond(500)) as there:
        endpoint_at(there.url)
        fund(wallet, "10")
        for _ in range(12):
            work()
            make_due()
    assert len(there.requests) == 11
    [delivery] = EventDelivery.objects.all()
    assert (delivery.status, len(delivery.log), delivery.attempts) == ("failed", 11, 11)


def test_the_log_keeps_the_last_attempts(committed_db: None, wallet: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MAX_LOGGED", 3)
    with receiver(respond(500)) as there:
        endpoint_at(there.url)
        fund(wallet, "10")
        for _ in range(5):
            work()
            make_due()
    assert [entry["number"] for entry in EventDelivery.objects.get().log] == [3, 4, 5]


def test_while_nothing_succeeds_one_event_at_a_time_is_tried_and_then_all_that_waits(
    committed_db: None, wallet: int
) -> None:
    with receiver(failing_at_first(4, respond(500))) as there:
        endpoint_at(there.url)
        for _ in range(3):
            fund(wallet, "10")
        work()  # all three fail
        assert EventEndpoint.objects.get().failing_since is not None
        make_due(pk=EventDelivery.objects.earliest("pk").pk)
        work()
        assert len(there.requests) == 4
        EventEndpoint.objects.update(failing_since=timezone.now() - queue.OUTAGE)
        make_due(pk=EventDelivery.objects.earliest("pk").pk)
        work()  # succeeds
    waiting = EventDelivery.objects.filter(status="pending")
    soon = timezone.now() + timedelta(seconds=queue.SPREAD_SECONDS)
    assert [(one.attempts, one.attempts_before, one.next_attempt_at <= soon) for one in waiting] == [(1, 1, True)] * 2


class Crowd:
    """An answer that counts how many requests are under way together."""

    def __init__(self, status: int) -> None:
        self.answer, self.lock = respond(status), threading.Lock()
        self.now = self.most = 0

    def __call__(self, request: Received, out: BufferedIOBase) -> bytes:
        self._count(1)
        time.sleep(0.05)
        self._count(-1)
        return self.answer(request, out)

    def _count(self, change: int) -> None:
        with self.lock:
            self.now += change
            self.most = max(self.most, self.now)


@pytest.mark.parametrize(("is_failing", "most"), [(False, 4), (True, 1)])
def test_no_more_attempts_at_an_endpoint_are_under_way_together_than_may(
    committed_db: None, wallet: int, monkeypatch: pytest.MonkeyPatch, is_failing: bool, most: int
) -> None:
    monkeypatch.setattr(dispatcher, "AT_ONCE", 4)
    crowd = Crowd(500 if is_failing else 204)
    with receiver(crowd) as there:
        endpoint_at(there.url)
        for _ in range(12):
            fund(wallet, "1")
        if is_failing:
            EventEndpoint.objects.update(failing_since=timezone.now())
        work()
    assert len(there.requests) == 12
    assert crowd.most == most


def test_one_event_that_always_fails_among_others_keeps_to_its_schedule(committed_db: None, wallet: int) -> None:
    with receiver(failing_at_first(1, respond(500))) as there:
        endpoint_at(there.url)
        for _ in range(3):
            fund(wallet, "10")
            work()
    assert len(there.requests) == 3
    [waiting] = EventDelivery.objects.filter(status="pending")
    assert waiting.attempts_before == 0
    assert EventEndpoint.objects.get().failing_since is None


def test_a_dead_endpoint_fills_no_table_and_loses_nothing(
    there: Receiver, wallet: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MAX_OPEN", 3)
    endpoint_at(there.url)
    for _ in range(5):
        fund(wallet, "1")
    assert [fill_endpoint() for _ in range(2)] == [3, 3]
    for _ in range(2):
        work()
    assert sorted(ids(there.requests)) == [f"evt_{position}" for position in positions(MOVES)]


def fill_endpoint() -> int:
    """Give the events their deliveries, and send none; return how many there are."""
    sequence()
    queue.fill(EventEndpoint.objects.get().pk)
    return EventDelivery.objects.count()


def test_a_test_event_is_sent_whatever_types_are_wanted(there: Receiver, admin: User) -> None:
    endpoint = endpoint_at(there.url, types=["rate.changed"], staff=admin)
    delivery = services.send_test(endpoint_id=endpoint.pk, staff=admin)
    assert not there.requests
    work()
    [request] = there.requests
    assert request.headers["webhook-id"] == f"evt_test_{delivery.pk}"
    body = Webhook(endpoint.secret).verify(request.body, dict(request.headers))
    assert (body["type"], body["data"]) == ("endpoint.test", {"endpoint": endpoint.pk})


def test_a_range_is_sent_again_as_it_was(there: Receiver, wallet: int, admin: User) -> None:
    fund(wallet, "5")
    endpoint = endpoint_at(there.url, types=["wallet.credited"], staff=admin)
    for _ in range(2):
        fund(wallet, "10")
    work()
    before = {request.headers["webhook-id"]: request.body for request in there.requests}
    there.requests.clear()
    credited = positions(MOVES)
    assert services.redeliver(endpoint_id=endpoint.pk, first=1, last=credited[-1], staff=admin) == 3
    work()
    after = {request.headers["webhook-id"]: request.body for request in there.requests}
    assert len(after) == 3  # with one from before the endpoint was added
    assert before.items() <= after.items()
    assert EventDelivery.objects.filter(status="delivered").count() == 3


def test_what_waits_is_not_sent_twice_by_asking_for_it_again(there: Receiver, wallet: int, admin: User) -> None:
    endpoint = endpoint_at(there.url, staff=admin)
    fund(wallet, "10")
    assert fill_endpoint() == 1
    services.redeliver(endpoint_id=endpoint.pk, first=1, last=positions()[-1], staff=admin)
    there.requests.clear()
    EventDelivery.objects.exclude(position=positions()[-1]).delete()
    work()
    assert ids(there.requests) == [f"evt_{positions()[-1]}"]


def test_a_claim_that_ran_out_is_tried_again_and_its_late_result_dropped(there: Receiver, wallet: int) -> None:
    """As when a worker was killed, or stood still for a minute."""
    endpoint = endpoint_at(there.url)
    fund(wallet, "10")
    assert fill_endpoint() == 1
    [late] = queue.claim(endpoint.pk, 10)
    assert queue.claim(endpoint.pk, 10) == []
    let_claims_run_out()
    work()
    [delivery] = EventDelivery.objects.all()
    assert (delivery.status, delivery.attempts) == ("delivered", 2)
    queue.note(endpoint.pk, [queue.AttemptResult(late, AttemptOutcome(0.1, status_code=500))])
    delivery.refresh_from_db()
    assert (delivery.status, len(delivery.log)) == ("delivered", 1)


def let_claims_run_out() -> None:
    EventDelivery.objects.update(claimed_until=F("claimed_until") - timedelta(seconds=queue.CLAIM_SECONDS))


def test_a_late_result_does_not_end_the_attempt_that_is_under_way(there: Receiver, wallet: int) -> None:
    endpoint = endpoint_at(there.url)
    fund(wallet, "10")
    assert fill_endpoint() == 1
    [late] = queue.claim(endpoint.pk, 10)
    let_claims_run_out()
    [current] = queue.claim(endpoint.pk, 10)
    queue.note(endpoint.pk, [queue.AttemptResult(late, AttemptOutcome(0.1, status_code=500))])
    EventDelivery.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    assert queue.claim(endpoint.pk, 10) == []
    queue.note(endpoint.pk, [queue.AttemptResult(current, AttemptOutcome(0.1, status_code=204))])
    [delivery] = EventDelivery.objects.all()
    assert (delivery.status, [entry["number"] for entry in delivery.log]) == ("delivered", [2])


def test_two_workers_at_once_send_no_attempt_twice(committed_db: None, wallet: int) -> None:
    with receiver(failing_at_first(45, respond(500))) as there:
        endpoint_at(there.url)
        for _ in range(40):
            fund(wallet, "1")
        for _ in range(25):  # while nothing succeeds each worker tries one at a time
            work(workers=3)
            make_due()
    deliveries = EventDelivery.objects.all()
    assert {delivery.status for delivery in deliveries} == {"delivered"}
    assert sum(delivery.attempts for delivery in deliveries) == len(there.requests)
    assert all([entry["number"] for entry in d.log] == list(range(1, d.attempts + 1)) for d in deliveries)


def test_a_dead_endpoint_delays_no_other(committed_db: None, wallet: int) -> None:
    def silent(_request: Received, _out: object) -> bytes:
        time.sleep(1.2)
        return b""

    with receiver(silent) as dead, receiver() as there:
        endpoint_at(dead.url)
        endpoint_at(there.url)
        for _ in range(5):
            fund(wallet, "1")
        work(timeout=1)
        healthy = EventDelivery.objects.filter(endpoint__url=there.url)
        assert {delivery.status for delivery in healthy} == {"delivered"}
        taken = [delivery.delivered_at - delivery.created_at for delivery in healthy if delivery.delivered_at]
        assert max(taken) < timedelta(seconds=0.9)
        assert not EventDelivery.objects.filter(endpoint__url=dead.url, status="delivered").exists()
