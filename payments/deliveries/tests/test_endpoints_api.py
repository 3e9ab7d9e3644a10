"""webhook-endpoints: admins add, change, test, rotate and remove them; deliveries are read, and sent again."""

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from payments.deliveries import queue, services
from payments.events import relay
from payments.events.relay import sequence
from payments.models import EventDelivery, EventEndpoint
from payments.webhooks import signatures
from tests.support.deliveries import endpoint_at, positions
from tests.support.ledger import fund, sql, wallet_of
from tests.support.rest import API, ids, refused, signed_in, succeeded

URL, HOOK = f"{API}/webhook-endpoints", "https://shop.example.com/till"


def post(user: Any, path: str = "", **body: Any) -> Any:
    return signed_in(user).post(f"{URL}{path}", body)


def texts_of_rows() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(e)::text FROM payments_eventendpoint e")
        return "".join(row for (row,) in cursor.fetchall())


def test_a_new_endpoint_shows_its_secret_once(admin: User) -> None:
    body = succeeded(post(admin, url=HOOK, types=["wallet.*", "deposit.paid"], description="The shop"))
    secret = body.pop("secret")
    assert len(signatures.standard_key(secret)) == 32
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": EventEndpoint.objects.get().pk, "url": HOOK, "types": ["wallet.*", "deposit.paid"],
        "description": "The shop", "is_active": True, "disabled_reason": "", "failing_since": None,
        "position": positions()[-1], "previous_secret_until": None,
    }  # fmt: skip
    client = signed_in(admin)
    read = [client.get(URL), client.get(f"{URL}/{body['id']}"), client.patch(f"{URL}/{body['id']}", {"types": []})]
    for text in (*(answer.content.decode() for answer in read), texts_of_rows()):
        assert secret.removeprefix("whsec_") not in text


def test_an_endpoint_begins_with_the_events_that_come(admin: User, alice: User) -> None:
    """Nothing of before is sent there, though nobody has run the relay yet."""
    wallet = wallet_of(alice, holding="10")
    endpoint = succeeded(post(admin, url=HOOK))
    assert endpoint["position"] == positions()[-1]
    fund(wallet, "10")
    sequence()
    queue.fill(EventEndpoint.objects.get().pk)
    assert EventDelivery.objects.get().position == positions()[-1]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "https://10.0.0.1/"}, "invalid_url"),
        ({"url": "https://user:secret@example.com/"}, "invalid_url"),
        ({"url": "ftp://example.com/"}, "invalid_url"),
        ({"url": HOOK, "types": ["wallet.stolen"]}, "unknown_event_type"),
        ({"url": HOOK, "types": ["nothing.*"]}, "unknown_event_type"),
        ({"url": HOOK, "types": ["*"]}, "unknown_event_type"),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused_by_its_field(admin: User, body: dict[str, Any], code: str) -> None:
    problem = refused(post(admin, **body), 422, code)
    assert problem["errors"][0]["field"] == ("url" if code == "invalid_url" else "types")
    assert not EventEndpoint.objects.exists()


def test_there_are_not_more_endpoints_than_till_delivers_to(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_ENDPOINTS", 1)
    succeeded(post(admin, url=HOOK))
    refused(post(admin, url=HOOK), 409, "too_many_endpoints")


def test_none_is_added_before_the_history_has_its_positions(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "MAX_PASSES", 0)
    refused(post(admin, url=HOOK), 409, "events_behind")


def test_an_endpoint_is_switched_off_and_on(admin: User) -> None:
    endpoint = endpoint_at(HOOK, staff=admin)
    client = signed_in(admin)
    off = succeeded(client.patch(f"{URL}/{endpoint.pk}", {"is_active": False}), 200)
    assert (off["is_active"], off["disabled_reason"]) == (False, "staff")
    refused(post(admin, f"/{endpoint.pk}/test"), 409, "endpoint_inactive")
    refused(post(admin, f"/{endpoint.pk}/redeliver", event="evt_1"), 409, "endpoint_inactive")
    on = succeeded(client.patch(f"{URL}/{endpoint.pk}", {"is_active": True}), 200)
    assert (on["is_active"], on["disabled_reason"], on["failing_since"]) == (True, "", None)
    changes = [entry.change_message for entry in LogEntry.objects.order_by("pk")]
    assert changes == [f"Added: {HOOK}, all events.", "is_active: True -> False.", "is_active: False -> True."]


def test_postgresql_refuses_an_inactive_endpoint_without_a_reason(admin: User) -> None:
    endpoint_at(HOOK, staff=admin)
    with pytest.raises(Exception, match="event_endpoint_has_reason_when_off"):
        EventEndpoint.objects.update(is_active=False)


def test_a_rotation_shows_another_secret(admin: User) -> None:
    endpoint = endpoint_at(HOOK, staff=admin)
    body = succeeded(post(admin, f"/{endpoint.pk}/rotate-secret"), 200)
    rotated = EventEndpoint.objects.get()
    assert body["secret"] == rotated.secret != endpoint.secret == rotated.previous_secret
    assert body["previous_secret_until"] is not None


def test_an_endpoint_whose_address_is_allowed_no_more_can_be_switched_off_but_not_on(
    admin: User, settings: Any
) -> None:
    endpoint = endpoint_at("http://127.0.0.1:8001/hook", staff=admin)
    settings.TILL_EVENT_NETWORKS = []
    client = signed_in(admin)
    succeeded(client.patch(f"{URL}/{endpoint.pk}", {"is_active": False}), 200)
    refused(client.patch(f"{URL}/{endpoint.pk}", {"is_active": True}), 422, "invalid_url")
    refused(client.patch(f"{URL}/{endpoint.pk}", {"url": "https://10.0.0.1"}), 422, "invalid_url")


def test_a_test_event_waits_for_the_worker(admin: User) -> None:
    endpoint = endpoint_at(HOOK, staff=admin)
    body = succeeded(post(admin, f"/{endpoint.pk}/test"), 202)
    assert (body["type"], body["status"], body["attempts"], body["log"]) == ("endpoint.test", "pending", 0, [])
    assert body["event"] == f"evt_test_{body['id']}"
    assert body["next_attempt_at"] is not None


@pytest.fixture
def delivered(admin: User, alice: User) -> EventEndpoint:
    """An endpoint with two deliveries: the first was delivered, the second waits."""
    wallet = wallet_of(alice)
    endpoint = endpoint_at(HOOK, staff=admin, types=["wallet.*"])
    for _ in range(2):
        fund(wallet, "10")
    sequence()
    queue.fill(endpoint.pk)
    first = EventDelivery.objects.earliest("pk")
    EventDelivery.objects.filter(pk=first.pk).update(status="delivered", delivered_at=first.created_at, attempts=1)
    return EventEndpoint.objects.get()


def test_deliveries_are_listed_and_filtered(admin: User, delivered: EventEndpoint) -> None:
    client: Any = signed_in(admin)
    url = f"{URL}/{delivered.pk}/deliveries"
    second, first = EventDelivery.objects.all()
    assert ids(client.get(url)) == [second.pk, first.pk]
    assert ids(client.get(url, {"status": "delivered"})) == [first.pk]
    assert ids(client.get(url, {"event": f"evt_{second.position}"})) == [second.pk]
    assert ids(client.get(url, {"type": "wallet.credited", "limit": 1})) == [second.pk]
    assert ids(client.get(url, {"type": "wallet.debited"})) == []
    refused(client.get(url, {"event": "17"}), 400, "invalid_request", "event")
    refused(client.get(url, {"status": "lost"}), 400, "invalid_request", "status")
    refused(client.get(f"{URL}/{delivered.pk + 1}/deliveries"), 404, "not_found")


def test_the_failed_are_read_from_their_index(admin: User, delivered: EventEndpoint) -> None:
    """No delivery that arrived is looked at, however many there are."""
    sql(
        "INSERT INTO payments_eventdelivery (endpoint_id, position, type, status, delivered_at)"
        " SELECT %s, 1000 + n, 'wallet.credited', 'delivered', now() FROM generate_series(1, 2000) AS n",
        delivered.pk,
    )
    sql("ANALYZE payments_eventdelivery")
    with CaptureQueriesContext(connection) as captured:
        assert ids(signed_in(admin).get(f"{URL}/{delivered.pk}/deliveries?status=failed")) == []
    [statement] = [query["sql"] for query in captured if "= 'failed'" in query["sql"]]
    assert "event_delivery_failed" in " ".join(row for (row,) in sql(f"EXPLAIN {statement}"))


def test_an_event_or_a_range_is_sent_again(admin: User, delivered: EventEndpoint) -> None:
    path, (first, second) = f"/{delivered.pk}/redeliver", positions()[-2:]
    assert succeeded(post(admin, path, event=f"evt_{first}"), 202) == {"count": 1}
    assert succeeded(post(admin, path, **{"from": 1, "to": second + 100}), 202) == {"count": len(positions(WALLET))}
    assert not EventDelivery.objects.exclude(status="pending").exists()
    assert EventDelivery.objects.get(position=first).attempts_before == 1


WALLET = ["wallet.opened", "wallet.credited"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["event", "from"]),
        ({"event": "evt_1", "from": 1}, ["event", "from"]),
        ({"event": "evt_1", "to": 1}, ["event", "to"]),
        ({"event": "1"}, ["event"]),
        ({"event": "evt_0"}, ["event"]),
        ({"event": 1}, ["event"]),
        ({"from": "1"}, ["from"]),
        ({"from": 1, "until": 2}, ["until"]),
    ],
)
def test_what_is_sent_again_has_one_form(
    admin: User, delivered: EventEndpoint, body: dict[str, Any], fields: list[str]
) -> None:
    problem = refused(post(admin, f"/{delivered.pk}/redeliver", **body), 400, "invalid_request")
    assert [error["field"] for error in problem["errors"]] == fields


@pytest.mark.parametrize(("first", "last"), [(2, 1), (1, 1001)])
def test_a_range_is_bounded(admin: User, delivered: EventEndpoint, first: int, last: int) -> None:
    refused(post(admin, f"/{delivered.pk}/redeliver", **{"from": first, "to": last}), 422, "invalid_range", "to")


def test_an_endpoint_goes_with_its_deliveries(admin: User, delivered: EventEndpoint) -> None:
    assert signed_in(admin).delete(f"{URL}/{delivered.pk}").status_code == 204
    assert not EventEndpoint.objects.exists()
    assert not EventDelivery.objects.exists()
    assert positions()


def test_mallory_reaches_no_endpoint(delivered: EventEndpoint, mallory: User) -> None:
    for path in ("", f"/{delivered.pk}", f"/{delivered.pk}/deliveries"):
        refused(signed_in(mallory).get(f"{URL}{path}"), 403, "permission_denied")
    refused(post(mallory, url=HOOK), 403, "permission_denied")
    refused(post(mallory, f"/{delivered.pk}/rotate-secret"), 403, "permission_denied")
    assert json.loads(signed_in(mallory).get(URL).content)["code"] == "permission_denied"


def test_an_endpoint_with_many_deliveries_can_be_removed(admin: User, delivered: EventEndpoint) -> None:
    """However long that takes. Each of two takes longer here than a statement may."""
    sql("""
        CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN OLD; END';
        CREATE TRIGGER slow BEFORE DELETE ON payments_eventdelivery FOR EACH ROW EXECUTE FUNCTION slowly()
    """)
    sql("SET LOCAL statement_timeout = '400ms'")
    services.remove_endpoint(endpoint_id=delivered.pk, staff=admin)
    assert not EventDelivery.objects.exists()
