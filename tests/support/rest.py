"""Requests to the REST API as a user, and what is expected of the answers."""

from collections import Counter
from itertools import count
from typing import Any

from rest_framework.test import APIClient

API = "/api/v1"
_keys = count(1)


def signed_in(user: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": f"key-{next(_keys)}"}


def succeeded(answer: Any, status: int = 201) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    body: dict[str, Any] = answer.json()
    return body


def refused(answer: Any, status: int, code: str, *fields: str) -> dict[str, Any]:
    """Assert that it is this problem, about these fields if any are named; return the body."""
    assert answer.status_code == status, answer.content
    body: dict[str, Any] = answer.json()
    assert body["code"] == code, body
    if fields:
        assert [error["field"] for error in body["errors"]] == list(fields)
    return body


def ids(answer: Any) -> list[int]:
    """Return the ids of the list, in its order."""
    return [row["id"] for row in succeeded(answer, 200)["results"]]


def outcomes(answers: list[Any]) -> Counter[tuple[int, str]]:
    """How often each status came, with the code of the problem."""
    return Counter((answer.status_code, answer.json().get("code", "")) for answer in answers)
