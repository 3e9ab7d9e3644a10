"""GET and PATCH users/me."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import User
from accounts.tests.conftest import bearer

pytestmark = pytest.mark.django_db

URL = "/api/v1/users/me"


@pytest.fixture
def alices(alice: User) -> APIClient:
    return bearer(tokens.open_family(user=alice).access)


@pytest.mark.usefixtures("bob")
def test_users_me_shows_the_caller(alices: APIClient, alice: User) -> None:
    assert alices.get(URL).json() == {
        "id": alice.pk,
        "email": "alice@example.com",
        "full_name": "Alice",
        "role": "user",
        "is_active": True,
    }


def test_users_me_changes_the_name(alices: APIClient, mallory: User) -> None:
    response = alices.patch(URL, {"full_name": "Alice Ünal 李"})
    assert (response.status_code, response.json()["full_name"]) == (200, "Alice Ünal 李")
    mallory.refresh_from_db()
    assert mallory.full_name == "Mallory"


def test_users_me_changes_nothing_else(alices: APIClient, alice: User) -> None:
    before = User.objects.filter(pk=alice.pk).values().get()
    planted = {"email": "root@example.com", "role": "admin", "is_staff": True, "is_active": False, "id": 1}
    assert alices.patch(URL, planted | {"token_epoch": 9, "password": "x"}).status_code == 400
    assert User.objects.filter(pk=alice.pk).values().get() == before


@pytest.mark.parametrize("name", ["a" * 151, "a\nb", "a\x00", 5, None, ["a"]])
def test_users_me_names_a_bad_name(alices: APIClient, name: Any) -> None:
    response = alices.patch(URL, {"full_name": name})
    assert response.status_code == 400


@pytest.mark.parametrize("method", ["put", "post", "delete"])
def test_users_me_knows_no_other_verbs(alices: APIClient, method: str) -> None:
    assert getattr(alices, method)(URL, {}).status_code == 405
