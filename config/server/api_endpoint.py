"""Requests of the API that the event loop answers, without a thread: those that wait share a round trip and a commit.

The view of the same address gives the same answers. What the event loop cannot plainly answer goes there.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings

from accounts.rate_limits import seconds_refused
from api.locations import location_of
from config.problems import response_for
from config.server.api_requests import ApiRequest
from config.server.log_writer import LogLine, LogWriter
from config.server.webhook_activity import wants_room
from payments.operations.batch import request_steps
from payments.operations.fast_read import ReadRequest, read_steps
from payments.operations.requests import MoneyRequest, Refusal, RequestOutcome, Unanswered
from postgres.batch_runner import BatchRunner
from postgres.pipeline import PipelineSteps

#: In the ASGI scope of a request that the event loop has left to its view.
FOR_THE_VIEW: Final = "till.for_the_view"


#: How long a login is turned away whose token was not valid, or whose role was another; how many are remembered.
TURNED_AWAY_SECONDS: Final = 1.0
MAX_TURNED_AWAY: Final = 10_000


class ApiAnswer(NamedTuple):
    """The answer to a request, without what each answer of the connection has."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@cache
def get_api_endpoint() -> "ApiEndpoint":
    """Return this worker's endpoint, made at its start or by its first request."""
    return ApiEndpoint()


class ApiEndpoint:
    """It is made inside of the event loop."""

    def __init__(self) -> None:
        self._writes: BatchRunner[MoneyRequest, RequestOutcome] = BatchRunner(
            _write_steps, unique=lambda item: item.user_key, makes_room=wants_room
        )
        self._reads: BatchRunner[ReadRequest, RequestOutcome] = BatchRunner(read_steps, makes_room=wants_room)
        self._log = LogWriter()
        #: Logins whose requests were for their views, and until when all of theirs go there at once.
        self._turned_away: dict[UUID, float] = {}

    async def start(self) -> None:
        """Connect, so that the first requests do not wait for it. Raises the database's errors."""
        await asyncio.gather(self._writes.start(), self._reads.start())

    def submit(self, request: ApiRequest, deliver: Callable[[ApiAnswer | None], None]) -> bool:
        """Queue a request. `deliver` gets its answer, durable by then; None: the view has to answer.

        False: there is no room, or the caller was refused a moment ago. The view refuses without a lock or a write.
        """
        if self._was_refused(request):
            return False

        def hear(outcome: RequestOutcome | None) -> None:
            if isinstance(outcome, Unanswered) and outcome.is_not_allowed:
                self._turn_away(request)
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

    def report(self, request: ApiRequest, identity: str, status: int, seconds: float) -> None:
        """Count and log the request as if its view had answered."""
        user_id = request.claims.user_id
        self._log.add(LogLine(identity, request.method, request.path, request.route.route, status, seconds, user_id))

    async def close(self, timeout: float) -> None:
        """Close the connections, once everybody has been answered."""
        await self._writes.close(timeout)
        await self._reads.close(timeout)
        self._log.close()

    def _was_refused(self, request: ApiRequest) -> bool:
        item, claims = request.item, request.claims
        if self._turned_away.get(claims.family_id, 0.0) > time.monotonic():
            return True
        return isinstance(item, MoneyRequest) and bool(seconds_refused(item.throttle_scope, claims.user_id))

    def _turn_away(self, request: ApiRequest) -> None:
        if len(self._turned_away) >= MAX_TURNED_AWAY:
            self._turned_away.clear()
        self._turned_away[request.claims.family_id] = time.monotonic() + TURNED_AWAY_SECONDS


def _write_steps(items: Sequence[MoneyRequest]) -> PipelineSteps[Sequence[RequestOutcome]]:
    return request_steps(items, response_for)


def answer_of(request: ApiRequest, outcome: RequestOutcome | None) -> ApiAnswer | None:
    """Return the whole answer, as the view and the middleware would give it. None: the view has to answer.

    A test compares each route's headers with those of its view.
    """
    if outcome is None or isinstance(outcome, Unanswered):
        return None
    headers: Iterable[tuple[str, str]]
    if isinstance(outcome, Refusal):
        status, body = outcome.response.status_code, outcome.response.content
        headers = ((name.lower(), value) for name, value in outcome.response.headers.items())
    else:
        status, body = outcome.status, outcome.body.encode()
        headers = _REPLAYED if outcome.replayed else ()
        headers = (*headers, _PROBLEM if status >= 400 else _JSON)
        if status == 201 and (location := location_of(request.path, outcome.body)):
            headers = (*headers, ("location", location))
    if status >= 400 and not getattr(outcome, "replayed", False):
        headers = (*headers, ("content-language", request.language))
    transport_security = settings.SECURE_HSTS_SECONDS if request.is_secure else 0
    vary = "origin" if status < 400 else "Accept-Language, origin"
    lasting = _lasting_headers(request.route.allow, vary, settings.X_FRAME_OPTIONS, transport_security)
    return ApiAnswer(status, [*headers, ("content-length", str(len(body))), *lasting], body)


@lru_cache(maxsize=256)
def _lasting_headers(allow: str, vary: str, frame_options: str, transport_security: int) -> tuple[tuple[str, str], ...]:
    """Return the headers that all answers of a route have."""
    secure = [("strict-transport-security", f"max-age={transport_security}")] if transport_security else []
    return (
        ("allow", allow),
        ("x-frame-options", frame_options),
        ("vary", vary),
        *secure,
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    )


_JSON = ("content-type", "application/json")
_PROBLEM = ("content-type", "application/problem+json")
_REPLAYED = (("idempotent-replayed", "true"),)
