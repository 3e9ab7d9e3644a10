"""The two drivers: they run a session's steps with threads or with tasks. All else is shared."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar

import httpx

from till_client.calls import Answer, Call, PagedCall, following
from till_client.errors import NoAnswer, UnexpectedAnswer
from till_client.session import Exclusive, Flow, Pause, Send, Session, Step

T = TypeVar("T")

#: Several times what the longest page of Till has.
MAX_ANSWER_BYTES = 32 * 1024 * 1024
STILL_SIGNING_IN = "another thread or task still signs in"


def _extend(content: bytearray, chunk: bytes) -> None:
    """Add a piece of an answer. What is longer than any of Till's is somebody else's, and would fill the memory."""
    content += chunk
    if len(content) > MAX_ANSWER_BYTES:
        raise UnexpectedAnswer(f"the answer has more than {MAX_ANSWER_BYTES} bytes")


class SyncDriver:
    """Threads may share it."""

    def __init__(self, session: Session, transport: httpx.BaseTransport | None) -> None:
        self.session = session
        # Without https no certificates are needed; reading them takes a while.
        self._transport = transport or httpx.HTTPTransport(verify=session.base_url.startswith("https"))
        self._is_own = transport is None
        self._lock = threading.Lock()

    def run(self, call: Call[T]) -> T:
        return self._run(self.session.perform(call))

    def iterate(self, listing: PagedCall[T]) -> Iterator[T]:
        call: PagedCall[T] | None = listing
        while call is not None:
            page = self.run(call)
            yield from page.results
            call = following(call, page)

    def _run(self, steps: Flow[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    reply = self._perform(step)
                except Exception as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result

    def _perform(self, step: Step) -> object:
        match step:
            case Send():
                return self._send(step)
            case Pause(seconds):
                time.sleep(seconds)
                return None
            case Exclusive(steps, seconds):
                if not self._lock.acquire(timeout=seconds):
                    raise NoAnswer(STILL_SIGNING_IN, may_have_happened=False)
                try:
                    return self._run(steps)
                finally:
                    self._lock.release()

    def _send(self, step: Send) -> Answer:
        end = time.monotonic() + step.seconds
        response = self._transport.handle_request(step.request)
        try:
            content = bytearray()
            for chunk in response.iter_bytes():
                _extend(content, chunk)
                if time.monotonic() > end:  # each piece came in time, all together do not
                    raise httpx.ReadTimeout("the answer took too long")
        finally:
            response.close()
        return Answer(response.status_code, response.headers, bytes(content))

    def close(self) -> None:
        if self._is_own:
            self._transport.close()


class AsyncDriver:
    """Tasks of one event loop may share it."""

    def __init__(self, session: Session, transport: httpx.AsyncBaseTransport | None) -> None:
        self.session = session
        self._transport = transport or httpx.AsyncHTTPTransport(verify=session.base_url.startswith("https"))
        self._is_own = transport is None
        self._lock = asyncio.Lock()
        self._renewal: asyncio.Future[Any] | None = None

    async def run(self, call: Call[T]) -> T:
        return await self._run(self.session.perform(call))

    async def iterate(self, listing: PagedCall[T]) -> AsyncIterator[T]:
        call: PagedCall[T] | None = listing
        while call is not None:
            page = await self.run(call)
            for result in page.results:
                yield result
            call = following(call, page)

    async def _run(self, steps: Flow[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    reply = await self._perform(step)
                except Exception as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _perform(self, step: Step) -> object:
        match step:
            case Send():
                return await self._send(step)
            case Pause(seconds):
                await asyncio.sleep(seconds)
                return None
            case Exclusive(steps, seconds):
                try:
                    async with asyncio.timeout(seconds):
                        await self._lock.acquire()
                        # It goes on when its task is cancelled: the answer has the only token that works afterwards.
                        self._renewal = asyncio.ensure_future(self._run(steps))
                        self._renewal.add_done_callback(self._release)
                        return await asyncio.shield(self._renewal)
                except TimeoutError as error:
                    raise NoAnswer(STILL_SIGNING_IN, may_have_happened=False) from error

    def _release(self, renewal: asyncio.Future[Any]) -> None:
        """Let the next one in. Whoever waited has the exception, too."""
        self._lock.release()
        if not renewal.cancelled():
            renewal.exception()

    async def _send(self, step: Send) -> Answer:
        try:
            async with asyncio.timeout(step.seconds):
                response = await self._transport.handle_async_request(step.request)
                try:
                    content = bytearray()
                    async for chunk in response.aiter_bytes():
                        _extend(content, chunk)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise httpx.ReadTimeout("the answer took too long") from error
        return Answer(response.status_code, response.headers, bytes(content))

    async def close(self) -> None:
        if self._renewal is not None:
            await asyncio.wait([self._renewal])
        if self._is_own:
            await self._transport.aclose()
