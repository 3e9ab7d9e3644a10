"""A transport with the answers of a script, for what Till itself never says. Sync and async by the same tests."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any

import httpx

from till_client import AsyncTill, Retries, Till, Tokens

#: A clock of milliseconds: the pauses are as many, and as long beside each other.
QUICK = Retries(first_pause=0.001, max_pause=0.004, deadline=5)


class Script(httpx.BaseTransport, httpx.AsyncBaseTransport):
    def __init__(self, *replies: httpx.Response | Exception) -> None:
        self.replies = deque(replies)
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.popleft()
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def json_answer(status: int, members: dict[str, Any], **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers={"content-type": "application/json", **given}, content=json.dumps(members))


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    body = {"type": f"/docs/errors#{code}", "title": "No", "status": status, "code": code, "detail": "no", "errors": []}
    return json_answer(status, body, content_type="application/problem+json", **headers)


def wallet(number: int = 7) -> dict[str, Any]:
    amounts = {"balance": "1.50", "held": "0.00", "available": "1.50"}
    return {"id": number, "currency": "USD", **amounts, "created_at": "2026-01-02T03:04:05Z"}


def perform(
    way: str,
    script: Script,
    act: Callable[[Any], Any],
    *,
    retries: Retries = QUICK,
    tokens: Tokens | None = Tokens(access="first", refresh="one"),  # noqa: B008 - it is frozen
    **credentials: str,
) -> Any:
    """Run one operation with a client of either kind."""
    given: Any = {"retries": retries, "tokens": tokens, "transport": script, **credentials}
    if way == "sync":
        with Till("http://till.test", **given) as till:
            return act(till)

    async def run() -> Any:
        async with AsyncTill("http://till.test", **given) as till:
            return await act(till)

    return asyncio.run(run())
