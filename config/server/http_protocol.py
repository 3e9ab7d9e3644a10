"""HTTP as uvicorn speaks it, with a fast path for webhooks.

A webhook that arrives whole is read, verified and queued while its bytes are parsed. It needs no task, no ASGI
messages and no timers, which would be most of its cost. If its head was seen before, it is not even parsed.

Every other webhook takes the slow path: its body comes in pieces, its signature fails, or the queue is full. The slow
path is config.asgi, which gives the same answers and does not know the fast path.
"""

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import FlowControl

from config.server import request_limits
from config.server.api_cycle import ApiCycle
from config.server.api_endpoint import get_api_endpoint
from config.server.api_requests import may_be_fast, recognise
from config.server.request_heads import END, MAX_ADDRESS_BYTES, RequestHead, known_heads, webhook_address
from config.server.request_limits import MAX_PARSED_BYTES, LimitedProtocol
from config.server.webhook_cycle import WebhookCycle
from config.server.webhook_endpoint import get_endpoint
from payments.webhooks import receiving

#: Seconds for a client to read the 48 kB that wait to be sent. If it reads nothing, its connection is aborted.
STALLED_SECONDS = 20
#: Seconds that a silent connection stays open when the worker is about to end.
FAREWELL_SECONDS = 1


class Flow(FlowControl):
    """uvicorn's flow control, except that reading goes on only when no request of the connection waits for its turn."""

    def __init__(self, transport: Any, protocol: "Protocol") -> None:
        super().__init__(transport)
        self._protocol = protocol

    def resume_reading(self) -> None:
        if not (self._protocol.pipeline or self._protocol.unparsed):
            super().resume_reading()

    async def drain(self) -> None:
        """Wait until there is room to write. Abort the connection of a client that reads nothing."""
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await super().drain()
        except TimeoutError:
            self._transport.abort()
            await super().drain()  # returns, because the connection has ended


class Protocol(LimitedProtocol):
    """One connection."""

    #: The body of a request that may take a fast path. Until that is known, uvicorn does not learn of the request.
    whole_body: bytearray | None = None
    #: Bytes that were read and wait until the requests before them are answered.
    unparsed: bytes = b""
    #: The bytes that the parser got last, if they begin with a message; else empty.
    fed: bytes = b""
    #: The worker is about to end: the next answer is the connection's last.
    is_draining = False
    #: The cycle that the slow path began last. All cycles before it are answered.
    running_cycle: Any = None
    #: Bytes of an answer that the client had not read at the last look, when the connection had been silent for long.
    unsent = 0
    #: When a request last began or was answered, by the loop's clock.
    used_at = 0.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.flow = Flow(transport, self)
        seconds = min(self.timeout_keep_alive, request_limits.HEAD_SECONDS)
        self.used_at = self.loop.time() - self.timeout_keep_alive + seconds
        self._check_idle_in(seconds)

    def on_message_begin(self) -> None:
        self.used_at = self.loop.time()
        super().on_message_begin()

    def begin_request(self) -> None:
        if self._may_take_fast_path():
            self.whole_body = bytearray()
        elif not self.parser.should_upgrade():
            self._begin_cycle()

    def on_body(self, body: bytes) -> None:
        if self.whole_body is None:
            super().on_body(body)
        else:
            self.whole_body += body

    def on_message_complete(self) -> None:
        self.in_message = False
        if self.whole_body is not None:
            body, self.whole_body = bytes(self.whole_body), None
            if self._submit_webhook(body) or self._submit_api_request(body):
                return
            self._take_slow_path(body)
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        if self.unparsed:
            self.unparsed += data
        elif self.in_message or not self._submit_unparsed(data):
            self._parse(data)

    def _submit_unparsed(self, data: bytes) -> bool:
        """Submit a notice whose head was seen before. False: the parser, which has read none of it, has to read it."""
        written, _, body = data.partition(END)
        head = known_heads.get(written)
        if head is None or len(body) != head.length or self.transport.is_closing() or not self._is_free():
            return False
        return self._submit(head, body)

    def _parse(self, data: bytes) -> None:
        """Parse piece by piece, until a request has to wait for the one before it."""
        for start in range(0, len(data), MAX_PARSED_BYTES):
            if self.pipeline:
                self.unparsed = data[start:]
                return
            if self.is_refused:
                self.drop(len(data) - start)
                return
            if self.transport.is_closing():
                return
            self._feed(data[start : start + MAX_PARSED_BYTES])
            if self.whole_body is not None:  # the rest has not arrived: uvicorn waits for it
                body, self.whole_body = bytes(self.whole_body), None
                self._take_slow_path(body)

    def _feed(self, data: bytes) -> None:
        self.fed = b"" if self.in_message else data
        try:
            self.feed(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._read_without_upgrade(data[upgrade.args[0] :])
        finally:
            self.fed = b""

    def _read_without_upgrade(self, rest: bytes) -> None:
        """Read a request again without its header Upgrade, which `curl --http2` sends.

        The parser has stopped behind the headers, and would take the body for the next request.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":  # asks for a tunnel, and cannot be read without that
            self.refuse(400)
            return
        headers = b"".join(b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade")
        version = self.parser.get_http_version().encode()
        self.parser = httptools.HttpRequestParser(self)  # the old one is closed, if the request said so
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self._feed(b"%s %s HTTP/%s\r\n%s\r\n" % (method, self.url, version, headers) + rest)

    def on_response_complete(self) -> None:
        if self.pipeline:
            super().on_response_complete()
        else:  # as uvicorn does it, except for the timer
            self.server_state.total_requests += 1
            self.used_at = self.loop.time()
            if self.flow.read_paused and not self.transport.is_closing():
                self.flow.resume_reading()
        if self.unparsed and not self.pipeline:
            self.loop.call_soon(self._parse_the_rest)

    def _unset_keepalive_if_required(self) -> None:
        """Leave the timer, which runs from the connection's beginning and looks by itself whether a request is there.

        uvicorn cancels it at each request and makes another at each answer, which costs more than a signature.
        A websocket, which Till does not serve, would have to cancel this one.
        """

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was silent for too long: between requests, in the middle of one, or before any."""
        left = self.timeout_keep_alive - (self.loop.time() - self.used_at)
        if left > 0 or not self._is_idle():
            self.unsent = 0
            self._check_idle_in(max(left, 1))
        elif waiting := self.transport.get_write_buffer_size():
            self._wait_for_reader(waiting)
        else:
            super().timeout_keep_alive_handler()

    def _wait_for_reader(self, waiting: int) -> None:
        """Abort if the client reads nothing of its answer. Closing would wait for it without an end."""
        if waiting == self.unsent:
            self.transport.abort()
        else:
            self.unsent = waiting
            self._check_idle_in(STALLED_SECONDS)

    def _check_idle_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def shutdown(self) -> None:
        """Let the next answer be the last, and close a connection that stays silent.

        uvicorn closes an idle connection at once, although a request may be on its way.
        """
        self.is_draining = True
        if self._is_idle():
            self.loop.call_later(FAREWELL_SECONDS, self._close_if_idle)
        else:
            self.cycle.keep_alive = False

    def _close_if_idle(self) -> None:
        if self._is_idle():
            self.transport.close()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self.running_cycle = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        """Also tell the request that is being answered. uvicorn tells the last one that came, which may still wait."""
        super().connection_lost(exc)
        if self.running_cycle is not None and not self.running_cycle.response_complete:
            self.running_cycle.disconnected = True
            self.running_cycle.message_event.set()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def _parse_the_rest(self) -> None:
        data, self.unparsed = self.unparsed, b""
        if not self.transport.is_closing():
            self._parse(data)
            self.flow.resume_reading()

    def _may_take_fast_path(self) -> bool:
        return (
            len(self.url) <= MAX_ADDRESS_BYTES
            and self._is_free()
            and (self._is_a_webhook() or may_be_fast(self.parser.get_method().decode(), self._path()))
            and not self.expect_100_continue
            and not self.parser.should_upgrade()
        )

    def _is_a_webhook(self) -> bool:
        return self.parser.get_method() == b"POST" and webhook_address(self.url) is not None

    def _path(self) -> str:
        return self.url.partition(b"?")[0].decode("latin-1")

    def _is_free(self) -> bool:
        """Tell whether the next request may take the fast path, if it is a webhook."""
        return (
            self._is_idle()
            and not self.flow.write_paused  # a client that does not read its answers takes the slow path, and waits
            and not (self.limit_concurrency and len(self.connections) >= self.limit_concurrency)
        )

    def _is_idle(self) -> bool:
        cycle: Any = self.cycle  # None before the first one, although its type says otherwise
        return cycle is None or bool(cycle.response_complete)

    def _begin_cycle(self) -> None:
        super().begin_request()
        if self.is_draining:
            self.cycle.keep_alive = False

    def _take_slow_path(self, body: bytes) -> None:
        self._begin_cycle()
        if body:
            super().on_body(body)

    def _request_head(self, length: int) -> RequestHead | None:
        """Return the head that the parser has read, with the length of its body. None: a header is repeated."""
        address = webhook_address(self.url)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers}
        if address is None or len(headers) < len(self.headers):  # nobody can tell which of two equal headers counts
            return None
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        return RequestHead(*address, headers, length, keep_alive)

    def _submit_webhook(self, body: bytes) -> bool:
        head = self._request_head(len(body)) if self._is_a_webhook() else None
        if head is None or not self._submit(head, body):
            return False
        if receiving.signs_fields(head.slug):  # else the head has a signature, and will not be seen again
            known_heads.remember(self.fed, body, head)
        return True

    def _submit_api_request(self, body: bytes) -> bool:
        """Queue a request that needs no view. Its answer is written when it is durable."""
        method, path, query = self.parser.get_method().decode(), self._path(), self.url.partition(b"?")[2]
        request = recognise(method, path, query, self.headers, self.scope["scheme"], body)
        if request is None or self.transport.is_closing():
            return False
        version = self.parser.get_http_version()
        scope = {
            **self.scope, "method": method, "path": path, "raw_path": path.encode("latin-1"), "query_string": query,
            "http_version": version,
        }  # fmt: skip
        keep_alive = version != "1.0" and self.parser.should_keep_alive() and not self.is_draining
        cycle = ApiCycle(self, request, scope, body, keep_alive=keep_alive)
        if not get_api_endpoint().submit(request, cycle):
            return False
        self.cycle = cycle  # type: ignore[assignment]  # it has what uvicorn needs of a cycle
        return True

    def _submit(self, head: RequestHead, body: bytes) -> bool:
        """Queue the notice if it is authentic. Its answer is written when the credit is durable."""
        notice = receiving.recognise(slug=head.slug, headers=head.headers, body=body, form=head.form)
        if notice is None:
            return False
        cycle = WebhookCycle(self, head, body, keep_alive=head.keep_alive and not self.is_draining)
        if not get_endpoint().submit(notice, cycle):
            return False
        self.cycle = cycle  # type: ignore[assignment]  # it has what uvicorn needs of a cycle
        return True

    def refuse(self, status: int) -> None:
        self.whole_body = None
        super().refuse(status)
