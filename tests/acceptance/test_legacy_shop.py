"""Clients written for a shop: by its document, and by the specification that it implements, over HTTP to the end."""

import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from payments.webhooks.receiving.provider_cache import provider_cache
from tests.support.api_client import in_process, path_of
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.old_client import OldClient
from tests.support.provider import SHA1_COLON

pytestmark = pytest.mark.slow

ADMIN = {"login": "admin_admin@example.com", "password": "123456"}
LOGIN = {"login": "newcomer", "password": "secret"}
PEN = {"title": "Pen", "description": "Blue.", "price": 25}


@pytest.fixture
def old(db: None) -> Iterator[OldClient]:
    provider_cache.invalidate()
    call_command("seed_users", stdout=io.StringIO())
    with in_process() as client:
        yield OldClient(client)
    provider_cache.invalidate()


def sign_in(old: OldClient, credentials: dict[str, str] = LOGIN) -> None:
    old.use(old.ask("POST", "/auth", credentials)["access_token"])


def register(old: OldClient, credentials: dict[str, str] = LOGIN) -> Any:
    """Register and open the link; the user may not log in before."""
    registered = old.ask("POST", "/users", credentials)
    assert registered["is_active"] is False
    old.refused(401, "POST", "/auth", credentials)
    old.ask("GET", f"/api/v1/{path_of(registered['activation_link'])}")
    sign_in(old, credentials)
    return registered


def new_pen(old: OldClient, **fields: Any) -> Any:
    sign_in(old, ADMIN)
    return old.ask("POST", "/products", {**PEN, **fields})


def test_a_client_of_the_shop_runs_to_the_end(old: OldClient) -> None:
    pen = new_pen(old)
    assert (pen["price"], pen["currency"]) == (25, "USD")
    user = register(old)
    old.refused(409, "POST", "/users", LOGIN)
    old.notify(SHA1_COLON, user_id=user["numericail_id"], account_id=123456, amount=100)
    assert pen["id"] in [product["id"] for product in old.ask("GET", "/products")]
    assert old.ask("GET", f"/products/{pen['id']}")["title"] == "Pen"
    bought = old.ask("POST", "/products/buy", {"product_id": pen["id"]})
    assert (bought["amount"], bought["bill_id"]) == (25, 123456)
    me = old.ask("GET", "/users/me")
    assert me["login"] == "newcomer"
    assert {bill["id"]: bill["balance"] for bill in me["bills"]}[123456] == 75
    assert [line["amount"] for line in me["transactions"]] == [-25, 100]
    for method, path in (("GET", "/users"), ("POST", "/products"), ("PUT", f"/users/{user['id']}")):
        assert old.refused(403, method, path, {})["code"] == "permission_denied"
    sign_in(old, ADMIN)
    old.ask("PUT", f"/products/{pen['id']}", {"price": 30.5})
    assert old.ask("GET", f"/products/{pen['id']}")["price"] == Decimal("30.5")
    old.ask("DELETE", f"/products/{pen['id']}")
    listed = {one["id"]: one for one in old.ask("GET", "/users")}
    assert {bill["id"]: bill["balance"] for bill in listed[user["id"]]["accounts"]}[123456] == 75
    assert old.ask("PUT", f"/users/{user['id']}", {"is_active": False})["is_active"] is False
    old.refused(401, "POST", "/auth", LOGIN)
    assert old.ask("PUT", f"/users/{user['id']}", {"is_active": "true"})["is_active"] is True
    sign_in(old)
    assert old.send("GET", "/docs/swagger").status_code == 302
    assert_ledger_balances()


def test_without_a_bill_the_first_that_has_enough_pays(old: OldClient) -> None:
    """Bills in another currency never do."""
    pen = new_pen(old)
    user = register(old)["id"]
    for bill, amount in ((11, 20), (12, 60), (13, 1000)):
        old.notify(SHA1_COLON, user_id=user, account_id=bill, amount=amount)
    paid_by = [old.ask("POST", "/products/buy", {"product": pen["id"]})["bill_id"] for _ in range(3)]
    assert paid_by == [12, 12, 13]
    assert old.ask("POST", "/products/buy", {"product": pen["id"], "account_id": 13})["bill_id"] == 13
    problem = old.refused(409, "POST", "/products/buy", {"product": pen["id"], "quantity": 1000})
    assert problem["code"] == "insufficient_funds"
    dear = new_pen(old, currency="EUR")
    sign_in(old)
    assert old.refused(409, "POST", "/products/buy", {"product": dear["id"]})["code"] == "insufficient_funds"
    assert_ledger_balances()


def test_a_key_that_is_given_buys_once_and_without_one_each_request_buys(old: OldClient) -> None:
    pen = new_pen(old)
    user = register(old)["id"]
    old.notify(SHA1_COLON, user_id=user, account_id=11, amount=100)
    request = {"product_id": pen["id"]}
    key = {"Idempotency-Key": "one"}
    first, again = (old.send("POST", "/products/buy", request, headers=key) for _ in range(2))
    assert (first.status_code, again.text) == (201, first.text)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert '"amount":25.00' in first.text
    old.refused(422, "POST", "/products/buy", {**request, "quantity": 2}, headers=key)
    old.refused(400, "POST", "/products/buy", request, headers={"Idempotency-Key": ""})
    for _ in range(2):
        old.ask("POST", "/products/buy", request)
    assert old.ask("GET", "/users/me")["bills"][0]["balance"] == 25
    assert_ledger_balances()


def test_what_is_wanted_is_named(old: OldClient) -> None:
    register(old)
    problem = old.refused(400, "POST", "/products/buy", {"what": 1})
    assert {error["field"]: error["code"] for error in problem["errors"]} == {
        "what": "unknown_field",
        "product_id": "required",
    }
