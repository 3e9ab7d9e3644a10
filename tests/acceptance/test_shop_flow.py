"""The shop as somebody tries it for the first time, over HTTP: from registering to the history of what was bought."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.support import shop_users
from tests.support.http import PLAIN
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.live import LiveTill, UncheckedTill
from tests.support.provider import SHA1_COLON, SHA256_CONCAT, Form

pytestmark = pytest.mark.slow

PASSWORD = "correct horse 42"


class Visitor:
    """Somebody who has heard of the address."""

    def __init__(self, client: httpx.Client, token: str = "") -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, status: int, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """Send a request, assert the status, return the body."""
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        answer = self.client.request(method, path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        self.replayed = answer.headers.get("Idempotent-Replayed") == "true"
        return answer.json() if answer.content else None

    def listed(self, path: str) -> list[Any]:
        results: list[Any] = self.ask(200, "GET", path)["results"]
        return results

    def sign_in(self, email: str) -> None:
        pair = self.ask(200, "POST", "auth/login", {"email": email, "password": PASSWORD})
        self.headers = {"Authorization": f"Bearer {pair['access']}"}

    def join(self, email: str) -> int:
        """Register, follow the link, log in; return the new id. Before the link is opened nobody gets in."""
        data = {"email": email, "password": PASSWORD}
        self.ask(400, "POST", "auth/register", data | {"role": "admin", "is_staff": True, "is_active": True})
        registered = self.ask(201, "POST", "auth/register", data)
        assert (registered["user"]["role"], registered["user"]["is_active"]) == ("user", False)
        refused = self.ask(401, "POST", "auth/login", {"email": email, "password": PASSWORD})
        assert refused["code"] == "invalid_credentials"
        self.ask(200, "GET", registered["activation_url"])
        self.sign_in(email)
        return int(registered["user"]["id"])

    def wallet(self, number: int) -> str:
        return str(self.ask(200, "GET", f"wallets/{number}")["balance"])


@pytest.fixture(scope="module")
def till(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[LiveTill]:
    """One served Till for all of this: a start for each test would take longer than the tests."""
    with django_db_blocker.unblock():
        till = UncheckedTill(TILL_WORKERS="2")
        till.start()
    yield till
    till.stop()


@pytest.fixture
def shop(till: LiveTill, committed_db: None) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{till.url}{shop_users.API}/", timeout=30, verify=PLAIN) as client:
        yield client


@pytest.fixture
def staff(shop: httpx.Client, till: LiveTill, admin: Any) -> Visitor:
    return Visitor(shop, shop_users.sign_in(till, admin))


@pytest.fixture(autouse=True)
def sound_books(committed_db: None) -> Iterator[None]:
    yield
    assert_ledger_balances()


def credit(till: LiveTill, form: Form, **fields: Any) -> dict[str, Any]:
    """What the payment provider sends."""
    notice = form.notice(**fields)
    answer = httpx.post(till.url + notice.path, content=notice.body, headers=notice.headers, timeout=30, verify=PLAIN)
    assert answer.status_code == httpx.codes.OK, answer.text
    credited: dict[str, Any] = answer.json()
    return credited


def test_a_newcomer_joins_is_credited_buys_and_is_paid_back(till: LiveTill, shop: httpx.Client, staff: Visitor) -> None:
    """Register, activate, log in, list, be credited, buy, too poor, replay, refund, history."""
    pen = staff.ask(
        201, "POST", "products", {"title": "Pen", "description": "Blue.", "price": "60.00", "currency": "USD"}
    )
    alice = Visitor(shop)
    user_id = alice.join("newcomer@example.com")

    assert [product["title"] for product in alice.listed("products")] == ["Pen"]
    assert credit(till, SHA1_COLON, user_id=user_id, account_id=123456, amount=100)["balance"] == "100.00"
    assert alice.wallet(123456) == "100.00"

    data = {"product": pen["id"], "wallet": 123456, "expected_price": pen["price"]}
    bought = alice.ask(201, "POST", "purchases", data, key="first")
    assert (bought["amount"], alice.wallet(123456)) == ("60.00", "40.00")
    poor = alice.ask(409, "POST", "purchases", data, key="second")
    assert poor["code"] == "insufficient_funds"

    assert alice.ask(201, "POST", "purchases", data, key="first") == bought
    assert alice.replayed
    assert alice.ask(422, "POST", "purchases", data | {"quantity": 2}, key="first")["code"] == "idempotency_key_reused"
    assert alice.wallet(123456) == "40.00"

    alice.ask(403, "POST", f"purchases/{bought['id']}/refunds", {}, key="mine")
    staff.ask(201, "POST", f"purchases/{bought['id']}/refunds", {"amount": "15.50", "reason": "A leak."}, key="r1")
    assert alice.wallet(123456) == "55.50"

    history = alice.listed("transactions?wallet=123456")
    assert [line["kind"] for line in history] == ["refund", "purchase", "deposit"]
    [mine] = alice.listed("purchases")
    assert (mine["status"], mine["refunded"], mine["transaction"]) == (
        "partially_refunded", "15.50", history[1]["id"],
    )  # fmt: skip
    assert [back["reason"] for back in alice.listed(f"purchases/{bought['id']}/refunds")] == ["A leak."]


def test_staff_run_the_shop(till: LiveTill, shop: httpx.Client, staff: Visitor) -> None:
    """Products are made, changed and taken off by admins; buyers see it at once."""
    buyer = Visitor(shop)
    user_id = buyer.join("buyer@example.com")
    credit(till, SHA256_CONCAT, user_id=user_id, account_id=77, amount='"500.00"')
    product_ids = [
        staff.ask(201, "POST", "products", {"title": title, "price": price, "currency": "USD"})["id"]
        for title, price in (("Lamp", "59.00"), ("Map", "7.95"))
    ]
    assert [row["id"] for row in buyer.listed("products?ordering=price")] == product_ids[::-1]

    staff.ask(200, "PATCH", f"products/{product_ids[0]}", {"price": "61.00"})
    changed = buyer.ask(
        409, "POST", "purchases", {"product": product_ids[0], "wallet": 77, "expected_price": "59.00"}, key="a"
    )
    assert (changed["code"], changed["price"]) == ("price_changed", "61.00")
    buyer.ask(201, "POST", "purchases", {"product": product_ids[0], "wallet": 77, "expected_price": "61.00"}, key="b")

    for number in product_ids:
        staff.ask(204, "DELETE", f"products/{number}")
        assert buyer.ask(404, "POST", "purchases", {"product": number, "wallet": 77}, key=f"c{number}")["code"] == (
            "product_not_found"
        )
    assert buyer.listed("products") == []
    assert [(row["id"], row["is_active"]) for row in staff.listed("products")] == [(product_ids[0], False)]
    assert buyer.listed("purchases")[0]["title"] == "Lamp"


def test_mallory_gets_nothing(till: LiveTill, shop: httpx.Client, staff: Visitor) -> None:
    pen = staff.ask(201, "POST", "products", {"title": "Pen", "price": "10.00", "currency": "USD"})["id"]
    alice, mallory = Visitor(shop), Visitor(shop)
    credit(till, SHA1_COLON, user_id=alice.join("alice@example.com"), account_id=5, amount=100)
    mallory.join("mallory@example.com")
    data = {"product": pen, "wallet": 5}
    bought = alice.ask(201, "POST", "purchases", data, key="k")["id"]

    assert mallory.ask(404, "POST", "purchases", data, key="k")["code"] == "wallet_not_found"
    for path in ("wallets/5", f"purchases/{bought}", f"purchases/{bought}/refunds"):
        mallory.ask(404, "GET", path)
    for path in ("purchases", "transactions", "purchases?wallet=5"):
        assert mallory.listed(path) == []
    for method in ("PUT", "PATCH", "DELETE"):
        mallory.ask(403, method, f"products/{pen}", {"price": "0.01"})
    mallory.ask(403, "POST", f"purchases/{bought}/refunds", {}, key="r")
    assert alice.wallet(5) == "90.00"
