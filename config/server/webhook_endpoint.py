"""The webhook endpoint: webhooks answered by the event loop itself, without Django's request cycle.

It gives the same answers as payments.webhooks.views.webhooks. The loop reads and verifies a notice. The process's one
GroupCommitter credits it together with its neighbours, and the answer follows their commit. The loop never waits for a
query: when a signature fails or the providers in memory are old, a thread looks at the database.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Protocol, TypeVar

from django.conf import settings
from django.db import connection

from config.problems import ProblemResponse, problem_response, response_for
from config.problems.problem_types import INTERNAL_ERROR
from config.server import webhook_activity
from payments.webhooks import addresses, receiving
from payments.webhooks.serializers.notices import answer

logger = logging.getLogger("till.webhooks")

#: Seconds for a notice to be queued, credited and committed before its sender is asked to send it again.
ANSWER_SECONDS = 15.0
#: Seconds before providers that could not be read anew are tried again.
RENEWAL_PAUSE_SECONDS = 5.0
#: How many notices at a time may have their signatures checked against the database.
THREADS = 2

Result = TypeVar("Result")
OutcomeOrError = receiving.Outcome | Exception
EndpointAnswer = bytes | ProblemResponse
#: Hears the outcome of a notice, on the event loop.
Listener = Callable[[OutcomeOrError], None]


class Sender(Protocol):
    """A listener that says whether it still waits."""

    response_complete: bool

    def __call__(self, outcome: OutcomeOrError) -> None: ...


@cache
def get_endpoint() -> "WebhookEndpoint":
    """Return this worker's endpoint, made at its start or by its first webhook."""
    return WebhookEndpoint()


def address(method: str, path: str) -> tuple[str, str] | None:
    """Return the provider's slug and the form of its notices; None: Django answers this address."""
    if method != "POST" or not settings.TILL_WEBHOOK_FAST_PATH:
        return None
    return addresses.slug_and_form(path)


class WebhookEndpoint:
    """Answers a worker's webhooks. It is made inside of the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._committer: receiving.GroupCommitter[Listener] = receiving.GroupCommitter(self._notify)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="till-webhooks")
        self._unanswered: deque[tuple[float, Sender]] = deque()
        self._sweeping = False
        self._renewal: asyncio.Task[None] | None = None
        self._renewal_paused_until = 0.0

    async def start(self) -> None:
        """Connect, so that the first notice does not wait for it. Raises the database's errors."""
        await self._committer.start()

    def submit(self, notice: receiving.Notice, sender: Sender) -> bool:
        """Queue a notice. Its sender gets the outcome, or DeadlinePassed after ANSWER_SECONDS. False: queue full."""
        try:
            self._committer.submit(notice, sender)
        except receiving.QueueFull:
            return False
        self._unanswered.append((self._loop.time() + ANSWER_SECONDS, sender))
        if not self._sweeping:
            self._sweep()
        return True

    def _sweep(self) -> None:
        """Look at all deadlines once a second. A timer for each notice would cost as much as reading it."""
        if self._unanswered:
            self._renew_providers()
        now = self._loop.time()
        while self._unanswered and self._unanswered[0][0] <= now:
            self._notify([(self._unanswered.popleft()[1], receiving.DeadlinePassed())])
        self._sweeping = bool(self._unanswered)
        if self._sweeping:
            self._loop.call_later(1, self._sweep)

    def _renew_providers(self) -> None:
        """Have them read before they are too old for the event loop: else the notices of that moment need a thread."""
        is_under_way = self._renewal is not None and not self._renewal.done()
        if receiving.provider_cache.is_due() and not is_under_way and self._loop.time() >= self._renewal_paused_until:
            self._renewal = self._loop.create_task(self._in_thread(receiving.provider_cache.renew))
            self._renewal.add_done_callback(self._note_failed_renewal)

    def _note_failed_renewal(self, renewal: "asyncio.Task[None]") -> None:
        """Pause. Meanwhile the copy grows too old, and the next notice asks by itself."""
        error = None if renewal.cancelled() else renewal.exception()
        if error is not None:
            self._renewal_paused_until = self._loop.time() + RENEWAL_PAUSE_SECONDS
            logger.warning("The providers were not read anew", exc_info=error)

    def _notify(self, outcomes: receiving.Outcomes[Listener]) -> None:
        webhook_activity.note()
        for listener, outcome in outcomes:
            try:
                listener(outcome)
            except Exception:  # a listener that fails must not keep the others waiting
                logger.exception("A webhook was not answered")
        while self._unanswered and self._unanswered[0][1].response_complete:
            self._unanswered.popleft()

    async def answer(self, slug: str, form: str, headers: Mapping[str, str], body: bytes) -> EndpointAnswer:
        """Return the body of a success, which is durable by then, or the problem. `headers` have lower-case names."""
        try:
            return answer_to(await self._receive(slug, form, headers, body))
        except Exception as error:
            return answer_to(error)

    async def close(self, timeout: float) -> None:
        """Close the connection and end the threads, once everybody has been answered."""
        await self._committer.close(timeout)
        self._threads.shutdown(wait=False)

    async def _receive(
        self, slug: str, form: str, headers: Mapping[str, str], body: bytes
    ) -> receiving.Credited | receiving.Ignored:
        def authenticate() -> receiving.Notice | receiving.Ignored:
            return receiving.authenticate(slug=slug, headers=headers, body=body, form=form)

        def authenticate_anew() -> receiving.Notice | receiving.Ignored:
            receiving.provider_cache.invalidate()  # here, because it waits for whoever reads them now
            return authenticate()

        notice: receiving.Notice | receiving.Ignored | None
        notice = receiving.authenticate_from_memory(slug=slug, headers=headers, body=body, form=form)
        if notice is None:
            notice = await self._in_thread(authenticate)
        if isinstance(notice, receiving.Notice):
            outcome = await self._commit(notice)
            if not isinstance(outcome, receiving.ProviderChanged):
                return receiving.result(outcome)
            notice = await self._in_thread(authenticate_anew)
        if isinstance(notice, receiving.Notice):
            return receiving.result(await self._commit(notice))
        return receiving.count_ignored(notice)

    async def _commit(self, notice: receiving.Notice) -> OutcomeOrError:
        future: asyncio.Future[OutcomeOrError] = self._loop.create_future()
        self._committer.submit(notice, lambda outcome: None if future.done() else future.set_result(outcome))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await future
        except TimeoutError:
            raise receiving.DeadlinePassed from None

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        def run() -> Result:
            try:
                return work()
            finally:
                connection.close()

        return await self._loop.run_in_executor(self._threads, run)


def reply_to(outcome: OutcomeOrError) -> EndpointAnswer | None:
    """Return the answer. None: the provider has changed, and the endpoint's `answer` must judge the notice anew."""
    return None if isinstance(outcome, receiving.ProviderChanged) else answer_to(outcome)


def answer_to(outcome: OutcomeOrError | receiving.Ignored) -> EndpointAnswer:
    """Return the body of a success, or the problem."""
    if isinstance(outcome, (receiving.Credited, receiving.Ignored)):
        return json.dumps(answer(outcome)).encode()
    try:
        receiving.result(outcome)
    except Exception as error:
        response = response_for(error)
        if response is None:
            logger.error("A webhook failed", exc_info=error)
            response = problem_response(INTERNAL_ERROR)
        return response
    raise AssertionError("an outcome that is neither credited, ignored nor refused")
