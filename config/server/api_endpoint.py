"""Requests of the API that the event loop answers, without a thread: those that wait share a round trip and a commit.

The view of the same address gives the same answers. What the event loop cannot plainly answer goes there.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpResponse

from config.problems import response_for
from config.server import request_log
from config.server.api_requests import ApiRequest
from payments.idempotency.service import RecordedAnswer
from payments.operations.batch import request_steps
from payments.operations.fast_read import ReadRequest, read_steps
from payments.operations.requests import MoneyRequest, Refusal, RequestOutcome, Unanswered
from postgres.batch_runner import BatchRunner
from postgres.pipeline import PipelineSteps


class ApiAnswer(NamedTuple):
    """The answer to a request, without what each answer of the connection has."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@cache
def get_api_endpoint() -> "ApiEndpoint":
    """Return this worker's endpoint, made by its first request."""
    return ApiEndpoint()


class ApiEndpoint:
    """It is made inside of the event loop, and starts nothing before it is needed."""

    def __init__(self) -> None:
        self._writes: BatchRunner[MoneyRequest, RequestOutcome] = BatchRunner(
            _write_steps, unique=lambda item: item.user_key
        )
        self._reads: BatchRunner[ReadRequest, RequestOutcome] = BatchRunner(read_steps)

    def submit(self, request: ApiRequest, deliver: Callable[[ApiAnswer | None], None]) -> bool:
        """Queue a request. `deliver` gets its answer, durable by then; None: the view has to answer. False: no room."""

        def hear(outcome: RequestOutcome | None) -> None:
            deliver(answer_of(request, outcome))

        runner: BatchRunner[Any, RequestOutcome] = (
            self._reads if isinstance(request.item, ReadRequest) else self._writes
        )
        return runner.submit(request.claims.user_id, request.item, hear)

    async def answer(self, request: ApiRequest) -> ApiAnswer | None:
        """Wait for the answer, as `submit` delivers it. None: the view has to answer."""
        future: asyncio.Future[ApiAnswer | None] = asyncio.get_running_loop().create_future()
        if not self.submit(request, lambda answer: None if future.done() else future.set_result(answer)):
            return None
        return await future

    async def close(self, timeout: float) -> None:
        """Close the connections, once everybody has been answered."""
        await self._writes.close(timeout)
        await self._reads.close(timeout)


def _write_steps(items: Sequence[MoneyRequest]) -> PipelineSteps[Sequence[RequestOutcome]]:
    return request_steps(items, response_for)


def answer_of(request: ApiRequest, outcome: RequestOutcome | None) -> ApiAnswer | None:
    """Return the whole answer, as the view and the middleware would give it."""
    if outcome is None or isinstance(outcome, Unanswered):
        return None
    if isinstance(outcome, Refusal):
        return _with_headers(request, outcome.response)
    return _with_headers(request, _recorded(outcome))


def _recorded(answer: RecordedAnswer) -> HttpResponse:
    kind = "problem+json" if answer.status >= 400 else "json"
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    return HttpResponse(answer.body, f"application/{kind}", answer.status, headers=headers)


def _with_headers(request: ApiRequest, response: HttpResponse) -> ApiAnswer:
    """Add what DRF and the middleware would. A test compares each route's headers with those of its view."""
    headers = [(name.lower(), value) for name, value in response.headers.items()]
    headers += [
        ("allow", request.route.allow),
        ("x-frame-options", str(settings.X_FRAME_OPTIONS)),
        ("content-length", str(len(response.content))),
        ("vary", "origin"),
    ]
    if request.is_secure and settings.SECURE_HSTS_SECONDS:
        headers.append(("strict-transport-security", f"max-age={settings.SECURE_HSTS_SECONDS}"))
    headers += _LAST_HEADERS
    return ApiAnswer(response.status_code, headers, response.content)


def report_api(request: ApiRequest, status: int, seconds: float) -> None:
    """Count and log the request as if its view had answered."""
    user_id = request.claims.user_id
    request_log.report(request.method, request.path, request.route.route, status, seconds, user_id)


_LAST_HEADERS = (
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
)
