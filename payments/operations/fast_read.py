"""Reads that the event loop may answer: many of them in one pipeline, without a lock and without a commit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rest_framework.renderers import JSONRenderer

from accounts import standing
from accounts.models import Role
from accounts.tokens import AccessClaims
from payments.idempotency.service import RecordedAnswer
from payments.operations.requests import PATIENCE, RequestOutcome, Unanswered
from postgres.pipeline import Pipeline, PipelineSteps
from postgres.pipeline_connection import Rows
from postgres.questions import QuestionBatch


class FastRead(NamedTuple):
    """What the event loop has to know of a read. Each subject names its own in a module `fast_path`."""

    #: Asks what the answer needs, for the user's id and the id in the address or the limit of a list.
    ask: Callable[[QuestionBatch, int, int], Rows]
    #: From the rows to the members. None: the view has to decide, such as what is missing.
    answer: Callable[[Rows, "ReadRequest"], dict[str, Any] | None]


@dataclass(slots=True, eq=False)
class ReadRequest:
    claims: AccessClaims
    read: FastRead
    #: The id in the address, or how many a list shows.
    number: int
    #: The address as the client wrote it, with scheme and host: for the links of a list.
    url: str


def read_steps(requests: Sequence[ReadRequest]) -> PipelineSteps[list[RequestOutcome]]:
    """Answer the requests, which are users' own. Safe to repeat."""
    pipeline = Pipeline(commit=True)
    pipeline.execute(PATIENCE)
    questions = QuestionBatch()
    rows = [
        (
            standing.ask_standing(questions, request.claims),
            request.read.ask(questions, request.claims.user_id, request.number),
        )
        for request in requests
    ]
    fill = questions.queue_reading(pipeline)
    yield pipeline
    fill()
    return [_outcome(request, *answers) for request, answers in zip(requests, rows, strict=True)]


def _outcome(request: ReadRequest, standing_rows: Rows, rows: Rows) -> RequestOutcome:
    user = standing.user_from(standing_rows)
    if user is None or user.role != Role.USER:
        return Unanswered(is_not_allowed=True)
    members = request.read.answer(rows, request)
    return Unanswered() if members is None else RecordedAnswer(200, JSONRenderer().render(members).decode())
