"""A password is the same however a keyboard spells it: by REST, in /admin, by command."""

import io
import unicodedata
from typing import Any

import pytest
from argon2 import low_level
from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher, check_password, make_password
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts import hashers, services, tokens
from accounts.models import Role, User
from accounts.tests.conftest import PASSWORD, bearer
from tests.support.growth import assert_linear

pytestmark = pytest.mark.django_db

COMPOSED = unicodedata.normalize("NFC", "crème brûlée 42")
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
WIDE = COMPOSED.translate({letter: letter + 0xFEE0 for letter in range(0x21, 0x7F)})
SPELLINGS = [COMPOSED, DECOMPOSED, WIDE]


def logs_in(user: User, password: str) -> bool:
    body = {"email": user.email, "password": password}
    return bool(APIClient().post("/api/v1/auth/login", body).status_code == 200)


def enters_the_staff_site(user: User, password: str) -> bool:
    answer = Client().post(reverse("admin:login"), {"username": user.email, "password": password})
    return answer.status_code == 302


@pytest.mark.parametrize("chosen", SPELLINGS)
def test_whoever_registers_logs_in_from_any_keyboard(chosen: str) -> None:
    body = {"email": "dave@example.com", "password": chosen}
    assert APIClient().post("/api/v1/auth/register", body).status_code == 201
    dave = User.objects.get(email="dave@example.com")
    services.enable_user(user_id=dave.pk)
    assert [logs_in(dave, typed) for typed in SPELLINGS] == [True, True, True]
    assert not logs_in(dave, COMPOSED.replace("è", "e"))


@pytest.mark.parametrize("chosen", SPELLINGS)
def test_so_does_whoever_changes_it(chosen: str, alice_can_sign_in: User) -> None:
    client = bearer(tokens.open_family(user=alice_can_sign_in).access)
    body = {"current_password": PASSWORD, "new_password": chosen}
    assert client.post("/api/v1/auth/password", body).status_code == 204
    assert [logs_in(alice_can_sign_in, typed) for typed in SPELLINGS] == [True, True, True]
    alice_can_sign_in.refresh_from_db()
    client = bearer(tokens.open_family(user=alice_can_sign_in).access)
    body = {"current_password": DECOMPOSED, "new_password": "another horse 43"}
    assert client.post("/api/v1/auth/password", body).status_code == 204


def test_so_do_staff_whom_a_command_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILL_ADMIN_PASSWORD", DECOMPOSED)
    call_command("create_admin", "--email", "root@example.com", stdout=io.StringIO())
    root = User.objects.get(email="root@example.com")
    assert [enters_the_staff_site(root, typed) for typed in SPELLINGS] == [True, True, True]
    assert [logs_in(root, typed) for typed in SPELLINGS] == [True, True, True]


def test_so_does_whoever_gets_one_from_staff(alice: User) -> None:
    root = services.create_user(email="root@example.com", password="correct horse 42", role=Role.ADMIN)
    site = Client()
    site.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:auth_user_password_change", args=[alice.pk])
    assert site.post(address, {"password1": DECOMPOSED, "password2": DECOMPOSED}).status_code == 302
    assert [logs_in(alice, typed) for typed in SPELLINGS] == [True, True, True]


@pytest.mark.parametrize("spelling", [DECOMPOSED, WIDE])
def test_a_hash_of_the_text_as_it_was_typed_before_still_opens(spelling: str, alice: User) -> None:
    options: Any = {
        "time_cost": 2,
        "memory_cost": 19 * 1024,
        "parallelism": 1,
        "hash_len": 32,
        "type": low_level.Type.ID,
    }
    before = "argon2" + low_level.hash_secret(spelling.encode(), b"a salt of before", **options).decode()
    assert check_password(spelling, before)
    assert not check_password("another horse 43", before)
    elsewhere = PBKDF2PasswordHasher().encode(spelling, "saltsaltsaltsaltsaltsalt", iterations=1000)
    User.objects.filter(pk=alice.pk).update(password=elsewhere)
    assert logs_in(alice, spelling)
    assert [logs_in(alice, typed) for typed in SPELLINGS] == [True, True, True]  # the login has hashed it anew


@pytest.mark.parametrize(
    "weak", ["\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44", unicodedata.normalize("NFD", "éééé")]
)
def test_a_new_password_is_judged_as_it_is_stored(weak: str, alice: User) -> None:
    with pytest.raises(services.WeakPassword):
        services.check_new_password(password=weak, user=alice)


@pytest.mark.parametrize(("typed", "runs"), [("wrong horse 42", 1), (COMPOSED, 1), (DECOMPOSED, 2), (WIDE, 2)])
def test_the_number_of_runs_does_not_tell_whether_there_is_a_user(
    typed: str, runs: int, alice_can_sign_in: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    for name in ("encode", "verify"):
        run = getattr(Argon2PasswordHasher, name)

        def once(*args: Any, run: Any = run, name: str = name, **kwargs: Any) -> Any:
            counted.append(name)
            return run(*args, **kwargs)

        monkeypatch.setattr(Argon2PasswordHasher, name, once)
    for email, how in ((alice_can_sign_in.email, "verify"), ("nobody@example.com", "encode")):
        counted.clear()
        APIClient().post("/api/v1/auth/login", {"email": email, "password": typed})
        assert counted == [how] * runs


def test_accents_are_not_put_in_order_before_a_password_is_known_to_be_short() -> None:
    assert_linear(hashers.normalized, lambda size: "a" + "\u0315\u0316" * (size // 2), 64 * 1024)
    assert check_password("x" + "\u0315\u0316" * 3000, make_password("x")) is False
