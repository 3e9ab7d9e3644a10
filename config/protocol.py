"""HTTP as uvicorn speaks it, with a short way for webhooks.

A webhook that arrives whole is read, verified and queued while its bytes are parsed: no task, no ASGI messages, no
timers. That is most of what it would cost. Whatever is not plainly good (a body in pieces, a signature that fails, a
full queue) goes the ordinary way, through config.asgi, which decides and answers as if there were no other.
"""

import json
from collections.abc import Callable, Coroutine
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

if TYPE_CHECKING:  # Django is not set up when gunicorn imports this; a worker's first webhook finds it so
    from config.lane import Lane
    from config.problems import ProblemResponse
    from payments.services.webhooks import Outcome

Answering = Coroutine[Any, Any, "bytes | ProblemResponse"]
#: What the log calls the address of a webhook that went wrong.
WEBHOOKS = "/api/v1/webhooks/"

#: At best this many bytes in the request line: what is longer is no webhook.
LONGEST_ADDRESS = 200
#: Bytes that are parsed at a time. One read may bring thousands of requests, each 2 kB of memory while it waits.
PIECE = 8192
# As config.problems would write it, which cannot be imported before Django is set up.
UNREADABLE_REQUEST = {
    "type": "/docs/errors#bad_request",
    "title": "The request was refused",
    "status": 400,
    "code": "bad_request",
    "detail": "The request is malformed, or was not meant for this host.",
    "errors": [],
}


@cache
def the_lane() -> "Lane":
    """Return this worker's lane; once Django is set up. An import in each webhook would cost a tenth of reading it."""
    from config import lane

    return lane.the_lane()


@lru_cache(maxsize=256)
def webhook_address(url: bytes) -> tuple[str, str] | None:
    """Return the provider's slug and its form, when the lane serves exactly this request target."""
    from config import lane

    return lane.address("POST", url.decode("latin-1"))


class Flow(FlowControl):
    """uvicorn's, which would read on with each request that is answered, however many others wait for their turn."""

    def __init__(self, transport: Any, protocol: "Protocol") -> None:
        super().__init__(transport)
        self._protocol = protocol

    def resume_reading(self) -> None:
        if not (self._protocol.pipeline or self._protocol.unparsed):
            super().resume_reading()


class Protocol(HttpToolsProtocol):
    """One connection. The parser's own refusals look like all others."""

    #: The body of what may be a webhook, while its headers are kept from uvicorn.
    kept: bytearray | None = None
    #: What has been read and has to wait until those before it are answered.
    unparsed: bytes = b""
    #: When something was last read or answered, by the loop's clock.
    used_at = 0.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.flow = Flow(transport, self)
        self.used_at = self.loop.time()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def on_headers_complete(self) -> None:
        if self._may_be_a_webhook():
            self.kept = bytearray()
        elif not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self.kept is None:
            super().on_body(body)
        else:
            self.kept += body

    def on_message_complete(self) -> None:
        if self.kept is not None:
            body, self.kept = bytes(self.kept), None
            if self._submitted(body):
                return
            self._go_the_ordinary_way(body)
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        if self.unparsed:
            self.unparsed += data
        else:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        """Piece by piece, until a request has to wait for the one before it."""
        for start in range(0, len(data), PIECE):
            if self.pipeline:
                self.unparsed = data[start:]
                return
            if self.transport.is_closing():
                return
            self._feed(data[start : start + PIECE])
            if self.kept is not None:  # the rest is still on its way: uvicorn waits for it
                body, self.kept = bytes(self.kept), None
                self._go_the_ordinary_way(body)

    def _feed(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as asked:
            self._stay(data[asked.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("")

    def _stay(self, rest: bytes) -> None:
        """Read a request anew that would rather speak another protocol, as `curl --http2` does, without that wish.

        The parser has stopped behind its headers, and would take its body for the next request.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":  # a wish that cannot be left out
            self.send_400_response("")
            return
        headers = b"".join(b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade")
        version = self.parser.get_http_version().encode()
        self.parser = httptools.HttpRequestParser(self)  # the other is closed, if the request said so
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self._feed(b"%s %s HTTP/%s\r\n%s\r\n" % (method, self.url, version, headers) + rest)

    def on_response_complete(self) -> None:
        if self.pipeline:
            super().on_response_complete()
        else:  # as uvicorn does it, but for the timer
            self.server_state.total_requests += 1
            self.used_at = self.loop.time()
            if not self.transport.is_closing():
                self.flow.resume_reading()
        if self.unparsed and not self.pipeline:
            self.loop.call_soon(self._parse_on)

    def _unset_keepalive_if_required(self) -> None:
        """Leave the timer, which a connection has from its beginning: it sees by itself that there is a request.

        uvicorn cancels it at each request and makes another at each answer, which costs more than a signature. A
        websocket, which Till does not serve, would have to cancel this one.
        """
        self.used_at = self.loop.time()

    def timeout_keep_alive_handler(self) -> None:
        """Close what has been silent for too long, whether between requests, in the middle of one or before any."""
        left = self.timeout_keep_alive - (self.loop.time() - self.used_at)
        if left <= 0 and self._is_idle():
            super().timeout_keep_alive_handler()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(max(left, 1), self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def _parse_on(self) -> None:
        data, self.unparsed = self.unparsed, b""
        if not self.transport.is_closing():
            self._parse(data)
            self.flow.resume_reading()

    def _may_be_a_webhook(self) -> bool:
        return (
            self._is_idle()
            and not self.flow.write_paused  # who does not read his answers waits, the ordinary way
            and self.parser.get_method() == b"POST"
            and len(self.url) <= LONGEST_ADDRESS
            and webhook_address(self.url) is not None
            and not self.expect_100_continue
            and not self.parser.should_upgrade()
            and len(self.connections) < (self.limit_concurrency or len(self.connections) + 1)
        )

    def _is_idle(self) -> bool:
        cycle: Any = self.cycle  # None until there is one, whatever its type says
        return cycle is None or bool(cycle.response_complete)

    def _go_the_ordinary_way(self, body: bytes) -> None:
        super().on_headers_complete()
        if body:
            super().on_body(body)

    def _submitted(self, body: bytes) -> bool:
        """Queue the notice if it is authentic; its answer is written when it is durable."""
        address = webhook_address(self.url)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers}
        if address is None or len(headers) < len(self.headers):  # of two headers of one name, who would know?
            return False
        lane = the_lane()
        notice = lane.recognised(*address, headers, body)
        if notice is None:
            return False
        exchange = Exchange(
            self,
            lane.identity(headers.get("x-request-id", "")),
            self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive(),
            lambda: lane.answer(*address, headers, body),
        )
        if not lane.submit(notice, exchange):
            return False
        self.cycle = exchange  # type: ignore[assignment]  # what uvicorn asks of a cycle, an exchange answers
        return True

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's text
        from config import request_log  # not before PROMETHEUS_MULTIPROC_DIR is set

        self.kept = None
        if isinstance(self.cycle, Exchange) and not self.cycle.response_complete:
            self.cycle.keep_alive = False  # its answer comes first, and is the last
            return
        with request_log.identified("") as identity:
            self.transport.write(unreadable_request(identity))
            self.transport.close()
            request_log.report("-", "-", "unreadable", 400, seconds=0)


class Exchange:
    """A webhook whose answer is on its way. It stands where uvicorn keeps the cycle of an ordinary request.

    Called with the outcome, on the event loop; a second outcome, as of a deadline that passed, is not heard.
    """

    __slots__ = ("ask_again", "disconnected", "identity", "keep_alive", "protocol", "response_complete")

    def __init__(self, protocol: Protocol, identity: str, keep_alive: bool, ask_again: Callable[[], Answering]) -> None:
        self.protocol = protocol
        self.identity = identity
        self.keep_alive = keep_alive
        self.ask_again = ask_again
        self.response_complete = self.disconnected = False

    @property
    def message_event(self) -> "Exchange":
        """uvicorn wakes a cycle that waits for more of its body."""
        return self

    def set(self) -> None:
        """Nobody waits: the body is whole."""

    def __call__(self, outcome: "Outcome | Exception") -> None:
        if self.response_complete:
            return
        answer = the_lane().reply_to(outcome)
        if answer is None:
            task = self.protocol.loop.create_task(self._asked_again())
            self.protocol.tasks.add(task)
            task.add_done_callback(self.protocol.tasks.discard)
        else:
            self._answer(answer)

    async def _asked_again(self) -> None:
        self._answer(await self.ask_again())

    def _answer(self, answer: "bytes | ProblemResponse") -> None:
        if self.response_complete:
            return
        self.response_complete = True
        if self.disconnected or self.protocol.transport.is_closing():
            return
        if isinstance(answer, bytes):
            head = CREDITED % (len(answer), self.identity.encode())
        else:
            head, answer = problem_head(answer, self.identity), answer.content
        self.protocol.transport.write(head + self._last_headers() + answer)
        if not self.keep_alive:
            self.protocol.transport.close()
        self.protocol.on_response_complete()

    def _last_headers(self) -> bytes:
        """uvicorn's own, such as the date, and the empty line that ends them."""
        own = b"".join(b"%s: %s\r\n" % header for header in self.protocol.server_state.default_headers)
        return own + (b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")


CREDITED = (
    STATUS_LINE[200] + b"content-type: application/json\r\ncontent-length: %d\r\n"
    b"x-content-type-options: nosniff\r\nx-request-id: %s\r\n"
)


def problem_head(response: "ProblemResponse", identity: str) -> bytes:
    from config import request_log

    headers = {
        **response.headers,
        "X-Request-ID": identity,
        "X-Content-Type-Options": "nosniff",
        "Content-Length": str(len(response.content)),
    }
    with request_log.identified(identity):
        request_log.report("POST", WEBHOOKS, "event loop", response.status_code, seconds=0)
    lines = "".join(f"{name.lower()}: {value}\r\n" for name, value in headers.items())
    return STATUS_LINE[response.status_code] + lines.encode("latin-1")


def unreadable_request(identity: str) -> bytes:
    body = json.dumps(UNREADABLE_REQUEST, separators=(",", ":")).encode()
    headers = (
        "content-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\n"
        "x-content-type-options: nosniff\r\n"
        f"x-request-id: {identity}\r\n"
        "connection: close\r\n\r\n"
    )
    return STATUS_LINE[400] + headers.encode() + body
