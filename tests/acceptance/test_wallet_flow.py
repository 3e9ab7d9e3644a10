"""The wallet service as somebody tries it for the first time, over HTTP, with a service that settles beside him."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.support import shop_users
from tests.support.api_client import Visitor
from tests.support.http import PLAIN
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.live import LiveTill, UncheckedTill
from tests.support.shop_users import PASSWORD

pytestmark = pytest.mark.slow

BANK = {"label": "My bank", "currency": "USD", "kind": "bank", "details": {"iban": "DE89370400440532013000"}}


@pytest.fixture(scope="module")
def till(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[LiveTill]:
    """One served Till for all of this: a start for each test would take longer than the tests."""
    with django_db_blocker.unblock():
        till = UncheckedTill(TILL_WORKERS="1")
        till.start()
    yield till
    till.stop()


@pytest.fixture
def client(till: LiveTill, committed_db: None) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=till.url, timeout=30, verify=PLAIN) as client:
        yield client
    assert_ledger_balances()


@pytest.fixture
def staff(client: httpx.Client, till: LiveTill, admin: Any) -> Visitor:
    """An admin who has set the house up: a rate, and what deposits, withdrawals, transfers and exchanges cost."""
    shop_users.sign_in(till, admin)
    staff = Visitor(client, email=admin.email)
    assert staff.ask(200, "PUT", "rates/USD/EUR", {"rate": "0.8602150537"})["warnings"] == []
    for operation, terms in (
        ("deposit", {"percent": "1", "minimum": "0.50"}),
        ("withdrawal", {"percent": "1.5", "fixed": "0.30"}),
        ("transfer", {"fixed": "0.25"}),
        ("exchange", {"percent": "0.5"}),
    ):
        staff.ask(201, "POST", "commission-rules", {"operation": operation, "currency": "USD", **terms})
    return staff


@pytest.fixture
def cashier(client: httpx.Client, staff: Visitor) -> Visitor:
    """A service, made by the admin over REST, that logs in like everybody."""
    service = staff.ask(201, "POST", "users", {"email": "cashier@example.com", "password": PASSWORD, "role": "service"})
    assert (service["role"], service["wallets"]) == ("service", [])
    staff.ask(201, "POST", "settlement-scopes", {"service": service["id"], "everything": True})
    return Visitor(client, email="cashier@example.com")


@pytest.fixture
def user(client: httpx.Client, staff: Visitor) -> Visitor:
    visitor = Visitor(client)
    visitor.join("newcomer@example.com")
    return visitor


@pytest.fixture
def wallet(user: Visitor, cashier: Visitor) -> int:
    """The newcomer's dollars: 198.00 of them."""
    dollars = user.wallet("USD")
    deposit(user, cashier, dollars, "200.00")
    return dollars


def deposit(owner: Visitor, cashier: Visitor, wallet: int, amount: str) -> Any:
    order = owner.ask(201, "POST", "deposits", {"wallet": wallet, "amount": amount})
    return cashier.ask(200, "PUT", f"deposits/{order['id']}/status", {"status": "paid"})


def test_a_newcomer_has_a_wallet_in_each_currency(user: Visitor) -> None:
    wallets = user.listed("wallets")
    assert [one["currency"] for one in wallets] == [one["code"] for one in user.listed("currencies")]
    assert {one["balance"].strip("0.") + one["available"].strip("0.") for one in wallets} == {""}
    extra = user.ask(201, "POST", "wallets", {"currency": "EUR"})
    assert user.ask(200, "GET", f"wallets/{extra['id']}") == extra
    assert user.listed("transactions") == []


def test_a_deposit_is_credited_when_the_service_says_so(user: Visitor, cashier: Visitor) -> None:
    wallet = user.wallet("USD")
    data = {"wallet": wallet, "amount": "100.00"}
    preview = user.ask(200, "POST", "deposits?dry_run=true", data)
    assert (preview["id"], preview["commission"], preview["net"]) == (None, "1.00", "99.00")
    assert user.listed("deposits") == []

    placed = user.ask(201, "POST", "deposits", data, key="first")
    assert (placed["status"], placed["commission"], placed["net"], placed["transaction"]) == (
        "pending",
        "1.00",
        "99.00",
        None,
    )
    assert user.ask(201, "POST", "deposits", data, key="first") == placed
    assert user.replayed
    user.refused(422, "idempotency_key_reused", "POST", "deposits", data | {"amount": "1.00"}, key="first")
    keyless = user.client.post("/api/v1/deposits", json=data, headers=user.headers)
    assert (keyless.status_code, keyless.json()["code"]) == (400, "idempotency_key_required")
    assert user.holds(wallet) == ("0.00", "0.00")

    address = f"deposits/{placed['id']}"
    user.ask(403, "PUT", f"{address}/status", {"status": "paid"})
    assert [order["id"] for order in cashier.listed("deposits?status=pending")] == [placed["id"]]
    paid = cashier.ask(200, "PUT", f"{address}/status", {"status": "paid"})
    assert cashier.ask(200, "PUT", f"{address}/status", {"status": "paid"}) == paid
    cashier.refused(409, "already_settled", "PUT", f"{address}/status", {"status": "rejected"})
    assert (user.ask(200, "GET", address)["status"], user.holds(wallet)) == ("paid", ("99.00", "0.00"))

    lines = user.ask(200, "GET", f"transactions/{paid['transaction']}")["postings"]
    assert [(line["amount"], line["source_balance"], line["destination_balance"]) for line in lines] == [
        ("100.00", None, "100.00"),
        ("1.00", "99.00", None),
    ]


def test_a_rejected_deposit_moves_nothing_and_says_why(user: Visitor, cashier: Visitor) -> None:
    wallet = user.wallet("USD")
    order = user.ask(201, "POST", "deposits", {"wallet": wallet, "amount": "0.40"})
    assert (order["commission"], order["net"]) == ("0.40", "0.00")
    settlement = {"status": "rejected", "reason": "It never arrived."}
    cashier.ask(200, "PUT", f"deposits/{order['id']}/status", settlement)
    seen = user.ask(200, "GET", f"deposits/{order['id']}")
    assert (seen["status"], seen["reason"], seen["transaction"]) == ("rejected", "It never arrived.", None)
    cashier.refused(409, "already_settled", "PUT", f"deposits/{order['id']}/status", {"status": "paid"})
    assert user.holds(wallet) == ("0.00", "0.00")


def test_an_exchange_keeps_what_the_quote_promised(user: Visitor, staff: Visitor, wallet: int) -> None:
    pair = {"source_currency": "USD", "target_currency": "EUR", "amount": "10.05"}
    promised = user.ask(201, "POST", "quotes", pair)
    terms = ("0.8602150537", "8.6451612896", "0.06")
    assert (promised["rate"], promised["proceeds"], promised["commission"]) == terms
    staff.ask(200, "PUT", "rates/USD/EUR", {"rate": "0.5", "confirm": True})

    euros = user.wallet("EUR")
    data = {"source": wallet, "destination": euros, "quote": promised["id"]}
    assert user.ask(200, "POST", "exchanges?dry_run=true", data)["proceeds"] == promised["proceeds"]
    exchange = user.ask(201, "POST", "exchanges", data, key="swap")
    assert (exchange["rate"], exchange["proceeds"], exchange["commission"]) == terms
    assert user.ask(201, "POST", "exchanges", data, key="swap") == exchange
    user.refused(409, "quote_used", "POST", "exchanges", data)
    assert (user.holds(wallet)[0], user.holds(euros)[0]) == ("187.89", "8.6451612896")

    direct = {"source": wallet, "destination": euros, "amount": "10.00"}
    careful = direct | {"expected_rate": "0.8602150537", "max_slippage": "1"}
    user.refused(409, "rate_slipped", "POST", "exchanges", careful)
    assert user.ask(201, "POST", "exchanges", direct)["proceeds"] == "5.00"
    user.refused(422, "rate_unavailable", "POST", "quotes", pair | {"target_currency": "GBP"})


def test_money_is_sent_to_another_person_by_email(client: httpx.Client, user: Visitor, wallet: int) -> None:
    friend = Visitor(client)
    friend.join("friend@example.com")
    data = {"source": wallet, "amount": "20.00", "recipient": "Friend@Example.com", "note": "Lunch"}
    sent = user.ask(201, "POST", "transfers", data, key="lunch")
    assert (sent["direction"], sent["commission"], user.holds(wallet)[0]) == ("sent", "0.25", "177.75")
    assert user.ask(201, "POST", "transfers", data, key="lunch") == sent

    [received] = friend.listed("transfers")
    assert (received["direction"], received["sender"], received["note"]) == ("received", user.email, "Lunch")
    assert (received["commission"], friend.holds(friend.wallet("USD"))[0]) == (None, "20.00")
    friend.ask(404, "GET", f"wallets/{wallet}")
    back = {"source": friend.wallet("USD"), "destination": wallet, "amount": "19.75"}
    assert friend.ask(201, "POST", "transfers", back)["destination"] == wallet
    assert friend.holds(friend.wallet("USD")) == ("0.00", "0.00")

    for nobody in ({"recipient": "nobody@example.com"}, {"recipient": "cashier@example.com"}, {"destination": 5}):
        user.refused(404, "recipient_not_found", "POST", "transfers", {"source": wallet, "amount": "1.00"} | nobody)
    user.refused(409, "insufficient_funds", "POST", "transfers", data | {"amount": "197.50"})
    assert user.holds(wallet) == ("197.50", "0.00")


def test_a_withdrawal_is_held_until_its_verdict(user: Visitor, cashier: Visitor, wallet: int) -> None:
    user.refused(422, "card_number_refused", "POST", "external-wallets", BANK | CARD)
    bank = user.ask(201, "POST", "external-wallets", BANK)["id"]
    data = {"wallet": wallet, "external_wallet": bank, "amount": "100.00"}
    assert user.ask(200, "POST", "withdrawals?dry_run=true", data)["commission"] == "1.80"
    assert user.holds(wallet) == ("198.00", "0.00")

    first = user.ask(201, "POST", "withdrawals", data, key="out")
    assert (first["status"], first["net"], first["pay_to"]["label"]) == ("pending", "98.20", "My bank")
    assert user.ask(201, "POST", "withdrawals", data, key="out") == first
    assert user.holds(wallet) == ("198.00", "100.00")
    user.refused(409, "insufficient_funds", "POST", "withdrawals", data)
    more = {"source": wallet, "destination": user.ask(201, "POST", "wallets", {"currency": "USD"})["id"]}
    user.refused(409, "insufficient_funds", "POST", "transfers", more | {"amount": "98.00"})
    user.refused(409, "external_wallet_in_use", "DELETE", f"external-wallets/{bank}")

    cashier.ask(200, "PUT", f"withdrawals/{first['id']}/status", {"status": "rejected", "reason": "Account closed."})
    assert user.holds(wallet) == ("198.00", "0.00")
    second = user.ask(201, "POST", "withdrawals", data)
    paid = cashier.ask(200, "PUT", f"withdrawals/{second['id']}/status", {"status": "paid"})
    assert (paid["status"], user.holds(wallet)) == ("paid", ("98.00", "0.00"))
    assert [order["status"] for order in user.listed("withdrawals")] == ["paid", "rejected"]
    user.ask(204, "DELETE", f"external-wallets/{bank}")
    assert user.ask(200, "GET", f"withdrawals/{second['id']}")["pay_to"]["label"] == "My bank"


CARD = {"kind": "card", "details": {"last4": "4111111111111111"}}


def test_the_statement_tells_the_whole_story(user: Visitor, wallet: int) -> None:
    euros = user.wallet("EUR")
    user.ask(201, "POST", "exchanges", {"source": wallet, "destination": euros, "amount": "100.00"})
    statement = user.ask(200, "GET", f"wallets/{wallet}/statement")
    assert [(line["kind"], line["amount"], line["balance"]) for line in statement["lines"]] == [
        ("deposit", "200.00", "200.00"),
        ("deposit", "-2.00", "198.00"),
        ("exchange", "-100.00", "98.00"),
        ("exchange", "-0.50", "97.50"),
    ]
    assert (statement["opening_balance"], statement["closing_balance"]) == ("0.00", "97.50")
    assert user.ask(200, "GET", f"wallets/{wallet}/balance")["balance"] == "97.50"
    before = user.ask(200, "GET", f"wallets/{wallet}/balance?at=2020-01-01")
    assert before["balance"] == "0.00"

    answer = user.send("GET", f"wallets/{wallet}/statement", Accept="text/csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["balance"] for row in rows] == ["0.00", "200.00", "198.00", "98.00", "97.50", "97.50"]
    assert [one["kind"] for one in user.listed("transactions")] == ["exchange", "deposit"]
    assert [one["kind"] for one in user.listed(f"transactions?wallet={euros}")] == ["exchange"]


def test_a_service_settles_and_does_nothing_else(user: Visitor, cashier: Visitor, wallet: int) -> None:
    [order] = user.listed("deposits")
    assert cashier.ask(200, "GET", f"deposits/{order['id']}")["amount"] == "200.00"
    transaction = order["transaction"]
    for path in (
        *("wallets", f"wallets/{wallet}", f"wallets/{wallet}/statement", f"wallets/{wallet}/balance", "users", "rates"),
        *("transactions", f"transactions/{transaction}", "external-wallets", "transfers", "exchanges", "products"),
        *("purchases", "currencies", "commission-rules", "settlement-scopes", "webhook-events"),
    ):
        cashier.refused(403, "permission_denied", "GET", path)
    data = {"wallet": wallet, "source": wallet, "amount": "1.00", "currency": "USD", "recipient": cashier.email}
    for method, path in (
        *(("POST", name) for name in ("deposits", "withdrawals", "transfers", "exchanges", "quotes", "purchases")),
        *(("POST", name) for name in ("wallets", "users", "products", "currencies", "external-wallets")),
        *(("POST", name) for name in ("commission-rules", "settlement-scopes", f"transactions/{transaction}/reverse")),
        *(("PUT", "rates/USD/EUR"), ("PATCH", f"wallets/{wallet}"), ("DELETE", "users/1"), ("DELETE", "products/1")),
    ):
        cashier.refused(403, "permission_denied", method, path, data)
    cashier.refused(404, "deposit_not_found", "PUT", f"deposits/{10**12}/status", {"status": "paid"})
    assert user.holds(wallet) == ("198.00", "0.00")


def test_a_service_can_be_limited_to_a_currency(user: Visitor, cashier: Visitor, staff: Visitor) -> None:
    orders = {
        currency: user.ask(201, "POST", "deposits", {"wallet": user.wallet(currency), "amount": "10"})["id"]
        for currency in ("USD", "EUR")
    }
    [service] = staff.listed("users?role=service")
    [first_scope] = staff.listed("settlement-scopes")
    staff.ask(204, "DELETE", f"settlement-scopes/{first_scope['id']}")
    scope = staff.ask(201, "POST", "settlement-scopes", {"service": service["id"], "currency": "EUR"})
    assert [order["id"] for order in cashier.listed("deposits")] == [orders["EUR"]]
    cashier.refused(404, "deposit_not_found", "PUT", f"deposits/{orders['USD']}/status", {"status": "paid"})
    cashier.ask(200, "PUT", f"deposits/{orders['EUR']}/status", {"status": "paid"})
    staff.ask(204, "DELETE", f"settlement-scopes/{scope['id']}")
    assert cashier.listed("deposits") == []
    cashier.refused(404, "deposit_not_found", "PUT", f"deposits/{orders['USD']}/status", {"status": "paid"})


def test_mallory_sees_and_moves_nothing(client: httpx.Client, user: Visitor, wallet: int) -> None:
    bank = user.ask(201, "POST", "external-wallets", BANK)["id"]
    data = {"wallet": wallet, "external_wallet": bank, "amount": "50.00"}
    order = user.ask(201, "POST", "withdrawals", data, key="mine")["id"]
    mallory = Visitor(client)
    mallory.join("mallory@example.com")
    own = mallory.wallet("USD")

    for path in ("deposits", "withdrawals", "transfers", "exchanges", "transactions", "external-wallets"):
        assert mallory.listed(path) == []
    for path in (f"withdrawals/{order}", f"external-wallets/{bank}", f"wallets/{wallet}/statement"):
        mallory.ask(404, "GET", path)
    mallory.refused(404, "external_wallet_not_found", "POST", "withdrawals", data | {"wallet": own}, key="mine")
    hers = mallory.ask(201, "POST", "external-wallets", BANK)["id"]
    mallory.refused(404, "wallet_not_found", "POST", "withdrawals", data | {"external_wallet": hers})
    theft = {"source": wallet, "destination": own, "amount": "1.00"}
    mallory.refused(404, "wallet_not_found", "POST", "transfers", theft)
    mallory.ask(403, "PUT", f"withdrawals/{order}/status", {"status": "paid"})
    mallory.ask(404, "DELETE", f"external-wallets/{bank}")
    assert (user.holds(wallet), mallory.holds(own)) == (("198.00", "50.00"), ("0.00", "0.00"))
