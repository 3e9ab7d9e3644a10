"""GET transactions: everybody reads his own history, and nothing of anybody else's."""

from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from django.db import connection

from accounts.models import Role
from payments.ledger.queries import transactions
from payments.ledger.queries.history import Span
from payments.ledger.queries.transactions import TransactionCriteria
from payments.models import Posting, Transaction, Wallet
from tests.support.ledger import book_transfer, clearing_wallet, wallet_with
from tests.support.notices import ALICES, BOBS, credit, many_credits
from tests.support.rest import ids, signed_in

URL = "/api/v1/transactions"


def all_pages(client: Any, url: str, direction: str = "next") -> list[list[int]]:
    pages = []
    while url:
        answer = client.get(url)
        pages.append(ids(answer))
        url = answer.json()[direction]
    return pages


def house_wallet_id(role: str) -> int:
    return Wallet.objects.get(house=role, currency="USD").pk


def test_a_deposit_is_shown_to_the_owner_of_the_wallet(alice: Any) -> None:
    credited = credit(alice, ALICES, "25", external_id="77")
    body = signed_in(alice).get(f"{URL}/{credited.transaction_id}").json()
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": credited.transaction_id,
        "kind": "deposit",
        "status": "booked",
        "reference": "sha1_colon 77",
        "reverses": None,
        "reversed_by": None,
        "postings": [
            {
                "source": clearing_wallet(),
                "destination": ALICES,
                "currency": "USD",
                "amount": "25.00",
                "source_balance": None,
                "destination_balance": "25.00",
            }
        ],
    }
    assert signed_in(alice).get(URL).json()["results"][0]["id"] == credited.transaction_id


def test_each_side_of_a_transfer_sees_only_the_own_balance(alice: Any, bob: Any) -> None:
    credit(alice, ALICES, "25")
    credit(bob, BOBS, "1000")
    id_ = book_transfer((ALICES, BOBS, "5"))
    ids_found = [signed_in(user).get(f"{URL}/{id_}").json()["postings"][0] for user in (alice, bob)]
    assert [(p["source_balance"], p["destination_balance"]) for p in ids_found] == [("20.00", None), (None, "1005.00")]


def test_both_balances_are_mine_between_my_own_wallets(alice: Any) -> None:
    credit(alice, ALICES, "25")
    credit(alice, ALICES + 1, "1")
    id_ = book_transfer((ALICES, ALICES + 1, "5"))
    posting = signed_in(alice).get(f"{URL}/{id_}").json()["postings"][0]
    assert (posting["source_balance"], posting["destination_balance"]) == ("20.00", "6.00")


def test_a_user_sees_only_the_postings_on_own_wallets(alice: Any, bob: Any, admin: Any) -> None:
    credit(alice, ALICES, "25")
    credit(bob, BOBS, "25")
    id_ = book_transfer((ALICES, BOBS, "5"), (BOBS, house_wallet_id("commission"), "1"))
    postings = {user.email: signed_in(user).get(f"{URL}/{id_}").json()["postings"] for user in (alice, bob, admin)}
    assert [len(postings[user.email]) for user in (alice, bob, admin)] == [1, 2, 2]


def test_mallory_sees_nothing_of_it(alice: Any, bob: Any, mallory: Any) -> None:
    credit(alice, ALICES, "25")
    credit(bob, BOBS, "25")
    id_ = book_transfer((ALICES, BOBS, "5"))
    client = signed_in(mallory)
    assert client.get(f"{URL}/{id_}").status_code == 404
    for query in ({}, {"wallet": ALICES}, {"wallet": clearing_wallet()}, {"kind": "transfer"}, {"currency": "USD"}):
        assert ids(client.get(URL, query)) == []
    assert client.get(URL, {"user": alice.pk}).status_code == 400


def test_a_service_has_no_history(mallory: Any) -> None:
    credited = credit(mallory, BOBS)
    mallory.take_role(Role.SERVICE)
    assert signed_in(mallory).get(URL).status_code == 403
    assert signed_in(mallory).get(f"{URL}/{credited.transaction_id}").status_code == 403


# --- what can be asked ----------------------------------------------------------------------------------------


@pytest.fixture
def story(alice: Any, bob: Any) -> dict[str, int]:
    """Six transactions in this order; alice is in all but bob's own."""
    named = {"first": credit(alice, ALICES, "100").transaction_id}
    named["bobs"] = credit(bob, BOBS, "100").transaction_id
    euros = wallet_with(alice, "EUR", "7")
    named["euros"] = Transaction.objects.order_by("-pk")[0].pk
    named["transfer"] = book_transfer((ALICES, BOBS, "5"))
    named["purchase"] = book_transfer((ALICES, house_wallet_id("sales"), "3"), kind="purchase")
    named["euros_out"] = book_transfer((euros.pk, clearing_wallet("EUR"), "2"), kind="withdrawal")
    return named


def test_a_user_lists_own_history_newest_first(story: dict[str, int], alice: Any, bob: Any) -> None:
    assert ids(signed_in(alice).get(URL)) == [
        story[name] for name in ("euros_out", "purchase", "transfer", "euros", "first")
    ]
    assert ids(signed_in(bob).get(URL)) == [story["transfer"], story["bobs"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"kind": "transfer"}, ["transfer"]),
        ({"kind": "refund"}, []),
        ({"wallet": ALICES}, ["purchase", "transfer", "first"]),
        ({"wallet": BOBS}, []),
        ({"currency": "EUR"}, ["euros_out", "euros"]),
        ({"currency": "EUR", "kind": "deposit"}, ["euros"]),
        ({"currency": "GBP"}, []),
        ({"currency": "EUR", "wallet": ALICES}, []),
    ],
)
def test_filters_narrow_a_users_history(query: Any, expected: list[str], story: dict[str, int], alice: Any) -> None:
    assert ids(signed_in(alice).get(URL, query)) == [story[name] for name in expected]


def test_admins_see_everything_and_what_they_ask_for(story: dict[str, int], alice: Any, bob: Any, admin: Any) -> None:
    client = signed_in(admin)
    assert ids(client.get(URL)) == sorted(story.values(), reverse=True)
    assert ids(client.get(URL, {"user": bob.pk})) == [story["transfer"], story["bobs"]]
    assert ids(client.get(URL, {"user": bob.pk, "wallet": ALICES})) == []
    assert ids(client.get(URL, {"wallet": BOBS})) == [story["transfer"], story["bobs"]]
    assert ids(client.get(URL, {"wallet": house_wallet_id("sales")})) == [story["purchase"]]
    assert ids(client.get(URL, {"currency": "EUR"})) == [story["euros_out"], story["euros"]]
    assert ids(client.get(URL, {"kind": "purchase"})) == [story["purchase"]]
    assert ids(client.get(URL, {"wallet": 2**62})) == []
    transfer = client.get(f"{URL}/{story['transfer']}").json()["postings"][0]
    assert (transfer["source_balance"], transfer["destination_balance"]) == ("95.00", "105.00")


@pytest.mark.parametrize("by", ["alice", "admin"])
def test_the_list_reads_from_one_moment_up_to_another(by: str, story: dict[str, int], alice: Any, admin: Any) -> None:
    """Each transaction is booked at its own moment, and asked for by exactly that one."""
    client = signed_in({"alice": alice, "admin": admin}[by])
    every = ids(client.get(URL))
    times = {row.pk: row.created_at for row in Transaction.objects.all()}
    for id_ in every:
        start, end = times[id_].isoformat(), (times[id_] + timedelta(microseconds=1)).isoformat()
        assert ids(client.get(URL, {"from": start})) == [other for other in every if times[other] >= times[id_]]
        assert ids(client.get(URL, {"to": start})) == [other for other in every if times[other] < times[id_]]
        assert id_ in ids(client.get(URL, {"from": start, "to": end}))
        assert ids(client.get(URL, {"from": end, "to": start})) == []


@pytest.mark.parametrize(
    ("moment", "is_listed"),
    [
        ("0001-01-01T00:00:00Z", True),
        ("2020-01-01T00:00:00Z", True),
        ("2020-01-01t00:00:00.123456789z", True),
        ("9999-12-31T23:59:59.999999Z", False),
    ],
)
def test_the_list_knows_every_moment(moment: str, is_listed: bool, alice: Any, admin: Any) -> None:
    credit(alice, ALICES)
    for client in (signed_in(alice), signed_in(admin)):
        assert len(ids(client.get(URL, {"from": moment}))) == is_listed
        assert len(ids(client.get(URL, {"to": moment}))) == (not is_listed)


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"}, {"from": "2026-01-32"}, {"to": "9999-12-31"},
        {"from": "2026-01-31T12:00:00"}, {"to": "2026-02-30T00:00:00Z"},
        {"to": "2026-01-31 12:00:00Z"}, {"to": "\u0662026-01-31T12:00:00Z"}, {"from": ""}, {"kind": "gift"},
        {"wallet": "0"},
        {"wallet": "\u0661"}, {"currency": "dollar"}, {"sort": "id"}, {"limit": "0"}, {"limit": "201"}, {"cursor": "x"},
        {"cursor": "cD1hYmM="}, {"cursor": "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk="}, {"cursor": "cD0tMQ=="},
    ],
)  # fmt: skip
def test_a_parameter_that_makes_no_sense_is_named(query: dict[str, str], alice: Any) -> None:
    credit(alice, ALICES)
    answer = signed_in(alice).get(URL, query)
    made_up = query.get("cursor") in ("cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk=", "cD0tMQ==")
    if made_up:  # a number, though no id of ours: an honest, if useless, position
        assert answer.status_code in (200, 400)
        return
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == list(query)


# --- pages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_pages_meet_without_gap_or_overlap_in_both_directions(limit: int, alice: Any, bob: Any) -> None:
    many_credits(alice, ALICES, 6)
    many_credits(bob, BOBS, 6)
    for _ in range(3):
        book_transfer((ALICES, BOBS, "1"), (ALICES, BOBS, "1"), (BOBS, ALICES, "2"))
        many_credits(alice, ALICES + 1, 2)
        book_transfer((ALICES, ALICES + 1, "1"), (ALICES + 1, house_wallet_id("commission"), "1"))
    client = signed_in(alice)
    mine = list(
        Transaction.objects.filter(postings__in=Posting.objects.filter(source__owner=alice))
        .union(Transaction.objects.filter(postings__in=Posting.objects.filter(destination__owner=alice)))
        .order_by("-id")
        .values_list("id", flat=True)
    )
    assert len(mine) == 18
    forward = all_pages(client, f"{URL}?limit={limit}")
    assert list(chain(*forward)) == mine
    assert all(len(page) == limit for page in forward[:-1])
    last = client.get(f"{URL}?limit={limit}")
    while last.json()["next"]:
        last = client.get(last.json()["next"])
    if last.json()["previous"]:
        back = all_pages(client, last.json()["previous"], "previous")
        assert list(chain(*reversed(back))) == mine[: -len(ids(last))]


@pytest.mark.parametrize("number", [3, 30])
def test_a_page_costs_the_same_however_long_it_is(
    number: int, alice: Any, admin: Any, django_assert_num_queries: Any
) -> None:
    many_credits(alice, ALICES, number)
    with django_assert_num_queries(5):  # the wallets, the place, the page, its transactions, their postings
        assert len(ids(signed_in(alice).get(URL))) == number
    with django_assert_num_queries(2):
        assert len(ids(signed_in(admin).get(URL))) == number
    first = ids(signed_in(alice).get(URL))[-1]
    with django_assert_num_queries(2):
        signed_in(alice).get(f"{URL}/{first}")


# --- what is read, not how long it takes ----------------------------------------------------------------------


def rows_read() -> int:
    """How many rows this session has read from the books so far."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables"
            " WHERE relname IN ('payments_posting', 'payments_transaction')"
        )
        return int(cursor.fetchone()[0])


@pytest.fixture
def long_history(alice: Any, bob: Any) -> list[int]:
    """Alice's history of 3,000 among as many lines of bob's, newest first; statistics are up to date."""
    for _ in range(6):
        many_credits(alice, ALICES, 250)
        many_credits(alice, ALICES + 1, 250)
        many_credits(bob, BOBS, 500)
    with connection.cursor() as cursor:
        for table in ("transaction", "posting", "wallet"):
            cursor.execute(f"ANALYZE payments_{table}")
        # So few rows, among what other tests have left dead, may be cheaper to read whole. Is there a bounded way?
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    touched = Posting.objects.filter(destination__owner=alice)
    return list(touched.order_by("-transaction_id").values_list("transaction_id", flat=True))


@pytest.mark.parametrize("place", ["first", "deep", "backwards", "in time", "last"])
def test_a_page_reads_a_bounded_part_of_the_books(place: str, long_history: list[int], alice: Any) -> None:
    middle = long_history[1500]
    moment = Transaction.objects.get(pk=middle).created_at
    span, criteria, expected = {
        "first": (Span(limit=50), TransactionCriteria(), long_history[:50]),
        "deep": (Span(limit=50, before=middle), TransactionCriteria(), long_history[1501:1551]),
        "backwards": (Span(limit=50, newest_first=False, after=middle), TransactionCriteria(), long_history[1450:1500]),
        "in time": (Span(limit=50), TransactionCriteria(end=moment), None),
        "last": (Span(limit=50, before=long_history[-2]), TransactionCriteria(), long_history[-1:]),
    }[place]
    before = rows_read()
    ids_found = [transaction.pk for transaction in transactions.page(alice, criteria, span)]
    read = rows_read() - before
    assert sorted(ids_found) == sorted(expected if expected is not None else ids_found)
    assert read < 800  # two wallets, four searches of eleven steps, a hundred lines of each, and the page itself


def test_a_rare_kind_is_found_however_deep_it_lies(alice: Any, bob: Any) -> None:
    credit(alice, ALICES, "100")
    deep = book_transfer((ALICES, house_wallet_id("sales"), "3"), kind="purchase")
    for _ in range(2):
        many_credits(alice, ALICES, 400)
        many_credits(alice, ALICES + 1, 400)
    newer = book_transfer((ALICES + 1, house_wallet_id("sales"), "3"), kind="purchase")
    client = signed_in(alice)
    assert ids(client.get(URL, {"kind": "purchase", "limit": "10"})) == [newer, deep]
    pages = all_pages(client, f"{URL}?kind=purchase&limit=1")
    assert pages == [[newer], [deep]]


def test_a_service_sees_no_transaction_whatever_calls_for_it(alice: Any, service: Any) -> None:
    credit(alice, ALICES)
    assert not transactions.visible_to(service).exists()
