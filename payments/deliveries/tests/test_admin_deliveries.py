"""Staff's pages of endpoints and deliveries."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from payments.deliveries import queue, services
from payments.events.relay import sequence
from payments.models import EventDelivery, EventEndpoint
from tests.support.admin_forms import shown_field
from tests.support.admin_pages import staff_client
from tests.support.deliveries import endpoint_at
from tests.support.ledger import wallet_of

URL, HOOK = "/admin/payments/eventendpoint/", "https://shop.example.com/till"
DELIVERIES = "/admin/payments/eventdelivery/"


@pytest.fixture
def site(admin: Any) -> Client:
    return staff_client(admin)


@pytest.fixture
def endpoint(admin: Any) -> EventEndpoint:
    return endpoint_at(HOOK, staff=admin, description="The shop")


def change(site: Client, endpoint: EventEndpoint, **changes: str) -> Any:
    page = f"{URL}{endpoint.pk}/change/"
    return site.post(page, {**shown_field(site, page), "url": HOOK, "types": "", "description": "The shop", **changes})


def page_of(site: Client, address: str) -> str:
    return site.get(address).content.decode()


def perform(site: Client, page: str, action: str, *keys: int) -> Any:
    address = f"{page}{action}/?{'&'.join(f'id={key}' for key in keys)}"
    assert site.get(address).status_code == 200
    return site.post(address, {"reason": "It was asked for."}, follow=True)


def test_a_new_endpoint_shows_its_secret_once(site: Client) -> None:
    answer = site.post(f"{URL}add/", {"url": HOOK, "types": "wallet.*,deposit.paid", "description": "The shop"})
    endpoint = EventEndpoint.objects.get()
    assert endpoint.types == ["wallet.*", "deposit.paid"]
    assert endpoint.secret in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    for page in (URL, f"{URL}{endpoint.pk}/change/", f"{URL}{endpoint.pk}/history/"):
        assert endpoint.secret not in site.get(page).content.decode()


@pytest.mark.parametrize(
    ("typed", "field"),
    [({"url": "https://10.0.0.1/"}, "url"), ({"types": "wallet.stolen"}, "types"), ({"url": ""}, "url")],
)
def test_what_cannot_be_is_refused_on_the_form(site: Client, typed: dict[str, str], field: str) -> None:
    answer = site.post(f"{URL}add/", {"url": HOOK, "types": "", "description": "", **typed})
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not EventEndpoint.objects.exists()


def test_an_endpoint_is_changed_and_the_history_says_what(site: Client, endpoint: EventEndpoint) -> None:
    assert change(site, endpoint, types="rate.changed").status_code == 302
    endpoint.refresh_from_db()
    assert endpoint.types == ["rate.changed"]
    assert "types: [] -> ['rate.changed']." in LogEntry.objects.latest("pk").change_message


def test_a_new_secret_is_shown_once_and_the_one_before_signs_for_a_day(site: Client, endpoint: EventEndpoint) -> None:
    answer = change(site, endpoint, rotate="on")
    rotated = EventEndpoint.objects.get()
    assert rotated.secret in answer.content.decode()
    assert rotated.previous_secret == endpoint.secret not in answer.content.decode()
    assert rotated.previous_secret_until
    assert f"{rotated.previous_secret_until:%Y-%m-%d %H:%M:%S}</div>" in page_of(site, f"{URL}{endpoint.pk}/change/")


def test_an_endpoint_is_switched_off_and_on_with_a_reason(site: Client, endpoint: EventEndpoint) -> None:
    perform(site, URL, "switch_off", endpoint.pk)
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.disabled_reason) == (False, "staff")
    assert "It was asked for." in LogEntry.objects.latest("pk").change_message
    assert "switched off" in perform(site, URL, "send_test", endpoint.pk).content.decode()
    perform(site, URL, "switch_on", endpoint.pk)
    endpoint.refresh_from_db()
    assert endpoint.is_active


def test_a_test_event_is_queued(site: Client, endpoint: EventEndpoint) -> None:
    perform(site, URL, "send_test", endpoint.pk)
    assert EventDelivery.objects.get().type == "endpoint.test"


def test_the_front_page_shows_endpoints_that_till_switched_off(site: Client, endpoint: EventEndpoint) -> None:
    headline = "Endpoints: switched off by Till"
    perform(site, URL, "switch_off", endpoint.pk)
    assert headline not in site.get("/admin/").content.decode()
    EventEndpoint.objects.update(disabled_reason="gone")
    assert headline in site.get("/admin/").content.decode()


def test_an_endpoint_is_deleted_on_a_page_of_ours(site: Client, endpoint: EventEndpoint) -> None:
    assert site.get(f"{URL}{endpoint.pk}/delete/")["Location"].startswith(f"{URL}remove/")
    perform(site, URL, "remove", endpoint.pk)
    assert not EventEndpoint.objects.exists()


def test_no_list_is_narrowed_by_a_secret(site: Client, endpoint: EventEndpoint) -> None:
    answer = site.get(URL, {"secret__startswith": "whsec_"})
    assert answer.status_code != 200


@pytest.fixture
def delivery(endpoint: EventEndpoint, alice: User) -> EventDelivery:
    wallet_of(alice)
    sequence()
    queue.fill(endpoint.pk)
    entry = {
        "number": 1, "at": "2026-01-31T12:00:00Z", "milliseconds": 31, "status_code": 500, "error": "",
        "answer": "<b>broken</b>",
    }  # fmt: skip
    EventDelivery.objects.update(status="failed", attempts=1, log=[entry])
    return EventDelivery.objects.earliest("pk")


def test_a_delivery_shows_each_attempt_and_runs_nothing_of_the_answer(site: Client, delivery: EventDelivery) -> None:
    page = site.get(f"{DELIVERIES}{delivery.pk}/change/").content.decode()
    assert "500 in 31 ms" in page
    assert "&lt;b&gt;broken&lt;/b&gt;" in page
    assert "<b>broken</b>" not in page
    listed = site.get(DELIVERIES, {"q": delivery.message_id}).content.decode()
    assert delivery.message_id in listed
    assert delivery.message_id not in site.get(DELIVERIES, {"q": "evt_1"}).content.decode()


def test_a_delivery_shows_when_its_next_attempt_is_while_there_is_one(site: Client, delivery: EventDelivery) -> None:
    page = f"{DELIVERIES}{delivery.pk}/change/"
    assert ">None<" not in page_of(site, page)
    perform(site, DELIVERIES, "redeliver", delivery.pk)
    delivery.refresh_from_db()
    assert f"{delivery.next_attempt_at:%Y-%m-%d %H:%M:%S}</div>" in page_of(site, page)


def test_what_is_no_events_id_finds_no_delivery(site: Client, endpoint: EventEndpoint, admin: User) -> None:
    services.send_test(endpoint_id=endpoint.pk, staff=admin)  # its delivery has no position
    assert "evt_test_" in site.get(DELIVERIES).content.decode()
    assert "evt_test_" not in site.get(DELIVERIES, {"q": "nonsense"}).content.decode()


def test_the_deliveries_of_an_event_are_read_by_their_index(site: Client, delivery: EventDelivery) -> None:
    """It begins with the endpoint. PostgreSQL 18 needs none named, and 15 would read the whole table."""
    with CaptureQueriesContext(connection) as captured:
        site.get(DELIVERIES, {"q": delivery.message_id})
    searches = [query["sql"] for query in captured if f'"position" = {delivery.position}' in query["sql"]]
    assert searches
    assert all('"endpoint_id" IN (SELECT' in statement for statement in searches)


def test_a_delivery_is_sent_again(site: Client, delivery: EventDelivery) -> None:
    perform(site, DELIVERIES, "redeliver", delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts_before) == ("pending", 1)


def test_a_test_event_is_not_sent_again(site: Client, endpoint: EventEndpoint, admin: User) -> None:
    delivery = services.send_test(endpoint_id=endpoint.pk, staff=admin)
    assert "is not sent again" in perform(site, DELIVERIES, "redeliver", delivery.pk).content.decode()


def test_whoever_may_only_look_sees_no_secret_and_sends_nothing(endpoint: EventEndpoint, bob: Any) -> None:
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(*Permission.objects.filter(codename__in=["view_eventendpoint", "view_eventdelivery"]))
    site = staff_client(bob)
    page = site.get(f"{URL}{endpoint.pk}/change/").content.decode()
    assert endpoint.secret not in page
    assert "Make a new secret" not in page
    assert change(site, endpoint, rotate="on").status_code == 403
    assert site.get(f"{URL}send_test/?id={endpoint.pk}").status_code == 403
