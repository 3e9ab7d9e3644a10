"""uvicorn's HTTP, with limits: how large a request's head may be, and how long it may take to arrive.

Bytes are counted while they arrive, before anything keeps them. So nobody fills the memory with a head that never ends.
"""

import asyncio
import random
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from config.server import request_log
from config.server.raw_responses import refused_request

#: Bytes of the address, of each header, and of the whole head with its trailers. Number of headers.
MAX_LINE: Final = 16 * 1024
MAX_HEAD: Final = 32 * 1024
MAX_FIELDS: Final = 100
#: Seconds from the first byte of a head to its last, and from the start of a connection to the first head.
HEAD_SECONDS: Final = 10.0
#: The part of that time that every head has. The rest is random, so that thousands of heads which began together are
#: not all refused in one moment.
MIN_HEAD_PART: Final = 0.8
#: Bytes of framing for each byte of a body: the smallest chunks have five.
FRAMING_PER_BYTE: Final = 8
#: Bytes that are parsed at a time. One read may bring thousands of requests, each 2 kB of memory while it waits.
MAX_PARSED_BYTES: Final = 8192
#: A refused client may still be sending, and would miss the answer. So this much is read and dropped before closing.
LINGER_SECONDS: Final = 1.0
MAX_DROPPED: Final = 1024 * 1024
#: The bytes between a name and its value, and after the value.
SEPARATORS: Final = len(b": \r\n")


class RequestRefused(Exception):
    """A request is larger than it may be; `status` answers it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class LimitedProtocol(HttpToolsProtocol):
    """One connection. A refusal looks like every other problem, and is the connection's last answer."""

    #: Whether the parser is inside of a message, and whether it is inside of the message's head.
    in_message = False
    in_head = False
    #: The newest cycle when the message began. If the newest is another one by now, it is the message's own.
    earlier_cycle: Any = None
    #: Bytes of the headers and trailers that are complete; the progress at the last look; the bytes read since then.
    field_bytes = 0
    counted = 0
    unfinished = 0
    #: Bytes of a message that are not its body, less what the body's length allows.
    framing = 0
    #: Runs while a head arrives, and while a refused client may read its answer.
    head_timer: asyncio.TimerHandle | None = None
    #: After a refusal nothing is parsed; `dropped` counts the bytes that were thrown away.
    is_refused = False
    dropped = 0

    def on_message_begin(self) -> None:
        self.in_message = self.in_head = True
        self.earlier_cycle = self.cycle
        self.field_bytes = self.counted = self.unfinished = self.framing = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > MAX_LINE:
            raise RequestRefused(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """As uvicorn does it. Trailers are counted and left out: no proxy has looked at them."""
        length = len(name) + len(value) + SEPARATORS
        self.field_bytes += length
        if self.field_bytes > MAX_LINE and (length > MAX_LINE or len(self.url) + self.field_bytes > MAX_HEAD):
            raise RequestRefused(431)
        if self.in_head:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if len(self.headers) > MAX_FIELDS:
            raise RequestRefused(431)
        self.stop_head_timer()
        self.begin_request()
        self.in_head = False

    def begin_request(self) -> None:
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self.framing -= len(body) * (1 + FRAMING_PER_BYTE)
        super().on_body(body)

    def feed(self, data: bytes) -> None:
        """Parse a piece. Raises HttpParserUpgrade; any other error gets its answer here."""
        try:
            self.parser.feed_data(data)
            self._count(len(data))
        except httptools.HttpParserCallbackError as error:
            self.refuse(error.__context__.status if isinstance(error.__context__, RequestRefused) else 400)
        except httptools.HttpParserError:
            self.refuse(400)
        except RequestRefused as error:
            self.refuse(error.status)

    def _count(self, length: int) -> None:
        """Count the bytes of a message that is not complete. The first piece may have begun with another message."""
        if self.in_head:
            self._count_head(length)
            if self.head_timer is None:
                seconds = HEAD_SECONDS * random.uniform(MIN_HEAD_PART, 1)  # noqa: S311  nothing secret
                self.head_timer = self.loop.call_later(seconds, self.refuse, 408)
        elif self.in_message:
            self.framing += length
            if self.framing > MAX_HEAD + MAX_PARSED_BYTES:
                raise RequestRefused(400)

    def _count_head(self, length: int) -> None:
        progress = len(self.url) + self.field_bytes
        self.unfinished = length + (self.unfinished if progress == self.counted else 0)
        self.counted = progress
        if self.unfinished > MAX_LINE + MAX_PARSED_BYTES or len(self.headers) > MAX_FIELDS:
            raise RequestRefused(431)

    def refuse(self, status: int) -> None:
        """Stop reading. If an earlier request still waits for its answer, that answer comes first and is the last."""
        if self.is_refused or self.transport.is_closing():
            return
        self.is_refused = True
        self.stop_head_timer()
        is_begun = self.in_message and self.cycle is not self.earlier_cycle
        if is_begun and self.pipeline:  # its turn will never come
            self.pipeline.popleft()
            self.cycle, is_begun = self.earlier_cycle, False
        cycle: Any = self.cycle
        if is_begun:  # its own body is broken
            self._answer_refused(status, is_answered=cycle.response_started)
        elif cycle is None or cycle.response_complete:
            self._answer_refused(status, is_answered=False)
        else:
            cycle.keep_alive = False
            self.flow.pause_reading()

    def _answer_refused(self, status: int, *, is_answered: bool) -> None:
        """Answer instead of the application, unless the request has an answer already, and close the connection."""
        with request_log.identified("") as identity:
            if not is_answered:
                self.transport.write(refused_request(status, identity, (self.url or b"")[:MAX_LINE].decode("latin-1")))
            request_log.report("-", "-", "unreadable", status, seconds=0)
        self.transport.write_eof()
        self.head_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def drop(self, length: int) -> None:
        self.dropped += length
        if self.dropped > MAX_DROPPED:
            self.transport.close()

    def stop_head_timer(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.stop_head_timer()
