"""Answers that are written by the event loop itself: to webhooks on the short way, and to what is no request."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from config.server.request_heads import RequestHead

if TYPE_CHECKING:  # Django is not set up when gunicorn imports this; a worker's first webhook finds it so
    from django.http import HttpResponse

    from config.problems import ProblemResponse
    from config.server.http_protocol import Protocol
    from config.server.webhook_endpoint import WebhookEndpoint
    from payments.webhooks.receiving import Outcome

CREDITED = (
    STATUS_LINE[200] + b"content-type: application/json\r\ncontent-length: %d\r\n"
    b"x-content-type-options: nosniff\r\ncache-control: no-store\r\nx-request-id: %b\r\n%b\r\n%b"
)


@cache
def the_lane() -> "WebhookEndpoint":
    """Return this worker's lane; once Django is set up. An import in each webhook would cost a tenth of reading it."""
    from config.server import webhook_endpoint

    return webhook_endpoint.webhook_endpoint()


class WebhookCycle:
    """A webhook whose answer is on its way. It stands where uvicorn keeps the cycle of an ordinary request.

    Called with the outcome, on the event loop; a second outcome, as of a deadline that passed, is not heard.
    """

    #: Its request was whole: uvicorn's cycles say so, too.
    more_body = False

    __slots__ = (
        "_began_at",
        "_body",
        "_head",
        "_identity",
        "_protocol",
        "disconnected",
        "keep_alive",
        "response_complete",
    )

    def __init__(self, protocol: "Protocol", head: RequestHead, body: bytes) -> None:
        self._protocol = protocol
        self._head = head
        self._body = body
        self._began_at = protocol.loop.time()
        self._identity = the_lane().identity(head.headers.get("x-request-id", ""))
        self.keep_alive = head.keep_alive and not protocol.is_draining
        self.response_complete = self.disconnected = False

    @property
    def message_event(self) -> "WebhookCycle":
        """uvicorn wakes a cycle that waits for more of its body."""
        return self

    def set(self) -> None:
        """Nobody waits: the body is whole."""

    def __call__(self, outcome: "Outcome | Exception") -> None:
        if self.response_complete:
            return
        answer = the_lane().reply_to(outcome)
        if answer is None:
            task = self._protocol.loop.create_task(self._asked_again())
            self._protocol.tasks.add(task)
            task.add_done_callback(self._protocol.tasks.discard)
        else:
            self._answer(answer)

    async def _asked_again(self) -> None:
        head = self._head
        self._answer(await the_lane().answer(head.slug, head.form, head.headers, self._body))

    def _answer(self, answer: "bytes | ProblemResponse") -> None:
        if self.response_complete:
            return
        self.response_complete = True
        protocol = self._protocol
        if self.disconnected or protocol.transport.is_closing():
            return
        last_headers = joined(protocol.server_state.default_headers)
        if not self.keep_alive:
            last_headers += b"connection: close\r\n"
        if isinstance(answer, bytes):
            written = CREDITED % (len(answer), self._identity.encode(), last_headers, answer)
        else:
            self._report(answer.status_code)
            written = problem_head(answer, self._identity) + last_headers + b"\r\n" + answer.content
        protocol.transport.write(written)
        if not self.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()

    def _report(self, status: int) -> None:
        from config.server import request_log, webhook_endpoint

        path = webhook_endpoint.path_of(self._head.slug, self._head.form)
        with request_log.identified(self._identity):
            request_log.report("POST", path, "event loop", status, self._protocol.loop.time() - self._began_at)


class _Joined:
    """The last list of headers that was joined: uvicorn makes its own anew with every second's date."""

    headers: list[tuple[bytes, bytes]] | None = None
    written = b""


def joined(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return uvicorn's own headers, such as the date, as they are written. The list must not change afterwards."""
    if _Joined.headers is not headers:
        _Joined.written = b"".join(b"%b: %b\r\n" % header for header in headers)
        _Joined.headers = headers
    return _Joined.written


def problem_head(response: "ProblemResponse", identity: str) -> bytes:
    return head_of(response.status_code, headers_of(response, identity))


def headers_of(response: "HttpResponse", identity: str) -> dict[str, str]:
    """Return the headers of an answer from the event loop, which no middleware completes."""
    return {
        **response.headers,
        "X-Request-ID": identity,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Content-Length": str(len(response.content)),
    }


def refused_request(status: int, identity: str) -> bytes:
    """Return the answer to what is no request, or not yet one. The connection ends with it."""
    from config.problems import problem_response, table

    problems = (table.BAD_REQUEST, table.HEAD_TOO_SLOW, table.ADDRESS_TOO_LONG, table.HEADERS_TOO_LARGE)
    response = problem_response(next(problem for problem in problems if problem.status == status))
    headers = {**headers_of(response, identity), "Connection": "close"}
    return head_of(status, headers) + b"\r\n" + response.content


def head_of(status: int, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name.lower()}: {value}\r\n" for name, value in headers.items())
    return STATUS_LINE[status] + lines.encode("latin-1")
