"""The served application: the event loop gathers a request's body, then Django answers in a thread.

So a slow sender never holds a thread, and Django gets a body whose length is known. Health checks, and the answer that
too many requests wait, need no thread: they come from here.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

from django.conf import settings
from django.db import Error, connections
from django.http import HttpResponse
from rest_framework.exceptions import Throttled

from accounts.rate_limits import seconds_still_refused
from accounts.services import mail_sender
from config.problems import problem_response, response_for
from config.problems.handlers import for_staff
from config.problems.problem_types import BODY_TOO_LARGE, BODY_TOO_SLOW, OVERLOADED, UNSUPPORTED_MEDIA_TYPE, Problem
from config.server import api_requests, health, request_log, webhook_endpoint
from config.server.api_endpoint import FOR_THE_VIEW, get_api_endpoint
from config.server.fair_queue import network
from config.server.raw_responses import headers_of
from config.server.request_threads import Message, Receive, Send, password_share, share_for
from payments.ledger import booking
from payments.webhooks.notices import MAX_BODY_BYTES
from payments.webhooks.receiving import provider_cache

logger = logging.getLogger("till.requests")

BODY_SECONDS = 60
#: A worker waits so long for its connections before it answers anybody.
START_SECONDS = 3.0
#: Paths with a throttle by network that comes before everything else, and the throttle's scope.
THROTTLED_PATHS = {
    "/api/v1/auth/login": "login",
    "/api/v1/auth/register": "register",
    **dict.fromkeys(("/login", "/auth", "/auth/login", "/service/auth/login"), "login"),
    **dict.fromkeys(("/register", "/auth/register"), "register"),
}


async def application(scope: Message, receive: Receive, send: Send) -> None:
    started = time.perf_counter()
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http" and scope["path"] == "/health/live" and scope["method"] in ("GET", "HEAD"):
        await respond(scope, send, health.alive(), started)
    elif scope["type"] == "http" and scope["path"] == "/health/ready" and scope["method"] in ("GET", "HEAD"):
        await respond(scope, send, await health.ready_in_time(), started)
    elif scope["type"] == "http" and (webhook := webhook_endpoint.address(scope["method"], scope["path"])):
        await answer_webhook(scope, receive, send, *webhook)
    elif scope["type"] == "http":
        await answer(scope, receive, send)


async def answer_webhook(scope: Message, receive: Receive, send: Send, slug: str, form: str) -> None:
    """Gather a notice and answer it in the event loop. Django's request cycle would cost ten times as much."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    started = time.perf_counter()
    with request_log.identified(headers.get("x-request-id", "")) as identity:
        result: bytes | Problem | HttpResponse | None
        try:
            async with asyncio.timeout(BODY_SECONDS):
                result = await gather(scope, receive, limit=MAX_BODY_BYTES)
        except TimeoutError:
            result = BODY_TOO_SLOW
        if repeated(scope, b"content-type"):
            result = UNSUPPORTED_MEDIA_TYPE
        if isinstance(result, bytes):
            result = await webhook_endpoint.get_endpoint().answer(slug, form, headers, result)
        if isinstance(result, bytes):
            await send_credit(send, identity, result)
        elif result is not None:
            response = problem_response(result) if isinstance(result, Problem) else result
            await respond(scope, send, response, started)


def repeated(scope: Message, header: bytes) -> bool:
    """Tell whether a header is repeated. Readers differ in which of two they take."""
    names: list[bytes] = [name for name, _ in scope["headers"]]
    return names.count(header) > 1


async def send_credit(send: Send, identity: str, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        (b"x-request-id", identity.encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def answer(scope: Message, receive: Receive, send: Send) -> None:
    """Gather the body and let Django answer, or refuse without reading further."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await gather(scope, receive, limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    except TimeoutError:
        body = BODY_TOO_SLOW
    if isinstance(body, bytes) and await answer_in_event_loop(scope, body, send, started):
        return
    if isinstance(body, bytes):
        share = share_for(scope["method"], scope["path"])
        if share is password_share and (refused := refused_again(scope)):
            await respond(scope, send, refused, started)
            return
        body = None if await share.answer(scope, body, receive, send) else OVERLOADED
    if body is not None:
        await respond(scope, send, for_staff(scope["path"], problem_response(body)), started)


async def answer_in_event_loop(scope: Message, body: bytes, send: Send, started: float) -> bool:
    """Answer a request of the API that needs no thread. False: its view has to answer, and nothing was done."""
    request = None if FOR_THE_VIEW in scope else api_requests.from_scope(scope, body)
    if request is None:
        return False
    answer = await get_api_endpoint().answer(request)
    if answer is None:
        return False
    identity = request_log.sane_request_id(request.offered_id)
    get_api_endpoint().report(request, identity, answer.status, time.perf_counter() - started)
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
    headers.append((b"x-request-id", identity.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
    return True


def refused_again(scope: Message) -> HttpResponse | None:
    """Return the answer to a caller whom this worker has just refused at this path, so that a flood needs no thread.

    Django answers pages of another origin, because it adds the headers that let them read the answer.
    """
    scope_name = THROTTLED_PATHS.get(scope["path"])
    if scope_name is None or any(name == b"origin" for name, _ in scope["headers"]):
        return None
    seconds = seconds_still_refused(scope_name, network(scope))
    return response_for(Throttled(wait=seconds)) if seconds else None


async def gather(scope: Message, receive: Receive, *, limit: int) -> bytes | Problem | None:
    """Return the whole body, or a problem, which the announced length may show already. None: the client is gone."""
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if not announced.isdigit() or len(announced) > 18 or int(announced) > limit:
        return BODY_TOO_LARGE
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > limit:
            return BODY_TOO_LARGE
        if not message.get("more_body", False):
            return bytes(body)


async def respond(scope: Message, send: Send, response: HttpResponse, started: float) -> None:
    """Answer from the event loop, with a request id, and log the request, which began at `started`."""
    offered = request_log.request_id.get() or dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    with request_log.identified(offered) as identity:
        complete = headers_of(response, identity)
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in complete.items()]
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": response.content})
        request_log.report(
            method=scope["method"],
            path=scope["path"],
            route="event loop",
            status=response.status_code,
            seconds=time.perf_counter() - started,
        )


async def lifespan(receive: Receive, send: Send) -> None:
    await receive()
    starts = begin_endpoints()
    await asyncio.wait(starts, timeout=START_SECONDS)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    for start in starts:
        start.cancel()
    mail_sender.stop()
    await asyncio.to_thread(close_pool)  # first: the pool would replace connections that are closed before it
    if webhook_endpoint.get_endpoint.cache_info().currsize:
        await webhook_endpoint.get_endpoint().close(timeout=5)
        webhook_endpoint.get_endpoint.cache_clear()
    if get_api_endpoint.cache_info().currsize:
        await get_api_endpoint().close(timeout=5)
        get_api_endpoint.cache_clear()
    await send({"type": "lifespan.shutdown.complete"})


def begin_endpoints() -> list[asyncio.Task[None]]:
    """Connect what answers in the event loop, and read what it may not ask for, before the first request.

    Under load that takes a tenth of a second, for which all webhooks of the worker would wait. Without the database the
    worker starts all the same.
    """
    starts = [asyncio.to_thread(read_first)]
    if settings.TILL_WEBHOOK_FAST_PATH:
        starts.append(webhook_endpoint.get_endpoint().start())
    if settings.TILL_API_FAST_PATH:
        starts.append(get_api_endpoint().start())
    return [asyncio.create_task(begin(start)) for start in starts]


async def begin(start: Coroutine[Any, Any, None]) -> None:
    try:
        await start
    except Error as error:  # the first request tries it again
        logger.warning("The database was not reached at the start: %r", error)
    except Exception:
        logger.exception("Something was not read at the start")


def read_first() -> None:
    """Read what hardly ever changes, over a connection of this thread's."""
    try:
        provider_cache.renew()
        booking.read_house_wallets()
    finally:
        connections["default"].close()


def close_pool() -> None:
    """Close the pool. All requests are answered by now, and have given their connections back."""
    database: Any = connections["default"]
    database.close_pool()
