"""Django's WSGI application in threads behind the event loop, in shares of a fixed number of threads.

An ordinary request goes into a thread and comes back with the whole answer. A stream (config/server/streams.py) keeps
its thread until the client has read the last chunk, or is gone. A request that only reads has a deadline: then its
statement is cancelled, and the answer is 503.
"""

import asyncio
import logging
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from django.conf import settings
from django.db import Error, connections

from config.server import streams
from config.server.fair_queue import FairQueue, Place, client_of, network_of_client
from config.server.webhook_activity import wants_room
from config.server.wsgi_environ import FileToSend, environ_of
from config.wsgi import application

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ClientOf = Callable[[Message], bytes]

logger = logging.getLogger("till.requests")

# As many threads as the pool has connections for requests: a thread that waits for a connection would answer nobody.
THREADS = settings.TILL_DB_POOL_SIZE or 8
# More requests would wait longer than their senders do, and each keeps its body in memory.
MAX_UNANSWERED = 64 * THREADS
#: The same for requests that hash a password. A hash takes 35 ms, so the last one waits for some seconds; beside
#: webhooks, twice as long.
MAX_UNANSWERED_PASSWORDS = 128
#: One client may have so many threads. Of the places in which requests wait it may have one in PARTS_OF_ONE_CLIENT.
MAX_OF_ONE_CLIENT = max(2, THREADS // 4)
PARTS_OF_ONE_CLIENT = 2
#: The longest rest of a thread that makes room for webhooks, in seconds.
MAX_REST_SECONDS = 0.1
#: Seconds after which Till looks whether the client is still there. Hardly any request takes so long.
WATCHED_AFTER = 0.5
#: Seconds for PostgreSQL to accept the cancellation of a statement.
CANCEL_SECONDS = 2
READS = {"GET", "HEAD"}

#: The requests that may hash a password, which takes a core for 35 ms. A test compares them with those that do.
PASSWORD_METHODS = {"POST", "PUT", "PATCH"}
HASHED_BY_GET = "/service/auth/login"
PASSWORD_PATHS = re.compile(
    r"/api/v1/(?:auth/(?:login|register|email|password(?:/reset/[^/]{1,1000})?)|users(?:/[0-9]{1,19})?)"
    r"|/api/v1/auth/second-factor(?:/recovery-codes|/disable)?"
    r"|/admin/(?:login/|password_change/|second-factor/|accounts/user/add/|accounts/user/[^/]{1,64}/password/)"
    r"|/register|/login|/users(?:/create|/update/[0-9]{1,19})?|/auth(?:/login|/register(?:_service)?)?"
)


def may_hash_a_password(method: str, path: str) -> bool:
    return (method in PASSWORD_METHODS and PASSWORD_PATHS.fullmatch(path) is not None) or path == HASHED_BY_GET


@dataclass(slots=True)
class ThreadAnswer:
    """What a thread has left to send."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    file: FileToSend | None = None

    def take(self, body: bytes) -> None:
        """Keep the body, and add its length unless a header has it or the status has no body."""
        self.body = body
        if self.status not in (204, 304) and not any(name == b"content-length" for name, _ in self.headers):
            self.headers.append((b"content-length", b"%d" % len(body)))


class Share:
    """A number of threads, and a limited number of requests that wait for them in a fair queue.

    With `makes_room`, a thread rests while webhooks are coming in: after each request for as long as that took.
    """

    def __init__(
        self, name: str, *, threads: int, unanswered: int, client_of: ClientOf, makes_room: bool = False
    ) -> None:
        self.threads = threads
        self.client_of = client_of
        self.max_unanswered = unanswered
        self.makes_room = makes_room
        self.unanswered = 0
        self.queue = FairQueue(threads, each=MAX_OF_ONE_CLIENT)
        self.executor = ThreadPoolExecutor(threads, thread_name_prefix=f"till-{name}")

    async def answer(self, scope: Message, body: bytes, receive: Receive, send: Send) -> bool:
        """Answer a request. False: too many are waiting, and nothing was begun."""
        client = self.client_of(scope)
        if not self.queue.has_room(client):
            too_many = self.queue.count_waiting(client) * PARTS_OF_ONE_CLIENT >= self.max_unanswered
            if too_many or self.unanswered >= self.max_unanswered:
                return False
        request = _Request(scope, body, receive, send, Place(self.queue, client))
        self.unanswered += 1
        try:
            answer = await request.answer(self.executor)
        finally:
            self.unanswered -= 1
        self.rest_after(request.thread_seconds)
        if answer is not None:  # sent without a thread, so that a slow reader keeps nobody waiting
            await request.finish(answer)
        return True

    def rest_after(self, seconds: float) -> None:
        """Have a thread that worked so long rest, if it makes room and somebody wants it."""
        if self.makes_room and wants_room():
            self.executor.submit(time.sleep, min(seconds, MAX_REST_SECONDS))


general_share = Share("requests", threads=THREADS, unanswered=MAX_UNANSWERED, client_of=client_of)
# Counted by network: nobody looks at the credentials of a login, so a caller could make them up.
password_share = Share(
    "passwords", threads=settings.PASSWORD_THREADS, unanswered=MAX_UNANSWERED_PASSWORDS, client_of=network_of_client,
    makes_room=True,
)  # fmt: skip


def share_for(method: str, path: str) -> Share:
    return password_share if may_hash_a_password(method, path) else general_share


def end_open_block() -> None:
    """Give up the thread's connection if a request has left its atomic block open, and say so in the log.

    Otherwise the thread's next request would write inside of that block: it would be answered and never committed.
    """
    database = connections["default"]
    if database.in_atomic_block:
        logger.error("a request has left its atomic block open: its connection is given up, and nothing of it is kept")
        database.close()
        del connections["default"]


class _Request:
    """One request, in the event loop and in a thread: the methods `_thread_…` run in the thread."""

    def __init__(self, scope: Message, body: bytes, receive: Receive, send: Send, place: Place) -> None:
        self._scope, self._body, self._receive, self._send, self._place = scope, body, receive, send, place
        #: How long it took in the thread.
        self.thread_seconds = 0.0
        self._loop = asyncio.get_running_loop()
        self._gone = threading.Event()
        self._watch: asyncio.Task[None] | None = None
        self._timers: list[asyncio.TimerHandle] = []
        #: The thread's database, while its statements may be cancelled.
        self._database: Any = None
        self._reading = threading.Lock()

    async def answer(self, executor: ThreadPoolExecutor) -> ThreadAnswer | None:
        """Return what is left to send, as `_thread_answer` does."""
        self._timers = [self._loop.call_later(WATCHED_AFTER, self.watch)]
        if self._scope["method"] in READS:
            self._timers.append(self._loop.call_later(settings.TILL_READ_SECONDS, self._cancel_reading))
        try:
            async with self._place:
                return await self._loop.run_in_executor(executor, self._thread_answer)
        finally:
            self._stop_timers()
            if self._watch is not None:
                self._watch.cancel()

    def _begin_stream(self) -> None:
        """Replace the deadline of reading by that of streams, and let the client's other requests begin."""
        self._place.release_client()
        self._stop_timers()
        self.watch()

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def watch(self) -> None:
        """Notice when the client hangs up. Then a waiting request is not begun, and reading is cancelled."""
        if self._watch is None:
            self._watch = self._loop.create_task(self._await_disconnect())

    async def _await_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()
        if self._scope["method"] in READS:
            self._cancel_reading()

    def _cancel_reading(self) -> None:
        """Cancel again and again until the thread is done, because it may be between two statements."""
        self._timers.append(self._loop.call_later(CANCEL_SECONDS / 2, self._cancel_reading))
        self._loop.run_in_executor(None, self._cancel_statement)

    def _cancel_statement(self) -> None:
        """Cancel under the lock. The thread keeps its connection until then, so no other request is hit."""
        with self._reading:
            connection = self._database and self._database.connection
            if connection is not None:
                with suppress(psycopg.Error):
                    connection.cancel_safe(timeout=CANCEL_SECONDS)

    async def finish(self, answer: ThreadAnswer) -> None:
        await self._begin(answer)
        if answer.file is not None:
            with answer.file as file:
                for block in file:  # usually from the page cache, so it needs no thread
                    await self._send({"type": "http.response.body", "body": block, "more_body": True})
        await self._send({"type": "http.response.body", "body": answer.body})

    async def _begin(self, answer: ThreadAnswer) -> None:
        await self._send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})

    def _thread_answer(self) -> ThreadAnswer | None:
        """Return what is left to send. None: all was sent, or the client is gone."""
        if self._gone.is_set():
            return None
        self._database = connections["default"]
        began_at = time.monotonic()
        try:
            return self._thread_django()
        finally:
            self._thread_end_reading()
            end_open_block()
            self.thread_seconds = time.monotonic() - began_at

    def _thread_end_reading(self) -> None:
        """End the time in which statements may be cancelled. Waits for a cancellation that is under way."""
        with self._reading:
            self._database = None

    def _thread_django(self) -> ThreadAnswer | None:
        head: list[Any] = []
        call: Any = application
        response = call(environ_of(self._scope, self._body), lambda *given: head.extend(given[:2]))
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in head[1]]
        answer = ThreadAnswer(int(head[0][:3]), headers)
        if isinstance(response, FileToSend):
            answer.file = response
            return answer
        try:
            return self._thread_body(answer, response)
        finally:
            self._thread_end_reading()  # before closing, which gives the connection to another request
            response.close()

    def _thread_body(self, answer: ThreadAnswer, response: Any) -> ThreadAnswer | None:
        if not streams.is_stream(response):
            answer.take(b"".join(response))
        elif self._scope["method"] != "HEAD":
            return self._thread_stream(answer, response)
        return answer

    def _thread_stream(self, answer: ThreadAnswer, chunks: Iterable[bytes]) -> ThreadAnswer | None:
        """Send each chunk when the one before it was sent. A stream that is cut off gets no proper end."""
        self._loop.call_soon_threadsafe(self._begin_stream)
        self._thread_wait_for(self._begin(answer))
        try:
            for chunk in chunks:
                self._thread_wait_for(self._send({"type": "http.response.body", "body": chunk, "more_body": True}))
                if self._gone.is_set():
                    return None
        except streams.Cut as cut:
            logger.warning("%s", cut)
            return None
        except Error:
            if self._gone.is_set():  # it was cancelled
                return None
            raise
        self._thread_wait_for(self._send({"type": "http.response.body", "body": b""}))
        return None

    def _thread_wait_for(self, sending: Any) -> None:
        asyncio.run_coroutine_threadsafe(sending, self._loop).result()
