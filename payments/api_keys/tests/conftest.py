"""A key that may settle deposits, and who sends it."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from payments.api_keys.services import NewKey, add_key

SCOPES = ("deposits:read", "deposits:settle", "me:read")
ME = "/api/v1/users/me"
MakeKey = Callable[..., NewKey]


@pytest.fixture
def make_key(service: User, admin: User) -> MakeKey:
    def make(**terms: Any) -> NewKey:
        usual: dict[str, Any] = {"user_id": service.pk, "name": "Settlement", "scopes": SCOPES, "staff": admin}
        return add_key(**usual | terms)

    return make


@pytest.fixture
def api_key(make_key: MakeKey) -> NewKey:
    return make_key()


def sending(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client
