"""What docs/coming-from.md says about people, done."""

import io

import pytest
from django.core.management import call_command

from tests.support.api_client import ACCOUNTS, BILLS, KEYS, NEW, SANIC, WALLETS, DemoTill, equivalent_of, path_of
from tests.support.every_operation import new_user
from tests.support.provider import SHA1_COLON
from tests.support.shop_users import PASSWORD


@equivalent_of(ACCOUNTS, "log in with email and password")
@equivalent_of(SANIC, "`POST /login`")
@equivalent_of(KEYS, "`POST /auth`")
@equivalent_of(WALLETS, "`POST /auth/login`")
def logging_in(till: DemoTill) -> None:
    someone = till.visitor()
    tokens = someone.ask(200, "POST", "auth/login", {"email": "alice@example.com", "password": PASSWORD})
    assert tokens.keys() == {"access", "refresh"}
    assert someone.ask(200, "POST", "auth/refresh", {"refresh": tokens["refresh"]}).keys() == tokens.keys()


@equivalent_of(BILLS, "log in")
def logging_in_needs_an_active_user(till: DemoTill) -> None:
    till.visitor().ask(201, "POST", "auth/register", NEW)
    for email in ("new@example.com", "nobody@example.com"):
        till.visitor().refused(401, "invalid_credentials", "POST", "auth/login", {"email": email, "password": PASSWORD})
    logging_in(till)


@equivalent_of(WALLETS, "`GET /service/auth/login`")
def a_service_logs_in(till: DemoTill) -> None:
    new_user("settler", "service")
    assert till.visitor("settler@example.com").ask(200, "GET", "users/me")["role"] == "service"


@equivalent_of(ACCOUNTS, "my id, email and full name")
@equivalent_of(SANIC, "`GET /user/about`")
@equivalent_of(WALLETS, "`GET /user/get/id`", "`GET /user/get/token`")
def about_me(till: DemoTill) -> None:
    me = till.alice.ask(200, "GET", "users/me")
    assert me == {
        "id": till.alices, "email": "alice@example.com", "full_name": "", "role": "user", "is_active": True,
    }  # fmt: skip


@equivalent_of(ACCOUNTS, "the admin's own profile")
def about_the_admin(till: DemoTill) -> None:
    assert till.staff.ask(200, "GET", "users/me")["role"] == "admin"


@equivalent_of(BILLS, "the JWT in `Authorization: Bearer`")
def only_with_a_token(till: DemoTill) -> None:
    answer = till.visitor().send("GET", "users/me")
    assert (answer.status_code, answer.headers["WWW-Authenticate"].split()[0]) == (401, "Bearer")
    assert till.alice.headers["Authorization"].startswith("Bearer ")
    about_me(till)


@equivalent_of(SANIC, "`POST /register`")
@equivalent_of(BILLS, "register with login and password", "inactive until the link is opened")
@equivalent_of(KEYS, "`POST /users`", "open the activation link")
def registering(till: DemoTill) -> None:
    someone = till.visitor()
    registered = someone.ask(201, "POST", "auth/register", NEW)
    assert registered["user"]["is_active"] is False
    someone.refused(401, "invalid_credentials", "POST", "auth/login", {"email": NEW["email"], "password": PASSWORD})
    for status in ("activated", "already_active"):
        assert someone.ask(200, "GET", path_of(registered["activation_url"]))["status"] == status
    someone.sign_in("new@example.com")


@equivalent_of(BILLS, "logins are unique")
@equivalent_of(KEYS, "logins are unique")
def an_email_registers_once(till: DemoTill) -> None:
    for email in ("alice@example.com", "ALICE@example.com"):
        till.visitor().refused(409, "email_taken", "POST", "auth/register", NEW | {"email": email})


@equivalent_of(WALLETS, "`POST /auth/register`")
def registering_opens_wallets(till: DemoTill) -> None:
    registering(till)
    new_user = till.visitor("new@example.com")
    currencies = [one["code"] for one in new_user.listed("currencies") if one["is_active"]]
    assert sorted(wallet["currency"] for wallet in new_user.listed("wallets")) == currencies


@equivalent_of(ACCOUNTS, "prepared test logins")
@equivalent_of(SANIC, "the two default logins")
def demo_logins(till: DemoTill) -> None:
    call_command("seed_users", stdout=io.StringIO())
    for email in ("user_user", "admin_admin", "testuser", "testadmin"):
        till.visitor().sign_in(f"{email}@example.com", "123456")


@equivalent_of(BILLS, "admins are appointed by hand or at the start")
def the_first_admin(till: DemoTill) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TILL_ADMIN_PASSWORD", PASSWORD)
        call_command("create_admin", email="first@example.com", stdout=io.StringIO())
    first = till.visitor("first@example.com")
    assert first.ask(201, "POST", "users", NEW | {"role": "admin"})["role"] == "admin"


# --- for admins ---
@equivalent_of(ACCOUNTS, "an admin creates a user")
@equivalent_of(SANIC, "`POST /users/create`")
def creating_a_user(till: DemoTill) -> None:
    till.alice.ask(403, "POST", "users", NEW)
    assert till.staff.ask(201, "POST", "users", NEW)["is_active"] is True
    till.visitor("new@example.com")
    waiting = till.staff.ask(201, "POST", "users", NEW | {"email": "waiting@example.com", "is_active": False})
    assert waiting["activation_url"]


@equivalent_of(WALLETS, "`POST /auth/register_service`")
def creating_a_service(till: DemoTill) -> None:
    service = till.staff.ask(201, "POST", "users", NEW | {"role": "service"})
    assert service["role"] == "service"
    till.staff.ask(201, "POST", "settlement-scopes", {"service": service["id"], "currency": "EUR"})
    till.alice.ask(403, "POST", "users", NEW | {"email": "mine@example.com", "role": "service"})


@equivalent_of(ACCOUNTS, "an admin reads a user")
def reading_a_user(till: DemoTill) -> None:
    user = till.staff.ask(200, "GET", f"users/{till.alices}")
    assert [(wallet["id"], wallet["balance"]) for wallet in user["wallets"]] == [(77, "100.00")]


@equivalent_of(ACCOUNTS, "an admin changes a user")
def changing_a_user(till: DemoTill) -> None:
    data = {"full_name": "Alice Liddell", "password": "something else 1"}
    assert till.staff.ask(200, "PATCH", f"users/{till.alices}", data)["full_name"] == "Alice Liddell"
    login = {"email": "alice@example.com", "password": data["password"]}
    till.visitor().ask(200, "POST", "auth/login", login)


@equivalent_of(SANIC, "`PUT /users/update/<user_id>`")
def replacing_a_user(till: DemoTill) -> None:
    data = {"email": "liddell@example.com", "full_name": "Alice Liddell", "password": "something else 1"}
    replaced = till.staff.ask(200, "PUT", f"users/{till.alices}", data)
    assert (replaced["email"], replaced["role"], replaced["is_active"]) == ("liddell@example.com", "user", True)
    login = {"email": "liddell@example.com", "password": data["password"]}
    till.visitor().ask(200, "POST", "auth/login", login)


@equivalent_of(ACCOUNTS, "an admin deletes a user")
@equivalent_of(SANIC, "`DELETE /users/delete/<user_id>`")
def deleting_a_user(till: DemoTill) -> None:
    fresh = till.staff.ask(201, "POST", "users", NEW)["id"]
    assert till.staff.ask(204, "DELETE", f"users/{fresh}") is None
    till.staff.refused(409, "user_has_money", "DELETE", f"users/{till.alices}")
    assert till.staff.ask(204, "DELETE", f"users/{till.alices}?force=true") is None
    till.staff.refused(404, "user_not_found", "GET", f"users/{fresh}")
    stored = till.staff.ask(200, "GET", f"users/{till.alices}")
    assert (stored["is_active"], stored["wallets"][0]["balance"]) == (False, "100.00")
    assert "alice" not in stored["email"]
    myself = till.staff.ask(200, "GET", "users/me")["id"]
    till.staff.refused(409, "own_account", "DELETE", f"users/{myself}")


@equivalent_of(ACCOUNTS, "an admin sees all users and their accounts")
@equivalent_of(SANIC, "`GET /users`")
@equivalent_of(BILLS, "an admin sees all users and their bills")
@equivalent_of(KEYS, "`GET /users`")
def listing_users(till: DemoTill) -> None:
    wallets = {one["email"]: one["wallets"] for one in till.staff.listed("users")}
    assert wallets["alice@example.com"][0]["balance"] == "100.00"
    assert [one["id"] for one in till.staff.listed("users?search=ALICE&is_active=true")] == [till.alices]
    till.alice.ask(403, "GET", "users")


@equivalent_of(BILLS, "an admin switches users off")
def disabling(till: DemoTill) -> None:
    assert till.staff.ask(200, "POST", f"users/{till.alices}/disable")["is_active"] is False
    till.alice.refused(401, "token_invalid", "GET", "users/me")
    assert till.notify(SHA1_COLON, account_id=77, amount=1)["balance"] == "101.00"


@equivalent_of(BILLS, "an admin switches users on")
def enabling(till: DemoTill) -> None:
    waiting = till.visitor().ask(201, "POST", "auth/register", NEW)["user"]["id"]
    assert till.staff.ask(200, "POST", f"users/{waiting}/enable")["is_active"] is True
    till.visitor("new@example.com")


@equivalent_of(KEYS, "`PUT /users/<pk>` to switch a user off or on")
def switching(till: DemoTill) -> None:
    disabling(till)
    assert till.staff.ask(200, "POST", f"users/{till.alices}/enable")["is_active"] is True
    assert till.staff.ask(200, "PATCH", f"users/{till.alices}", {"is_active": False})["is_active"] is False
    myself = till.staff.ask(200, "GET", "users/me")["id"]
    till.staff.refused(409, "own_account", "POST", f"users/{myself}/disable")
