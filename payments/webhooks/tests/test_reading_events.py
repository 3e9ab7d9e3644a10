"""GET webhook-events and their replay: for admins alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.utils import timezone

from accounts.models import Role
from payments.ledger.models.wallets import FIRST_OWN_WALLET_ID
from payments.ledger.services.wallets import open_wallet
from payments.models import Posting, Provider, Wallet, WebhookEvent
from payments.webhooks.queries.filters import with_external_id
from payments.webhooks.receiving.provider_cache import provider_cache
from tests.support.notices import ALICES, BOBS, NOBODY, credit, notice, refused_notice
from tests.support.rest import signed_in

URL = "/api/v1/webhook-events"


def external_ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [event["transaction_id"] for event in answer.json()["results"]]


def replay(user: Any, event: WebhookEvent) -> Any:
    return signed_in(user).post(f"{URL}/{event.pk}/replay")


@pytest.fixture
def events(alice: Any, bob: Any) -> None:
    credit(alice, ALICES, "25", external_id="1")
    credit(bob, BOBS, external_id="2", provider="sha256_concat")
    refused_notice(user_id=NOBODY, account=303, external_id="3")
    refused_notice(user_id=bob.pk, account=ALICES, external_id="4")
    refused_notice(user_id=alice.pk, account=ALICES, amount="99", external_id="1")


def test_an_event_is_shown_as_it_was_received(events: None, alice: Any, admin: Any) -> None:
    event = WebhookEvent.objects.get(verdict="credited", provider__slug="sha1_colon")
    body = signed_in(admin).get(f"{URL}/{event.pk}").json()
    assert body.pop("received_at").endswith("Z")
    assert body == {
        "id": event.pk,
        "provider": "sha1_colon",
        "transaction_id": "1",
        "user_id": alice.pk,
        "account_id": ALICES,
        "amount": "25.00",
        "currency": "USD",
        "verdict": "credited",
        "reason": "",
        "transaction": event.transaction_id,
        "body": "",
        "headers": {},
    }


@pytest.mark.parametrize("role", [Role.USER, Role.SERVICE])
def test_events_are_closed_to_everybody_else(role: Role, events: None, mallory: Any) -> None:
    mallory.take_role(role)
    event = WebhookEvent.objects.get(external_id="3")
    client = signed_in(mallory)
    answers = [client.get(URL), client.get(f"{URL}/{event.pk}"), client.post(f"{URL}/{event.pk}/replay")]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert not LogEntry.objects.exists()


def test_a_flag_of_djangos_own_opens_nothing(events: None, mallory: Any) -> None:
    mallory.is_staff = True
    assert signed_in(mallory).get(URL).status_code == 403


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["1", "4", "3", "2", "1"]),
        ({"provider": "sha256_concat"}, ["2"]),
        ({"provider": "nobody"}, []),
        ({"verdict": "unmatched"}, ["4", "3"]),
        ({"verdict": "conflict"}, ["1"]),
        ({"transaction_id": "1"}, ["1", "1"]),
        ({"transaction_id": "1", "verdict": "credited"}, ["1"]),
        ({"transaction_id": "none"}, []),
        ({"user": NOBODY}, ["3"]),
        ({"account": ALICES}, ["1", "4", "1"]),
        ({"from": (timezone.now() - timedelta(days=1)).isoformat()}, ["1", "4", "3", "2", "1"]),
        ({"to": (timezone.now() - timedelta(days=1)).isoformat()}, []),
    ],
)
def test_filters_narrow_the_list_of_events(query: Any, expected: list[str], events: None, admin: Any) -> None:
    assert external_ids(signed_in(admin).get(URL, query)) == expected


@pytest.mark.parametrize("query", [{"verdict": "lost"}, {"user": "-1"}, {"account": "x"}, {"to": "now"}, {"id": "1"}])
def test_a_parameter_that_makes_no_sense_is_named(query: dict[str, str], admin: Any) -> None:
    answer = signed_in(admin).get(URL, query)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == list(query)


@pytest.mark.parametrize("number", [3, 30])
def test_a_page_costs_one_query(number: int, admin: Any, django_assert_num_queries: Any) -> None:
    for external_id in range(number):
        refused_notice(user_id=NOBODY, account=303, external_id=f"x{external_id}")
    with django_assert_num_queries(1):
        assert len(external_ids(signed_in(admin).get(URL))) == number
    with django_assert_num_queries(2):  # the providers, the page
        signed_in(admin).get(URL, {"transaction_id": "x1"})


def test_an_event_can_be_found_by_its_id_through_the_unique_indexes(events: None) -> None:
    """So few rows are read faster without an index: the planner is told that they are not."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = WebhookEvent.objects.filter(with_external_id("1")).order_by().explain()
    assert "event_once" in plan
    assert "Seq Scan" not in plan


# --- replay ---------------------------------------------------------------------------------------------------


def test_a_replay_credits_an_event_whose_obstacle_is_gone(alice: Any, admin: Any) -> None:
    own = FIRST_OWN_WALLET_ID + 10**9
    event = refused_notice(user_id=alice.pk, account=own, amount="12.5")
    assert replay(admin, event).json()["code"] == "wallet_not_found"
    with connection.cursor() as cursor:  # the next id of our own happens to be the one that was awaited
        cursor.execute("SELECT setval(pg_get_serial_sequence('payments_wallet', 'id'), %s, false)", [own])
    assert open_wallet(owner_id=alice.pk, currency="USD").pk == own
    first, second = replay(admin, event), replay(admin, event)
    assert first.status_code == second.status_code == 200
    assert first.json() == {
        "status": "credited",
        "duplicate": False,
        "transaction_id": event.external_id,
        "account_id": own,
        "amount": "12.50",
        "currency": "USD",
        "balance": "12.50",
    }
    assert second.json() == first.json() | {"duplicate": True}
    assert Wallet.objects.get(pk=own).balance == 12.5
    event.refresh_from_db()
    assert (event.verdict, event.reason) == ("credited", "")


@pytest.mark.parametrize(
    ("user", "status", "code"), [("nobody", 404, "user_not_found"), ("bob", 409, "wallet_owner_mismatch")]
)
def test_a_replay_answers_what_still_stands_in_the_way(
    user: str, status: int, code: str, alice: Any, bob: Any, admin: Any
) -> None:
    credit(alice, ALICES)
    event = refused_notice(user_id={"nobody": NOBODY, "bob": bob.pk}[user], account=ALICES)
    before = Posting.objects.count()
    answer = replay(admin, event)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert Posting.objects.count() == before


def test_a_conflict_is_never_replayed(alice: Any, admin: Any) -> None:
    credit(alice, ALICES, external_id="1")
    event = refused_notice(user_id=alice.pk, account=ALICES, amount="99", external_id="1")
    answer = replay(admin, event)
    assert (answer.status_code, answer.json()["code"]) == (409, "event_not_replayable")
    assert Wallet.objects.get(pk=ALICES).balance == 10


def test_events_of_a_provider_that_is_switched_off_are_never_replayed(admin: Any) -> None:
    event = refused_notice(user_id=NOBODY, account=303)
    Provider.objects.update(is_active=False)
    assert replay(admin, event).json()["code"] == "event_not_replayable"
    provider_cache.invalidate()


def test_the_staff_log_says_who_replayed_what_and_what_came_of_it(alice: Any, admin: Any) -> None:
    credited = credit(alice, ALICES, external_id="1")
    event = WebhookEvent.objects.get()
    waiting = refused_notice(user_id=NOBODY, account=303)
    assert replay(admin, event).json()["duplicate"] is True
    assert replay(admin, waiting).status_code == 404
    entries = LogEntry.objects.order_by("pk")
    assert [(entry.user_id, entry.object_id) for entry in entries] == [
        (admin.pk, str(event.pk)),
        (admin.pk, str(waiting.pk)),
    ]
    assert "credited already" in entries[0].change_message
    assert "no such user" in entries[1].change_message
    assert credited.notice == notice(user_id=alice.pk, account=ALICES, external_id="1")


def test_an_event_that_is_not_there_is_404(admin: Any) -> None:
    assert signed_in(admin).post(f"{URL}/999999/replay").status_code == 404
