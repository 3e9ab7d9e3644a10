"""A request of the API that the event loop answers, from its last byte to the answer, without a task of its own."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from config.server import request_log
from config.server.api_endpoint import FOR_THE_VIEW, ApiAnswer, get_api_endpoint
from config.server.api_requests import ApiRequest
from config.server.raw_responses import encode_headers
from config.server.request_limits import LimitedProtocol


class ApiCycle:
    """A request that waits for its answer. uvicorn keeps it in the place of its own request cycle.

    It is called with the answer, on the event loop. None: uvicorn's own cycle takes its place, and the view answers.
    """

    #: The request has arrived whole. uvicorn's cycles have the same attribute.
    more_body = False

    __slots__ = (
        "_began_at",
        "_body",
        "_protocol",
        "_request",
        "_scope",
        "disconnected",
        "keep_alive",
        "response_complete",
    )

    def __init__(
        self, protocol: LimitedProtocol, request: ApiRequest, scope: Any, body: bytes, *, keep_alive: bool
    ) -> None:
        self._protocol = protocol
        self._request = request
        self._scope = scope
        self._body = body
        self._began_at = protocol.loop.time()
        self.keep_alive = keep_alive
        self.response_complete = self.disconnected = False

    @property
    def message_event(self) -> "ApiCycle":
        """uvicorn sets the event of a cycle that waits for more of its body."""
        return self

    def set(self) -> None:
        """Do nothing: nobody waits, because the body is complete."""

    def __call__(self, answer: ApiAnswer | None) -> None:
        if answer is None:
            self._let_view_answer()
            return
        self.response_complete = True
        protocol = self._protocol
        identity = request_log.sane_request_id(self._request.offered_id)
        get_api_endpoint().report(self._request, identity, answer.status, protocol.loop.time() - self._began_at)
        if self._is_client_gone():
            return
        last_headers = encode_headers(protocol.server_state.default_headers)
        if not self.keep_alive:
            last_headers += b"connection: close\r\n"
        head = "".join([f"{name}: {value}\r\n" for name, value in answer.headers])
        protocol.transport.write(
            STATUS_LINE[answer.status]
            + f"{head}x-request-id: {identity}\r\n".encode("latin-1")
            + last_headers
            + b"\r\n"
            + answer.body
        )
        if not self.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()

    def _is_client_gone(self) -> bool:
        return self.disconnected or self._protocol.transport.is_closing()

    def _let_view_answer(self) -> None:
        """Begin the cycle that uvicorn would have begun, and put it wherever this one stands."""
        protocol = self._protocol
        self.response_complete = True
        if self._is_client_gone():
            return
        cycle = RequestResponseCycle(
            scope={**self._scope, FOR_THE_VIEW: True},  # type: ignore[typeddict-item,typeddict-unknown-key]
            transport=protocol.transport,
            flow=protocol.flow,
            logger=protocol.logger,
            access_logger=protocol.access_logger,
            access_log=protocol.access_log,
            default_headers=protocol.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=self.keep_alive,
            on_response=protocol.on_response_complete,
        )
        cycle.body, cycle.more_body = bytearray(self._body), False
        cycle.message_event.set()
        if protocol.cycle is self:  # type: ignore[comparison-overlap]  # it is in the place of one
            protocol.cycle = cycle
        if protocol.earlier_cycle is self:
            protocol.earlier_cycle = cycle
        protocol._start_asgi_task(cycle, protocol.app)
