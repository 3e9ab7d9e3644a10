"""What the tests of people share; alice, bob, mallory and admin come from the root conftest."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from rest_framework.test import APIClient

from accounts.models import User

PASSWORD = "correct horse 42"


@pytest.fixture(scope="session")
def password_hash() -> str:
    return make_password(PASSWORD)


@pytest.fixture
def api() -> APIClient:
    return APIClient()


@pytest.fixture
def with_password(password_hash: str) -> Callable[[User], User]:
    """Give a person PASSWORD."""

    def give(user: User) -> User:
        User.objects.filter(pk=user.pk).update(password=password_hash)
        user.refresh_from_db()
        return user

    return give


@pytest.fixture
def alice_can_sign_in(alice: User, with_password: Callable[[User], User]) -> User:
    return with_password(alice)


@pytest.fixture
def login(api: APIClient) -> Callable[..., dict[str, str]]:
    """Log a person in and return the pair of tokens."""

    def log_in(user: User, password: str = PASSWORD) -> dict[str, str]:
        response = api.post("/api/v1/auth/login", {"email": user.email, "password": password})
        assert response.status_code == 200, response.content
        return dict(response.json())

    return log_in


def bearer(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def throttle_rate(settings: Any) -> Callable[..., None]:
    """Set rates by scope: `throttle_rate(login="2/min")`."""

    def set_rates(**rates: str) -> None:
        known = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
        settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": known | rates}

    return set_rates
