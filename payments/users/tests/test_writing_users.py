"""POST, PUT, PATCH users, enable and disable: what staff do to people, and what nobody may."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail
from rest_framework.test import APIClient

from accounts import links, services, tokens
from accounts.models import Role, User
from accounts.tests.conftest import bearer
from payments.models import Wallet
from tests.support import recipes
from tests.support.rest import signed_in
from tests.support.threads import at_once

URL = "/api/v1/users"
PASSWORD = "correct horse 42"
WHOLE = {"email": "alice@example.com", "full_name": "Alice", "role": "user", "is_active": True}


def url(user: Any, verb: str = "") -> str:
    return f"{URL}/{user.pk}{verb}"


def refusal(answer: Any) -> tuple[int, str, list[str]]:
    body = answer.json()
    return answer.status_code, body["code"], [error["field"] for error in body["errors"]]


def history(user_id: int) -> list[str]:
    entries = LogEntry.objects.filter(content_type__model="user", object_id=str(user_id)).order_by("pk")
    return [entry.change_message for entry in entries]


def row(user: Any) -> dict[str, Any]:
    return dict(User.objects.filter(pk=user.pk).values().get())


def log_in(email: str, password: str = PASSWORD) -> int:
    status: int = APIClient().post("/api/v1/auth/login", {"email": email, "password": password}).status_code
    return status


# --- create ---------------------------------------------------------------------------------------------------


def test_a_new_user_is_active_at_once_and_can_sign_in(admin: Any) -> None:
    answer = signed_in(admin).post(URL, {"email": "dave@EXAMPLE.com", "password": PASSWORD, "full_name": "Dave"})
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["email"], body["full_name"], body["role"]) == ("dave@example.com", "Dave", "user")
    assert (body["is_active"], body["activation_url"], mail.outbox) == (True, None, [])
    assert log_in("dave@example.com") == 200
    assert history(body["id"]) == ["Created with the role user."]
    assert LogEntry.objects.get().user_id == admin.pk
    read = signed_in(admin).get(f"{URL}/{body['id']}").json()
    assert read == {name: value for name, value in body.items() if name != "activation_url"}


def test_a_new_user_gets_what_everybody_gets_who_registers(admin: Any) -> None:
    registered = APIClient().post("/api/v1/auth/register", {"email": "erin@example.com", "password": PASSWORD}).json()
    created = signed_in(admin).post(URL, {"email": "dave@example.com"}).json()
    opened = Wallet.objects.filter(owner=registered["user"]["id"]).count()
    assert len(created["wallets"]) == opened


def test_an_inactive_user_gets_a_link_by_answer_and_mail(admin: Any, settings: Any) -> None:
    body = {"email": "dave@example.com", "password": PASSWORD, "is_active": False}
    created = signed_in(admin).post(URL, body).json()
    link = created["activation_url"]
    assert not created["is_active"]
    assert services.send_next_mail()
    assert (mail.outbox[0].to, "/api/v1/auth/activate/" in mail.outbox[0].body) == (["dave@example.com"], True)
    assert log_in("dave@example.com") == 401
    assert APIClient().get(link.removeprefix("http://testserver")).status_code == 200
    assert log_in("dave@example.com") == 200
    settings.TILL_RETURN_ACTIVATION_LINK = False
    assert signed_in(admin).post(URL, body | {"email": "eve@example.com"}).json()["activation_url"] is None


def test_a_user_without_a_password_cannot_sign_in(admin: Any) -> None:
    for number, body in enumerate([{}, {"password": None}]):
        email = f"dave{number}@example.com"
        assert signed_in(admin).post(URL, {"email": email, **body}).status_code == 201
        assert not User.objects.get(email=email).has_usable_password()
        assert [log_in(email, guess) for guess in ("!", "None", User.objects.get(email=email).password)] == [401] * 3


@pytest.mark.parametrize("role", ["service", "admin"])
def test_admins_make_services_and_admins_and_nobody_else_does(role: str, admin: Any, mallory: Any) -> None:
    body = {"email": "dave@example.com", "password": PASSWORD, "role": role}
    assert signed_in(mallory).post(URL, body).status_code == 403
    assert refusal(APIClient().post("/api/v1/auth/register", body)) == (400, "invalid_request", ["role"])
    created = signed_in(admin).post(URL, body | {"email": "erin@example.com"}).json()
    user = User.objects.get(pk=created["id"])
    assert (created["role"], user.is_staff, user.is_superuser) == (role, role == "admin", role == "admin")
    assert history(user.pk) == [f"Created with the role {role}."]
    waiting = signed_in(admin).post(URL, body | {"email": "frank@example.com", "is_active": False}).json()
    assert (waiting["role"], waiting["is_active"]) == (role, False)


def test_a_taken_email_is_named_and_nothing_is_made(admin: Any, alice: Any) -> None:
    before = User.objects.count(), LogEntry.objects.count()
    answer = signed_in(admin).post(URL, {"email": "ALICE@example.com", "password": PASSWORD})
    assert refusal(answer) == (409, "email_taken", ["email"])
    assert (User.objects.count(), LogEntry.objects.count()) == before


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": None}, "email"), ({"email": "dave"}, "email"), ({"email": 5}, "email"), ({"email": ""}, "email"),
        ({"email": "dävid@example.com"}, "email"), ({"email": "d\x00@example.com"}, "email"),
        ({"email": "a" * 250 + "@example.com"}, "email"), ({"email": "deleted-1@deleted.invalid"}, "email"),
        ({"email": "x@DELETED.Invalid"}, "email"), ({"full_name": "a\nb"}, "full_name"),
        ({"full_name": None}, "full_name"), ({"full_name": "a" * 151}, "full_name"), ({"role": "root"}, "role"),
        ({"role": None}, "role"), ({"role": ["admin"]}, "role"), ({"role": True}, "role"),
        ({"is_active": "true"}, "is_active"), ({"is_active": 1}, "is_active"), ({"is_active": None}, "is_active"),
        ({"password": "short"}, "password"), ({"password": ""}, "password"), ({"password": "password"}, "password"),
        ({"password": "a" * 129}, "password"), ({"password": 12345678}, "password"),
        ({"password": "dave@example.com"}, "password"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_named(wrong: dict[str, Any], field: str, admin: Any) -> None:
    status, _, fields = refusal(signed_in(admin).post(URL, {"email": "dave@example.com"} | wrong))
    assert (status, fields) == (400, [field])
    assert User.objects.count() == 1


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "{", '{"email":"a@b.co","email":"c@d.co"}', '{"email":NaN}'])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_what_is_no_object_is_refused(body: str, method: str, admin: Any, alice: Any) -> None:
    path = URL if method == "POST" else url(alice)
    answer = signed_in(admin).generic(method, path, body, content_type="application/json")
    assert answer.status_code == 400


# --- change ---------------------------------------------------------------------------------------------------


def test_put_replaces_the_whole_user(admin: Any, alice: Any) -> None:
    wanted = {"email": "ann@example.com", "full_name": "Ann", "role": "service", "is_active": False}
    answer = signed_in(admin).put(url(alice), wanted)
    assert answer.status_code == 200, answer.content
    assert {name: answer.json()[name] for name in wanted} == wanted
    assert answer.json() == signed_in(admin).get(url(alice)).json()
    assert history(alice.pk) == [
        "Changed: email: alice@example.com -> ann@example.com; full_name: Alice -> Ann.",
        "Role changed from user to service.",
        "Disabled; the tokens ended.",
    ]


def test_put_names_what_is_missing(admin: Any, alice: Any) -> None:
    before = row(alice)
    body = {name: value for name, value in WHOLE.items() if name != "email"}
    assert refusal(signed_in(admin).put(url(alice), body)) == (400, "invalid_request", ["email"])
    assert row(alice) == before


def test_put_empties_a_name_that_is_left_out(admin: Any, alice: Any) -> None:
    body = {name: value for name, value in WHOLE.items() if name != "full_name"}
    assert signed_in(admin).put(url(alice), body).json()["full_name"] == ""


def test_patch_changes_only_what_is_given(admin: Any, alice: Any) -> None:
    before = row(alice)
    assert signed_in(admin).patch(url(alice), {"full_name": "Alice Ünal 李"}).status_code == 200
    assert row(alice) == before | {"full_name": "Alice Ünal 李"}
    assert signed_in(admin).patch(url(alice), {}).status_code == 200
    assert history(alice.pk) == ["Changed: full_name: Alice -> Alice Ünal 李."]


@pytest.mark.parametrize("method", ["put", "patch"])
def test_what_staff_may_not_set_is_refused_by_name(method: str, admin: Any, alice: Any) -> None:
    before = row(alice)
    planted = {
        "id": alice.pk, "is_staff": True, "is_superuser": True, "balance": "999.00", "token_epoch": 9, "wallets": [],
        "activated_at": None, "disabled_at": None, "created_at": "2000-01-01T00:00:00Z", "last_login": None,
    }  # fmt: skip
    answer = getattr(signed_in(admin), method)(url(alice), WHOLE | planted)
    assert answer.status_code == 400
    assert {(error["field"], error["code"]) for error in answer.json()["errors"]} == {
        (name, "unknown_field") for name in planted
    }
    created = signed_in(admin).post(URL, {"email": "dave@example.com", "password": PASSWORD, **planted})
    assert created.status_code == 400
    assert (row(alice), history(alice.pk), User.objects.filter(email="dave@example.com").exists()) == (
        before,
        [],
        False,
    )


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_password_is_set_and_ends_the_tokens_while_role_and_state_stay(method: str, admin: Any, alice: Any) -> None:
    services.disable_user(user_id=alice.pk, by=admin)
    services.set_role(user_id=alice.pk, role=Role.SERVICE, by=admin)
    pair = tokens.open_family(user=alice)
    body = {"email": "alice@example.com", "full_name": "Alice Anew", "password": "another horse 43"}
    answer = getattr(signed_in(admin), method)(url(alice), body)
    assert answer.status_code == 200, answer.json()
    assert "password" not in answer.json()
    assert (answer.json()["role"], answer.json()["is_active"]) == ("service", False)
    alice.refresh_from_db()
    assert alice.check_password("another horse 43")
    assert "Password set; the tokens ended." in history(alice.pk)
    services.enable_user(user_id=alice.pk)
    assert bearer(pair.access).get("/api/v1/users/me").status_code == 401


def test_a_weak_password_changes_nothing_else_either(admin: Any, alice: Any) -> None:
    before = row(alice)
    body = {"email": "new@example.com", "full_name": "New", "password": "new@example.com"}
    assert refusal(signed_in(admin).put(url(alice), body)) == (400, "weak_password", ["password"])
    assert refusal(signed_in(admin).patch(url(alice), {"password": None})) == (400, "invalid_request", ["password"])
    assert (row(alice), history(alice.pk)) == (before, [])


def test_a_change_that_is_refused_leaves_nothing_behind(admin: Any, alice: Any, bob: Any) -> None:
    before, pair = row(alice), tokens.open_family(user=alice)
    body = {"email": "BOB@example.com", "full_name": "New", "role": "admin", "is_active": False}
    assert refusal(signed_in(admin).put(url(alice), body)) == (409, "email_taken", ["email"])
    assert (row(alice), history(alice.pk)) == (before, [])
    assert bearer(pair.access).get("/api/v1/users/me").status_code == 200


def test_the_same_email_in_another_case_is_his_own(admin: Any, alice: Any) -> None:
    assert signed_in(admin).patch(url(alice), {"email": "Alice@example.com"}).json()["email"] == "Alice@example.com"


def test_a_new_email_voids_the_link_to_the_old_one(admin: Any) -> None:
    body = {"email": "dave@example.com", "password": PASSWORD, "is_active": False}
    created = signed_in(admin).post(URL, body).json()
    user = User.objects.get(pk=created["id"])
    assert signed_in(admin).patch(url(user), {"email": "david@example.com"}).status_code == 200
    old = APIClient().get(created["activation_url"].removeprefix("http://testserver"))
    assert refusal(old)[:2] == (400, "invalid_link")
    user.refresh_from_db()
    assert not user.is_active
    new = links.activation_token(user=user)
    assert APIClient().get(f"/api/v1/auth/activate/{new}").status_code == 200


def test_a_replacement_leaves_a_user_who_waits_for_activation_waiting(admin: Any) -> None:
    created = signed_in(admin).post(URL, {"email": "dave@example.com", "is_active": False}).json()
    same = {name: created[name] for name in ("email", "full_name", "role", "is_active")}
    assert signed_in(admin).put(f"{URL}/{created['id']}", same).status_code == 200
    assert APIClient().get(created["activation_url"].removeprefix("http://testserver")).status_code == 200


@pytest.mark.parametrize("wrong", [{"email": None}, {"role": "x"}, {"is_active": "no"}, {"full_name": 5}])
def test_patch_names_what_is_malformed(wrong: dict[str, Any], admin: Any, alice: Any) -> None:
    before = row(alice)
    assert refusal(signed_in(admin).patch(url(alice), wrong)) == (400, "invalid_request", list(wrong))
    assert row(alice) == before


def test_a_role_counts_from_the_next_request_on(admin: Any, alice: Any) -> None:
    client = bearer(tokens.open_family(user=alice).access)
    assert client.get(URL).status_code == 403
    assert signed_in(admin).patch(url(alice), {"role": "admin"}).status_code == 200
    assert client.get(URL).status_code == 200
    assert signed_in(admin).patch(url(alice), {"role": "user"}).status_code == 200
    assert client.get(URL).status_code == 403


# --- enable and disable ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["disable", "patch"])
def test_a_disabled_users_tokens_stop_at_once(way: str, admin: Any, alice: Any) -> None:
    pair = tokens.open_family(user=alice)
    client = signed_in(admin)
    answer = client.post(url(alice, "/disable")) if way == "disable" else client.patch(url(alice), {"is_active": False})
    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    assert bearer(pair.access).get("/api/v1/users/me").status_code == 401
    assert APIClient().post("/api/v1/auth/refresh", {"refresh": pair.refresh}).status_code == 401
    assert client.post(url(alice, "/enable")).json()["is_active"] is True
    assert bearer(pair.access).get("/api/v1/users/me").status_code == 401  # What ended stays ended.


def test_both_are_safe_to_repeat(admin: Any, alice: Any) -> None:
    client = signed_in(admin)
    for verb in ("/disable", "/disable", "/enable", "/enable"):
        assert client.post(url(alice, verb)).status_code == 200
    assert history(alice.pk) == ["Disabled; the tokens ended.", "Enabled."]


def test_disabling_voids_an_unused_activation_link(admin: Any) -> None:
    created = signed_in(admin).post(URL, {"email": "dave@example.com", "is_active": False}).json()
    assert signed_in(admin).post(f"{URL}/{created['id']}/disable").status_code == 200
    assert APIClient().get(created["activation_url"].removeprefix("http://testserver")).status_code == 400


@pytest.mark.parametrize("verb", ["/enable", "/disable"])
def test_both_know_no_stranger(verb: str, admin: Any, alice: Any, mallory: Any) -> None:
    assert refusal(signed_in(admin).post(f"{URL}/{2**40}{verb}"))[:2] == (404, "user_not_found")
    assert APIClient().post(url(alice, verb)).status_code == 401
    assert signed_in(mallory).post(url(alice, verb)).status_code == 403
    assert signed_in(admin).get(url(alice, verb)).status_code == 405


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_nobody_but_admins_changes_people(method: str, alice: Any, mallory: Any) -> None:
    before = row(alice)
    assert getattr(APIClient(), method)(url(alice), WHOLE | {"full_name": "X"}).status_code == 401
    for user in (mallory, alice):
        assert getattr(signed_in(user), method)(url(alice), WHOLE | {"full_name": "X"}).status_code == 403
    assert row(alice) == before


# --- admins among themselves ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("bob")
def test_nobody_disables_or_demotes_himself(admin: Any) -> None:
    client, before = signed_in(admin), row(admin)
    whole = {"email": "admin@example.com", "full_name": "Admin", "role": "admin", "is_active": True}
    answers = [
        client.post(url(admin, "/disable")),
        client.patch(url(admin), {"is_active": False}),
        client.patch(url(admin), {"role": "user"}),
        client.put(url(admin), whole | {"role": "service"}),
        client.put(url(admin), whole | {"email": "root@example.com", "is_active": False}),
        client.delete(url(admin)),
    ]
    assert [refusal(answer)[:2] for answer in answers] == [(409, "own_account")] * 6
    assert row(admin) == before
    assert client.put(url(admin), whole | {"full_name": "Ada"}).json()["full_name"] == "Ada"
    assert client.post(url(admin, "/enable")).status_code == 200


REMOVALS: dict[str, Callable[[APIClient, User], int]] = {
    "disable": lambda client, user: client.post(url(user, "/disable")).status_code,
    "demote": lambda client, user: client.patch(url(user), {"role": "user"}).status_code,
    "delete": lambda client, user: client.delete(url(user)).status_code,
}


def other_admin(email: str = "second@example.com") -> User:
    return recipes.admin.make(email=email)


def test_admins_may_switch_each_other_off(admin: Any) -> None:
    second = other_admin()
    assert signed_in(admin).patch(url(second), {"role": "user"}).status_code == 200
    assert signed_in(admin).patch(url(second), {"role": "admin"}).status_code == 200
    assert signed_in(admin).post(url(second, "/disable")).status_code == 200


@pytest.mark.parametrize("removals", ["disable disable", "demote demote", "delete delete", "disable demote"])
@pytest.mark.usefixtures("committed_db")
def test_of_admins_who_remove_each_other_at_once_one_remains(removals: str, admin: Any) -> None:
    for number in range(5):
        pair = [admin, other_admin(f"admin{number}@example.com")]

        # Both are known as admins before either begins: by role, who comes later is refused with 403.
        clients = [signed_in(User.objects.get(pk=user.pk)) for user in pair]

        first, second = (REMOVALS[name] for name in removals.split())
        codes = at_once(partial(first, clients[0], pair[1]), partial(second, clients[1], pair[0]))
        assert sorted(codes) in ([200, 409], [204, 409])
        [admin] = User.objects.filter(role="admin", is_active=True)


@pytest.mark.usefixtures("committed_db")
def test_of_equal_emails_at_once_one_gets_in(admin: Any) -> None:
    codes = at_once(*[lambda: signed_in(admin).post(URL, {"email": "dave@example.com"}).status_code] * 5)
    assert sorted(codes) == [201, 409, 409, 409, 409]
