"""Django's WSGI application in threads behind the event loop, each share of them bounded.

An ordinary answer costs one hop into a thread and one back. An answer that is made while it is sent
(config/server/streams.py) keeps its thread until the last chunk was taken, or its client is gone. What only reads has
a deadline: its statement is cancelled, and the answer is 503.
"""

import asyncio
import logging
import re
import threading
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
from config.server.wsgi_environ import FileToSend, environ_of
from config.wsgi import application

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ClientOf = Callable[[Message], bytes]

logger = logging.getLogger("till.requests")

# A thread that waits for a connection of the pool answers nobody, so there are as many as connections for them.
THREADS = settings.TILL_DB_POOL_SIZE or 8
# More would wait longer than their senders do, each with its body in memory.
MAX_UNANSWERED = 64 * THREADS
#: Of those that hash a password, 35 ms each: the last waits for a few seconds, on a busy machine for longer.
MAX_UNANSWERED_PASSWORDS = 128
#: Of the threads, for one client; and of those who wait, one part of so many.
MAX_OF_ONE_CLIENT = max(2, THREADS // 4)
PARTS_OF_ONE_CLIENT = 2
#: Seconds after which it is asked whether the client is still there: hardly any request takes so long.
WATCHED_AFTER = 0.5
#: Seconds for PostgreSQL to take the wish to cancel a statement.
CANCEL_SECONDS = 2
READS = {"GET", "HEAD"}

#: What may hash a password, which takes a core for 35 ms. A test holds this against what really hashes.
PASSWORD_METHODS = {"POST", "PUT", "PATCH"}
PASSWORD_PATHS = re.compile(
    r"/api/v1/(?:auth/(?:login|register|password)|users(?:/[0-9]{1,19})?)"
    r"|/admin/(?:login/|password_change/|accounts/user/add/|accounts/user/[^/]{1,64}/password/)"
)


def may_hash_a_password(method: str, path: str) -> bool:
    return method in PASSWORD_METHODS and PASSWORD_PATHS.fullmatch(path) is not None


@dataclass(slots=True)
class ThreadAnswer:
    """What a thread has left to send."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    file: FileToSend | None = None

    def take(self, body: bytes) -> None:
        """Say how long it is, unless it is said already, or the status is one without a body."""
        self.body = body
        if self.status not in (204, 304) and not any(name == b"content-length" for name, _ in self.headers):
            self.headers.append((b"content-length", b"%d" % len(body)))


class Share:
    """Some threads of their own, and a bounded number of requests that wait for them in a fair queue."""

    def __init__(self, name: str, *, threads: int, unanswered: int, client_of: ClientOf) -> None:
        self.threads = threads
        self.client_of = client_of
        self.max_unanswered = unanswered
        self.unanswered = 0
        self.queue = FairQueue(threads, each=MAX_OF_ONE_CLIENT)
        self.executor = ThreadPoolExecutor(threads, thread_name_prefix=f"till-{name}")

    async def answer(self, scope: Message, body: bytes, receive: Receive, send: Send) -> bool:
        """False: too many are waiting already, and nothing was begun."""
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
        if answer is not None:  # sent without a thread: however slowly it is read, nobody waits for that
            await request.finish(answer)
        return True


general_share = Share("requests", threads=THREADS, unanswered=MAX_UNANSWERED, client_of=client_of)
# Nobody looks at the credentials of somebody who signs in.
password_share = Share(
    "passwords", threads=settings.PASSWORD_THREADS, unanswered=MAX_UNANSWERED_PASSWORDS, client_of=network_of_client
)


def share_for(method: str, path: str) -> Share:
    return password_share if may_hash_a_password(method, path) else general_share


def end_open_block() -> None:
    """Give up the thread's connection if a request has left its atomic block open, and say so in the log.

    Whatever the thread's next request wrote would be a part of that block: acknowledged, and never committed.
    """
    database = connections["default"]
    if database.in_atomic_block:
        logger.error("a request has left its atomic block open: its connection is given up, and nothing of it is kept")
        database.close()
        del connections["default"]


class _Request:
    """One request on its way through the event loop and a thread; the methods `thread_…` run there."""

    def __init__(self, scope: Message, body: bytes, receive: Receive, send: Send, place: Place) -> None:
        self._scope, self._body, self._receive, self._send, self._place = scope, body, receive, send, place
        self._loop = asyncio.get_running_loop()
        self._gone = threading.Event()
        self._watch: asyncio.Task[None] | None = None
        self._timers: list[asyncio.TimerHandle] = []
        #: The thread's way to PostgreSQL, while what it does there may be cancelled.
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
        """From here on its deadline is that of streams, and its client's other requests do not wait for it."""
        self._place.release_client()
        self._stop_timers()
        self.watch()

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def watch(self) -> None:
        """Notice when the client hangs up: what still waits for a thread is not begun then, what reads is cancelled."""
        if self._watch is None:
            self._watch = self._loop.create_task(self._await_disconnect())

    async def _await_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()
        if self._scope["method"] in READS:
            self._cancel_reading()

    def _cancel_reading(self) -> None:
        """Again and again, until the thread is done: it may be between two statements."""
        self._timers.append(self._loop.call_later(CANCEL_SECONDS / 2, self._cancel_reading))
        self._loop.run_in_executor(None, self._cancel_statement)

    def _cancel_statement(self) -> None:
        """Under the lock: the thread gives its connection back afterwards, so nobody else's statement is meant."""
        with self._reading:
            connection = self._database and self._database.connection
            if connection is not None:
                with suppress(psycopg.Error):
                    connection.cancel_safe(timeout=CANCEL_SECONDS)

    async def finish(self, answer: ThreadAnswer) -> None:
        await self._begin(answer)
        if answer.file is not None:
            with answer.file as file:
                for block in file:  # from the page cache as a rule: a slow reader holds no thread
                    await self._send({"type": "http.response.body", "body": block, "more_body": True})
        await self._send({"type": "http.response.body", "body": answer.body})

    async def _begin(self, answer: ThreadAnswer) -> None:
        await self._send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})

    def _thread_answer(self) -> ThreadAnswer | None:
        """Return what is left to send; None: all was sent, or nobody is there any more."""
        if self._gone.is_set():
            return None
        self._database = connections["default"]
        try:
            return self._thread_django()
        finally:
            self._thread_end_reading()
            end_open_block()

    def _thread_end_reading(self) -> None:
        """From here on nothing is cancelled. Waits for a wish to cancel that is under way."""
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
            self._thread_end_reading()  # first: closing gives the connection back, and its next statement is another's
            response.close()

    def _thread_body(self, answer: ThreadAnswer, response: Any) -> ThreadAnswer | None:
        if not streams.is_stream(response):
            answer.take(b"".join(response))
        elif self._scope["method"] != "HEAD":
            return self._thread_stream(answer, response)
        return answer

    def _thread_stream(self, answer: ThreadAnswer, chunks: Iterable[bytes]) -> ThreadAnswer | None:
        """Send each chunk when the one before it was taken. One that is cut off has no end that looks like one."""
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
