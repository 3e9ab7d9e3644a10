"""The feed: oldest first, from a position on, some types or all, in pages that are bounded."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from payments.events import queries, relay
from payments.events.types import TYPES, UnknownEventType, expand
from payments.models import Event
from tests.support.ledger import sql
from tests.support.notices import credit
from tests.support.rest import API, signed_in

FEED = f"{API}/events"


@pytest.fixture
def feed(admin: User) -> Any:
    """What an admin is answered, with the status 200 unless said otherwise."""

    def call(query: str = "", status: int = 200) -> dict[str, Any]:
        response = signed_in(admin).get(f"{FEED}{query}")
        assert response.status_code == status, response.content
        body: dict[str, Any] = response.json()
        return body

    return call


def types_of(page: dict[str, Any]) -> list[str]:
    return [event["type"] for event in page["results"]]


def test_what_is_committed_is_in_the_feed_at_once(feed: Any, alice: User) -> None:
    position = feed()["position"]
    credit(alice, 7)
    page = feed(f"?after={position}")
    assert types_of(page) == ["wallet.opened", "wallet.credited"]
    assert page["next"] is None
    assert page["position"] == page["results"][-1]["position"] == position + 2
    assert feed(f"?after={page['position']}") == {"results": [], "next": None, "position": page["position"]}


def test_pages_follow_each_other(feed: Any, alice: User) -> None:
    for _ in range(5):
        credit(alice, 7)
    whole = feed()["results"]
    received, query = [], "?limit=2"
    while query:
        page = feed(query)
        assert len(page["results"]) <= 2
        received += page["results"]
        query = page["next"] and page["next"].partition("events")[2]
    assert received == whole


# --- types --------------------------------------------------------------------------------------------------


def test_only_the_wanted_types_come(feed: Any, alice: User) -> None:
    credit(alice, 7)
    assert types_of(feed("?types=wallet.opened")) == ["wallet.opened"]
    assert types_of(feed("?types=wallet.credited")) == ["wallet.credited"]
    both = ["wallet.opened", "wallet.credited"]
    for query in ("wallet.*", "wallet.credited,wallet.opened", "wallet.opened&types=wallet.credited"):
        assert types_of(feed(f"?types={query}")) == both


@pytest.mark.parametrize("patterns", ["wallet.lost", "wallet", "*", "*.credited", "wallet.*.*", "", "wallet.opened,"])
def test_a_type_that_does_not_exist_is_refused_by_name(feed: Any, patterns: str) -> None:
    [error] = feed(f"?types={patterns}", 400)["errors"]
    assert (error["field"], error["code"]) == ("types", "invalid")
    assert repr(patterns.split(",")[-1]) in error["detail"]


def test_a_family_is_every_type_that_begins_with_it() -> None:
    assert expand(["deposit.*", "deposit.paid"]) == [name for name in TYPES if name.startswith("deposit.")]
    with pytest.raises(UnknownEventType, match=r"'depos\.\*'"):
        expand(["depos.*"])


@pytest.mark.parametrize(
    "query",
    ["after=-1", "after=x", "after=", "after=9223372036854775808", "limit=0", "limit=201", "page=2", "after=1&after=2"],
)
def test_a_parameter_that_is_not_understood_is_refused_by_name(feed: Any, query: str) -> None:
    assert feed(f"?{query}", 400)["errors"][0]["field"] == query.partition("=")[0]


# --- how much is read ---------------------------------------------------------------------------------------


def test_a_page_of_few_types_looks_at_a_bounded_number_of_events(
    feed: Any, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says how far it has looked, so that the reader gets on."""
    monkeypatch.setattr(queries, "MAX_SCANNED", 3)
    for _ in range(6):
        credit(alice, 7)
    page = feed("?types=wallet.debited")
    assert page["results"] == []
    assert page["position"] == 3
    assert "after=3" in page["next"]


def test_rare_types_are_read_from_their_index(feed: Any, alice: User) -> None:
    """No event of a frequent type is looked at, however many there are in between."""
    credit(alice, 7)
    feed()
    sql("INSERT INTO payments_event SELECT 1000 + n, 'wallet.credited', n FROM generate_series(1, 2000) AS n")
    sql("ANALYZE payments_event")
    with CaptureQueriesContext(connection) as captured:
        queries.page(0, ["wallet.opened", "deposit.paid"])
    [statement] = [query["sql"] for query in captured if "UNION" in query["sql"]]
    plan = " ".join(line for (line,) in sql(f"EXPLAIN {statement}"))
    assert plan.count("event_of_rare_type") == 2


def test_a_leap_of_positions_is_passed_at_once(feed: Any, alice: User) -> None:
    position = feed()["position"]
    sql("UPDATE payments_eventrelay SET last_position = last_position + 10000000")
    credit(alice, 7)
    page = feed(f"?after={position}&types=wallet.credited")
    assert types_of(page) == ["wallet.credited"]
    assert page["position"] > position + 10_000_000


# --- one event ----------------------------------------------------------------------------------------------


def test_one_event_is_answered_as_in_the_feed(feed: Any, alice: User) -> None:
    credit(alice, 7)
    event = feed()["results"][-1]
    assert feed(f"/{event['position']}") == event
    assert feed(f"/{event['position'] + 1}", 404)["code"] == "not_found"
    assert feed("/1?after=3", 400)["errors"][0]["field"] == "after"


def test_nobody_but_admins_reads_events(alice: User, service: User) -> None:
    for user in (alice, service):
        for address in (FEED, f"{FEED}/1"):
            assert signed_in(user).get(address).status_code == 403


# --- the guards ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["payments_event", "payments_outboxevent"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET type = 'rate.changed'", "DELETE FROM {}", "TRUNCATE {}"])
def test_an_event_stays_as_it_was_told(alice: User, table: str, statement: str) -> None:
    assert relay.sequence()
    with pytest.raises(Exception, match="an event stays as it was told"), transaction.atomic():
        sql(statement.format(table))
    assert Event.objects.exists()
