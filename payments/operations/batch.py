"""A batch of requests in one atomic block: two pipelines, however many requests there are; three with settlements.

A refused request leaves no trace and does not disturb its neighbours. If the block fails, all of it is as if it had
never been, and each request goes to its view.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rest_framework.exceptions import Throttled
from rest_framework.renderers import JSONRenderer

from accounts import counters, rate_limits, standing
from accounts.models import User
from api.languages import ENGLISH, speaking
from payments.idempotency import claims as idempotency
from payments.idempotency.service import KEPT_REFUSALS, IdempotencyKeyReused, RecordedAnswer
from payments.operations.plan import Questions, UnitOfWork, find_steps
from payments.operations.requests import PATIENCE, MoneyRequest, Refusal, Refuse, RequestOutcome, Unanswered
from postgres.pipeline import Pipeline, PipelineSteps

logger = logging.getLogger("till.requests")

#: 403: the view notes it in the security log.
_FOR_THE_VIEW: Final = {403, 500}


def request_steps(requests: Sequence[MoneyRequest], refuse: Refuse) -> PipelineSteps[list[RequestOutcome]]:
    """Answer the requests, each exactly once, durable at the end. No two of them have the same user and key."""
    return (yield from _RequestBatch(requests, refuse).steps())


@dataclass(slots=True)
class _RequestBatch:
    requests: Sequence[MoneyRequest]
    refuse: Refuse
    #: The answers to `standing`, for each request.
    _standings: list[Any] = field(default_factory=list)
    _counts: dict[tuple[str, int], counters.Count] = field(default_factory=dict)
    _hits: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    _claimed: set[idempotency.UserKey] = field(default_factory=set)
    #: Fingerprints and answers of the keys that were taken before.
    _known: dict[idempotency.UserKey, tuple[str, RecordedAnswer]] = field(default_factory=dict)

    def steps(self) -> PipelineSteps[list[RequestOutcome]]:
        yield from find_steps([request.plan for request in self.requests])
        first = Pipeline()
        first.execute(PATIENCE)
        read_counts = self._queue_count(first)
        keys = {key: request.fingerprint for request in self.requests if (key := request.user_key)}
        read_claims = idempotency.queue_claim(keys, first)
        questions = Questions()
        for request in self.requests:
            self._standings.append(standing.ask_standing(questions, request.claims))
            request.plan.ask(questions)
        read_work = questions.queue(first, transactions=len(self.requests))
        yield first
        self._counts = read_counts()
        self._claimed, self._known = read_claims()
        work = read_work()
        outcomes = [
            self._spoken_outcome(request, rows, work)
            for request, rows in zip(self.requests, self._standings, strict=True)
        ]
        last = Pipeline(commit=True)
        self._queue_write(work, outcomes, last)
        yield last
        return outcomes

    def _queue_count(self, pipeline: Pipeline) -> Any:
        """Queue the counting of all requests, by user. They stay counted, even if they are refused."""
        for request in self.requests:
            self._hits[request.throttle_scope, request.operation.role.value, request.claims.user_id] += 1
        hits = [
            counters.Hits(scope, role, user_id, number, rate_limits.parsed_rate(scope)[1])
            for (scope, role, user_id), number in self._hits.items()
        ]
        return counters.queue_count_hits(hits, pipeline)

    def _spoken_outcome(self, request: MoneyRequest, standing_rows: Any, work: UnitOfWork) -> RequestOutcome:
        """Decide in the request's language: a refusal has a text."""
        if request.language == ENGLISH:
            return self._outcome(request, standing_rows, work)
        with speaking(request.language):
            return self._outcome(request, standing_rows, work)

    def _outcome(self, request: MoneyRequest, standing_rows: Any, work: UnitOfWork) -> RequestOutcome:
        user = standing.user_from(standing_rows)
        if user is None or user.role != request.operation.role:
            return Unanswered(is_not_allowed=True)
        if request.user_key is not None and request.user_key not in (self._claimed | self._known.keys()):
            return Unanswered()  # the key's old answer was pruned in this moment
        try:
            self._refuse_too_many(request)
            return self._known_answer(request) or self._decide(request, user, work)
        except Exception as error:
            return self._refused(request, error)

    def _refuse_too_many(self, request: MoneyRequest) -> None:
        """Raise Throttled for the last of a user's requests if there are more than the rate allows."""
        scope, user_id = request.throttle_scope, request.claims.user_id
        count, key = self._counts[scope, user_id], (scope, request.operation.role.value, user_id)
        self._hits[key] -= 1
        if count.hits - self._hits[key] > rate_limits.parsed_rate(scope)[0]:
            raise Throttled(wait=rate_limits.remember_refused(scope, user_id, seconds_left=float(count.seconds_left)))

    def _known_answer(self, request: MoneyRequest) -> RecordedAnswer | None:
        """Return the stored answer, if the key has one. Raises IdempotencyKeyReused."""
        known = self._known.get(request.user_key) if request.user_key else None
        if known is None:
            return None
        fingerprint, answer = known
        if fingerprint != request.fingerprint:
            raise IdempotencyKeyReused
        return answer

    def _decide(self, request: MoneyRequest, user: User, work: UnitOfWork) -> RecordedAnswer:
        with work.all_or_nothing():
            members = request.operation.answer(user, request.plan.decide(work))
        return RecordedAnswer(request.operation.status, JSONRenderer().render(members).decode())

    def _refused(self, request: MoneyRequest, error: Exception) -> RequestOutcome:
        response = self.refuse(error)
        if response is None or response.status_code in _FOR_THE_VIEW:
            if response is None:
                logger.info("The view decides what the event loop could not: %r", error)
            return Unanswered()
        is_kept = response.status_code in KEPT_REFUSALS and request.user_key is not None
        if is_kept and request.user_key not in self._known:
            return RecordedAnswer(response.status_code, response.content.decode())
        return Refusal(response)

    def _queue_write(self, work: UnitOfWork, outcomes: Sequence[RequestOutcome], pipeline: Pipeline) -> None:
        work.queue_write(pipeline)
        claimed = [
            (request.user_key, outcome)
            for request, outcome in zip(self.requests, outcomes, strict=True)
            if request.user_key is not None and request.user_key in self._claimed
        ]
        answered = [(key, outcome) for key, outcome in claimed if isinstance(outcome, RecordedAnswer)]
        idempotency.queue_store(answered, pipeline)
        idempotency.queue_give_back(
            (key for key, outcome in claimed if not isinstance(outcome, RecordedAnswer)), pipeline
        )
        self._queue_take_back(outcomes, pipeline)
        own = Counter((request.throttle_scope, request.claims.user_id) for request in self.requests)
        if any(count.hits == own[key] for key, count in self._counts.items()):  # a window has begun with them
            counters.queue_clean(pipeline)

    def _queue_take_back(self, outcomes: Sequence[RequestOutcome], pipeline: Pipeline) -> None:
        """Queue that the requests that go to their views are not counted here: the views count them."""
        unanswered = [
            (request.throttle_scope, request.claims.user_id)
            for request, outcome in zip(self.requests, outcomes, strict=True)
            if isinstance(outcome, Unanswered)
        ]
        counters.queue_take_back(Counter(hit for hit in unanswered if hit in self._counts), pipeline)
