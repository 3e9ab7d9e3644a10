"""Statements and the balance at a moment: every line once, in order, adding up exactly, however it is asked."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from payments.ledger.queries import statements
from payments.ledger.serializers.statements import COLUMNS
from payments.models import Transaction, Wallet
from tests.support.ledger import book_transfer, clearing_wallet, wallet_with
from tests.support.notices import many_credits
from tests.support.rest import signed_in

FIRST = 101


def url(wallet: Wallet | int, page: str = "statement") -> str:
    return f"/api/v1/wallets/{wallet if isinstance(wallet, int) else wallet.pk}/{page}"


def statement(user: Any, wallet: Wallet | int, **query: Any) -> dict[str, Any]:
    answer = signed_in(user).get(url(wallet), query)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def at(user: Any, wallet: Wallet, moment: str) -> str:
    answer = signed_in(user).get(url(wallet, "balance"), {"at": moment})
    assert answer.status_code == 200, answer.content
    balance: str = answer.json()["balance"]
    return balance


@pytest.fixture
def wallet(alice: Any, bob: Any) -> Wallet:
    """100.00 came in, 30.00 went to bob, 2.50 came back."""
    wallet, his = wallet_with(alice, "USD", "100"), wallet_with(bob, "USD", "5")
    book_transfer((wallet.pk, his.pk, "30"), reference="rent")
    book_transfer((his.pk, wallet.pk, "2.5"))
    return wallet


def test_a_statement_shows_every_posting_with_the_balance_after_it(alice: Any, wallet: Wallet) -> None:
    body = statement(alice, wallet)
    assert {name: body[name] for name in ("wallet", "currency", "opening_balance", "closing_balance", "next")} == {
        "wallet": wallet.pk, "currency": "USD", "opening_balance": "0.00", "closing_balance": "72.50", "next": None,
    }  # fmt: skip
    lines = [(line["sequence"], line["amount"], line["balance"], line["kind"]) for line in body["lines"]]
    assert lines == [
        (1, "100.00", "100.00", "deposit"), (2, "-30.00", "70.00", "transfer"), (3, "2.50", "72.50", "transfer"),
    ]  # fmt: skip
    assert set(body["lines"][1]) == set(COLUMNS)
    assert body["lines"][1]["reference"] == "rent"
    assert body["lines"][0]["counterparty"] == clearing_wallet()


def test_any_period_adds_up(alice: Any, wallet: Wallet) -> None:
    lines = statement(alice, wallet)["lines"]
    moments = [line["created_at"] for line in lines]
    for start in [None, *moments]:
        for end in [None, *moments]:
            query = {name: value for name, value in (("from", start), ("to", end)) if value}
            body = statement(alice, wallet, **query)
            sums = sum((Decimal(line["amount"]) for line in body["lines"]), Decimal(body["opening_balance"]))
            assert sums == Decimal(body["closing_balance"])
            inside = [m for m in moments if (not start or m >= start) and (not end or m < end)]
            assert [line["created_at"] for line in body["lines"]] == inside


def test_the_end_of_one_period_is_the_beginning_of_the_next(alice: Any, wallet: Wallet) -> None:
    middle = statement(alice, wallet)["lines"][1]["created_at"]
    assert statement(alice, wallet, to=middle)["closing_balance"] == "100.00"
    assert statement(alice, wallet, **{"from": middle})["opening_balance"] == "100.00"


def test_a_day_is_meant_with_its_end(alice: Any, wallet: Wallet) -> None:
    today = timezone.now().date()
    assert statement(alice, wallet, **{"from": str(today), "to": str(today)})["closing_balance"] == "72.50"
    yesterday = statement(alice, wallet, to=str(today - timedelta(days=1)))
    assert (yesterday["closing_balance"], yesterday["lines"]) == ("0.00", [])
    tomorrow = statement(alice, wallet, **{"from": str(today + timedelta(days=1))})
    assert (tomorrow["opening_balance"], tomorrow["closing_balance"], tomorrow["lines"]) == ("72.50", "72.50", [])


def test_pages_of_a_statement_hold_each_posting_once(alice: Any, django_assert_max_num_queries: Any) -> None:
    many_credits(alice, FIRST, 23)
    seen: list[int] = []
    client, page = signed_in(alice), f"{url(FIRST)}?limit=5"
    while page:
        with django_assert_max_num_queries(5):
            body = client.get(page).json()
        assert body["closing_balance"] == "230.00"
        assert len(body["lines"]) <= 5
        seen += [line["sequence"] for line in body["lines"]]
        page = body["next"]
    assert seen == list(range(1, 24))


def test_an_unused_wallet_has_an_empty_statement(alice: Any) -> None:
    body = statement(alice, signed_in(alice).post("/api/v1/wallets", {"currency": "JPY"}).json()["id"])
    assert (body["opening_balance"], body["closing_balance"], body["lines"]) == ("0", "0", [])


@pytest.mark.parametrize(
    ("page", "accept"), [("statement.csv", "*/*"), ("statement?format=csv", "*/*"), ("statement", "text/csv")]
)
def test_as_csv_it_is_whole_and_safe(alice: Any, wallet: Wallet, page: str, accept: str) -> None:
    book_transfer((wallet.pk, clearing_wallet(), "1"), reference="=HYPERLINK(1)")
    answer: Any = signed_in(alice).get(url(wallet, page), headers={"accept": accept})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert str(wallet.pk) in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"), newline="")))
    assert [(row["kind"], row["amount"], row["balance"]) for row in rows] == [
        ("opening balance", "", "0.00"),
        ("deposit", "100.00", "100.00"),
        ("transfer", "-30.00", "70.00"),
        ("transfer", "2.50", "72.50"),
        ("transfer", "-1.00", "71.50"),
        ("closing balance", "", "71.50"),
    ]
    assert rows[4]["reference"] == "'=HYPERLINK(1)"
    assert rows[4]["counterparty"] == f"'{clearing_wallet()}"  # sixteen digits: a spreadsheet keeps fifteen


def test_as_csv_it_has_a_period_and_no_pages(alice: Any, wallet: Wallet) -> None:
    client, address = signed_in(alice), url(wallet, "statement.csv")
    answer: Any = client.get(address, {"to": "2020-01-01"})
    assert len(b"".join(answer.streaming_content).splitlines()) == 3
    for name in ("cursor", "limit", "format"):
        assert client.get(address, {name: "1"}).json()["errors"][0]["code"] == "unknown_parameter"
    assert client.get(address, {"from": "soon"}).json()["errors"][0]["field"] == "from"


def test_a_long_csv_is_read_in_pieces(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "CHUNK", 4)
    many_credits(alice, FIRST, 10)
    answer: Any = signed_in(alice).get(url(FIRST), {"format": "csv"})
    rows = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert [row.split(",")[0] for row in rows] == ["sequence", "", *map(str, range(1, 11)), ""]


def test_the_balance_at_a_moment_has_what_was_booked_in_it(alice: Any, wallet: Wallet) -> None:
    lines = statement(alice, wallet)["lines"]
    for line in lines:
        assert at(alice, wallet, line["created_at"]) == line["balance"]
    before = datetime.fromisoformat(lines[0]["created_at"]) - timedelta(microseconds=1)
    assert at(alice, wallet, before.astimezone(UTC).isoformat().replace("+00:00", "Z")) == "0.00"
    assert at(alice, wallet, "9999-12-31T23:59:59.999999Z") == "72.50"


def test_the_balance_of_now_is_the_wallets(alice: Any, wallet: Wallet) -> None:
    body = signed_in(alice).get(url(wallet, "balance")).json()
    assert body.pop("at").endswith("Z")
    assert body == {"wallet": wallet.pk, "currency": "USD", "balance": "72.50"}


@pytest.mark.parametrize("page", ["statement", "balance"])
def test_mallory_sees_none_of_it(alice: Any, mallory: Any, wallet: Wallet, page: str) -> None:
    answers = [signed_in(mallory).get(url(id_, page)) for id_ in (wallet.pk, wallet.pk + 10**6, clearing_wallet())]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert answers[0].json() == answers[1].json()


def test_staff_see_everybodys(admin: Any, wallet: Wallet) -> None:
    assert statement(admin, wallet)["closing_balance"] == "72.50"
    for page in ("statement", "balance"):
        answer = signed_in(admin).get(url(clearing_wallet(), page))
        assert (answer.status_code, answer.json()["code"]) == (422, "house_wallet")


@pytest.mark.parametrize(
    ("page", "name", "value"),
    [
        ("statement", "from", "yesterday"),
        ("statement", "to", "9999-12-31"),
        ("statement", "limit", "0"),
        ("statement", "limit", "201"),
        ("statement", "cursor", "-1"),
        ("statement", "cursor", "x"),
        ("statement", "cursor", "+5"),
        ("statement", "limit", "5.0"),
        ("statement", "limit", "\u0665"),
        ("statement", "limit", " 5 "),
        ("statement", "at", "2026-01-31"),
        ("balance", "at", "2026-13-01"),
        ("balance", "from", "2026-01-31"),
    ],
)
def test_a_statement_refuses_what_it_does_not_understand(
    alice: Any, wallet: Wallet, page: str, name: str, value: str
) -> None:
    answer = signed_in(alice).get(url(wallet, page), {name: value})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [name]


@pytest.mark.parametrize(("moment", "known"), [("0001-01-01T00:00:00Z", False), ("9999-12-31T23:59:59.999999Z", True)])
def test_a_statement_knows_the_ends_of_the_calendar(alice: Any, wallet: Wallet, moment: str, known: bool) -> None:
    assert at(alice, wallet, moment) == ("72.50" if known else "0.00")
    assert len(statement(alice, wallet, **{"from": moment})["lines"]) == (0 if known else 3)
    body = statement(alice, wallet, to=moment)
    assert (body["to"], body["closing_balance"]) == (moment, "72.50" if known else "0.00")


def test_a_made_up_cursor_shows_nothing_of_others(alice: Any, wallet: Wallet) -> None:
    assert statement(alice, wallet, cursor=2**62)["lines"] == []


def test_a_long_history_costs_as_little(alice: Any, django_assert_num_queries: Any) -> None:
    many_credits(alice, FIRST, 300)
    with django_assert_num_queries(4):  # wallet, place, closing balance, page
        body = statement(alice, FIRST, limit=10)
    assert (len(body["lines"]), body["closing_balance"]) == (10, "3000.00")
    assert Transaction.objects.count() == 300
