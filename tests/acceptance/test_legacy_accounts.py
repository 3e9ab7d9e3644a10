"""Clients written for two services of accounts: by their documents alone, over HTTP, to the end."""

import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import User
from payments.webhooks.receiving.provider_cache import provider_cache
from tests.support.api_client import in_process
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.old_client import OldClient
from tests.support.provider import SHA256_CONCAT
from tests.support.second_factors import enrol

pytestmark = pytest.mark.slow

#: As the documents print them.
USER = {"email": "testuser@example.com", "password": "123456"}
ADMIN = {"email": "testadmin@example.com", "password": "123456"}
NEW = {"email": "user@example.com", "full_name": "John Doe", "password": "password123"}
SECOND = {"email": "user2@example.com", "full_name": "John Doe", "password": "password123"}


@pytest.fixture
def old(db: None) -> Iterator[OldClient]:
    provider_cache.invalidate()
    call_command("seed_users", stdout=io.StringIO())
    with in_process() as client:
        yield OldClient(client)
    provider_cache.invalidate()


def sign_in(old: OldClient, credentials: dict[str, str]) -> None:
    answer = old.ask("POST", "/login", {name: credentials[name] for name in ("email", "password")})
    assert (answer["token_type"], answer["token"]) == ("bearer", answer["access_token"])
    old.use(answer["access_token"])


def test_a_client_of_the_sanic_service_runs_to_the_end(old: OldClient) -> None:
    registered = old.ask("POST", "/register", NEW)
    sign_in(old, NEW)
    about = old.ask("GET", "/user/about")
    assert about == {"id": registered["id"], "email": NEW["email"], "full_name": NEW["full_name"]}
    old.notify(SHA256_CONCAT, user_id=about["id"], account_id=1, amount=1000)
    old.notify(SHA256_CONCAT, user_id=about["id"], account_id=1, amount="100.0")
    accounts = {account["id"]: account["balance"] for account in old.ask("GET", "/user/accounts")}
    assert accounts[1] == Decimal("1100.0")
    payments = old.ask("GET", "/users/payments")
    assert [(payment["account_id"], payment["amount"]) for payment in payments] == [(1, 100), (1, 1000)]
    old.refused(403, "GET", "/users")
    sign_in(old, ADMIN)
    second = old.ask("POST", "/users/create", SECOND)
    changed = old.ask("PUT", f"/users/update/{second['id']}", {**SECOND, "full_name": "Jane Doe"})
    assert changed["full_name"] == "Jane Doe"
    listed = {user["id"]: user for user in old.ask("GET", "/users")}
    assert listed[second["id"]]["email"] == SECOND["email"]
    assert {"id", "balance", "currency"} <= listed[about["id"]]["accounts"][0].keys()
    assert old.ask("DELETE", f"/users/delete/{second['id']}") == {"message": "User deleted successfully"}
    assert second["id"] not in [user["id"] for user in old.ask("GET", "/users")]
    assert_ledger_balances()


def test_a_client_of_the_webhook_handler_runs_to_the_end(old: OldClient) -> None:
    """Its document prints the pages and the logins, and no other address."""
    assert old.send("GET", "/docs").status_code == old.send("GET", "/redoc").status_code == 200
    sign_in(old, {"email": "user_user@example.com", "password": "123456"})
    me = old.ask("GET", "/user/about")
    old.notify(SHA256_CONCAT, user_id=me["id"], account_id=5, amount=100)
    assert [payment["amount"] for payment in old.ask("GET", "/users/payments")] == [100]
    sign_in(old, {"email": "admin_admin@example.com", "password": "123456"})
    assert me["id"] in [user["id"] for user in old.ask("GET", "/users")]
    assert_ledger_balances()


def test_a_balance_is_a_number_with_the_digits_of_the_books(old: OldClient) -> None:
    sign_in(old, USER)
    me = old.ask("GET", "/user/about")["id"]
    old.notify(SHA256_CONCAT, user_id=me, account_id=7, amount="12345678901234567.1")
    answer = old.send("GET", "/user/accounts")
    assert '"balance":12345678901234567.10' in answer.text


def test_a_user_with_money_stays(old: OldClient) -> None:
    sign_in(old, USER)
    me = old.ask("GET", "/user/about")["id"]
    old.notify(SHA256_CONCAT, user_id=me, account_id=7, amount=1)
    sign_in(old, ADMIN)
    assert old.refused(409, "DELETE", f"/users/delete/{me}")["code"] == "user_has_money"


def test_outside_of_development_mode_registering_proves_the_address(old: OldClient, settings: Any) -> None:
    settings.TILL_DEBUG = settings.TILL_RETURN_ACTIVATION_LINK = False
    assert old.refused(400, "POST", "/register", NEW)["code"] == "weak_password"
    registered = old.ask("POST", "/register", {**NEW, "password": "correct horse 42"})
    assert (registered["is_active"], registered["activation_url"]) == (False, None)
    assert old.refused(401, "POST", "/login", {**USER, "email": NEW["email"]})["code"] == "invalid_credentials"
    assert not User.objects.with_email(NEW["email"]).get().is_active


@pytest.mark.parametrize(("method", "path"), [("POST", "/login"), ("POST", "/auth"), ("GET", "/service/auth/login")])
def test_no_login_goes_around_the_second_factor(old: OldClient, method: str, path: str) -> None:
    app, _ = enrol(User.objects.with_email(USER["email"]).get(), USER["password"])
    assert old.refused(401, method, path, USER)["code"] == "second_factor_required"
    assert old.refused(401, method, path, USER | {"code": app.wrong()})["code"] == "invalid_second_factor"
    assert old.ask(method, path, USER | {"code": app.code()})["access_token"]
    assert old.refused(400, method, f"{path}?code=123456", USER)["errors"][0]["code"] == "secret_in_address"
