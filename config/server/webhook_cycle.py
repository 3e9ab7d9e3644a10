"""A webhook on the fast path, from its request to the answer that the event loop writes for it."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from config.problems import ProblemResponse
from config.server import request_log
from config.server.raw_responses import CREDITED, encode_headers, problem_head
from config.server.request_heads import RequestHead
from config.server.webhook_endpoint import OutcomeOrError, get_endpoint, reply_to
from payments.webhooks.addresses import path_of


class WebhookCycle:
    """A webhook that waits for its answer. uvicorn keeps it in the place of its own request cycle.

    It is called with the outcome, on the event loop. A second outcome, such as a deadline that passed, is ignored.
    """

    #: The request has arrived whole. uvicorn's cycles have the same attribute.
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

    def __init__(self, protocol: HttpToolsProtocol, head: RequestHead, body: bytes, *, keep_alive: bool) -> None:
        self._protocol = protocol
        self._head = head
        self._body = body
        self._began_at = protocol.loop.time()
        self._identity = request_log.sane_request_id(head.headers.get("x-request-id", ""))
        self.keep_alive = keep_alive
        self.response_complete = self.disconnected = False

    @property
    def message_event(self) -> "WebhookCycle":
        """uvicorn sets the event of a cycle that waits for more of its body."""
        return self

    def set(self) -> None:
        """Do nothing: nobody waits, because the body is complete."""

    def __call__(self, outcome: OutcomeOrError) -> None:
        if self.response_complete:
            return
        answer = reply_to(outcome)
        if answer is None:
            task = self._protocol.loop.create_task(self._judge_again())
            self._protocol.tasks.add(task)
            task.add_done_callback(self._protocol.tasks.discard)
        else:
            self._answer(answer)

    async def _judge_again(self) -> None:
        head = self._head
        self._answer(await get_endpoint().answer(head.slug, head.form, head.headers, self._body))

    def _answer(self, answer: bytes | ProblemResponse) -> None:
        if self.response_complete:
            return
        self.response_complete = True
        protocol = self._protocol
        if self.disconnected or protocol.transport.is_closing():
            return
        last_headers = encode_headers(protocol.server_state.default_headers)
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
        path = path_of(self._head.slug, self._head.form)
        with request_log.identified(self._identity):
            request_log.report("POST", path, "event loop", status, self._protocol.loop.time() - self._began_at)
