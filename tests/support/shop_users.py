"""How people shop over HTTP: they sign in, and what they send is a delivery for tests.support.load_client."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import count
from typing import Any

import httpx
from django.contrib.auth.hashers import make_password

from tests.support.http import PLAIN
from tests.support.live import LiveTill
from tests.support.load_client import Reply
from tests.support.provider import Delivery

API = "/api/v1"
PASSWORD = "correct horse 42"
_keys = count(1)


@cache
def password_hash() -> str:
    return make_password(PASSWORD)


def sign_in(till: LiveTill, user: Any) -> str:
    """Give the user a password and log in with it; return the access token."""
    type(user).objects.filter(pk=user.pk).update(password=password_hash())
    wanted = {"email": user.email, "password": PASSWORD}
    answer = httpx.post(f"{till.url}{API}/auth/login", json=wanted, timeout=30, verify=PLAIN)
    assert answer.status_code == httpx.codes.OK, answer.text
    return str(answer.json()["access"])


def request(token: str, method: str, path: str, body: Any = None, **headers: str) -> Delivery:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Delivery(
        f"{API}/{path}",
        b"" if body is None else json.dumps(body).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {token}", **named},
        method,
    )


def old_request(token: str, path: str, body: Any) -> Delivery:
    """A POST to an address of another service, without a key."""
    return replace(request(token, "POST", "", body), path=path)


def purchase(token: str, product: int, wallet: int, *, key: str = "", **body: Any) -> Delivery:
    key = key or f"purchase-{next(_keys)}"
    return request(token, "POST", "purchases", {"product": product, "wallet": wallet, **body}, Idempotency_Key=key)


def refund(token: str, purchase_id: int, *, key: str = "", **body: Any) -> Delivery:
    key = key or f"refund-{next(_keys)}"
    return request(token, "POST", f"purchases/{purchase_id}/refunds", body, Idempotency_Key=key)


def outcomes(replies: Sequence[Reply]) -> Counter[tuple[int, str]]:
    """How often each status came, with the code of the problem."""
    return Counter((reply.status, reply.body.get("code", "") if reply.content else "") for reply in replies)
