"""POST auth/password."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import TokenFamily, User
from accounts.tests.conftest import PASSWORD, bearer

pytestmark = pytest.mark.django_db

URL = "/api/v1/auth/password"
NEW = "battery staple 43"


@pytest.fixture
def alices(alice_can_sign_in: User) -> APIClient:
    return bearer(tokens.open_family(user=alice_can_sign_in).access)


def test_a_user_changes_the_password(alices: APIClient, alice: User, login: Callable[..., Any]) -> None:
    assert alices.post(URL, {"current_password": PASSWORD, "new_password": NEW}).status_code == 204
    assert login(alice, NEW)
    body = {"email": alice.email, "password": PASSWORD}
    assert APIClient().post("/api/v1/auth/login", body).status_code == 401


def test_a_changed_password_ends_every_token(alices: APIClient, alice: User) -> None:
    other_device = tokens.open_family(user=alice)
    assert alices.post(URL, {"current_password": PASSWORD, "new_password": NEW}).status_code == 204
    assert alices.get("/api/v1/users/me").status_code == 401
    assert bearer(other_device.access).get("/api/v1/users/me").status_code == 401
    response = APIClient().post("/api/v1/auth/refresh", {"refresh": other_device.refresh})
    assert response.status_code == 401
    assert not TokenFamily.objects.filter(user=alice, ended_at__isnull=True).exists()


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"current_password": "wrong horse 42"}, "invalid_password", "current_password"),
        ({"new_password": "alice@example.com"}, "weak_password", "new_password"),
        ({"new_password": "password123"}, "weak_password", "new_password"),
        ({"new_password": " " * 8}, "weak_password", "new_password"),
        ({"new_password": "short 1"}, "invalid_request", "new_password"),
        ({"new_password": "n" * 129}, "invalid_request", "new_password"),
        ({"new_password": "battery\x07staple"}, "invalid_request", "new_password"),
        ({"current_password": None}, "invalid_request", "current_password"),
    ],
)
def test_a_refused_change_names_what_is_wrong_and_changes_nothing(
    alices: APIClient, body: dict[str, Any], code: str, field: str
) -> None:
    response = alices.post(URL, {"current_password": PASSWORD, "new_password": NEW} | body)
    assert (response.status_code, response.json()["code"]) == (400, code)
    assert {error["field"] for error in response.json()["errors"]} == {field}
    assert alices.get("/api/v1/users/me").status_code == 200


def test_changing_a_password_needs_a_token(api: APIClient) -> None:
    assert api.post(URL, {"current_password": PASSWORD, "new_password": NEW}).status_code == 401


def test_changing_a_password_is_throttled_for_each_user(
    alices: APIClient, mallory: User, throttle_rate: Callable[..., None]
) -> None:
    throttle_rate(password="2/min")
    guesses = [alices.post(URL, {"current_password": f"{n}", "new_password": NEW}) for n in range(3)]
    assert [guess.status_code for guess in guesses] == [400, 400, 429]
    other = bearer(tokens.open_family(user=mallory).access)
    assert other.post(URL, {"current_password": "x", "new_password": NEW}).status_code == 400


def test_any_form_that_saves_a_new_password_ends_the_tokens(alices: APIClient, alice: User) -> None:
    user = User.objects.get(pk=alice.pk)
    user.set_password(NEW)  # As `manage.py changepassword` and the staff site's own form do.
    user.save()
    assert alices.get("/api/v1/users/me").status_code == 401
