"""Gives events their positions and deliveries, and serves each endpoint by a task of its own.

One that is slow or dead holds up its own task alone. While nothing succeeds there, it is sent one event at a time.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from django.db import Error
from django.db.models import Exists, OuterRef
from django.utils import timezone

from payments.deliveries import messages, notices_to_staff, queue
from payments.deliveries.attempts import AttemptOutcome
from payments.deliveries.models import EventEndpoint
from payments.deliveries.queue import AttemptResult, Claim
from payments.deliveries.sender import TIMEOUT_SECONDS, EventSender
from payments.events.queries import last_position
from payments.events.relay import sequence
from payments.worker import metrics
from payments.worker.threads import DatabaseThreads

logger = logging.getLogger("till.events")

#: Attempts at one endpoint that are under way together.
AT_ONCE = 16
#: Deliveries that are claimed together where the last ones took less than a second: each claim has its price.
MAX_CLAIMED, SOON_SECONDS = 64, 1.0
#: Until so long after a claim an attempt may begin: the claim must outlast it.
BEGIN_WITHIN_SECONDS = queue.CLAIM_SECONDS - TIMEOUT_SECONDS - 5
NOTE_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Batch:
    endpoint: EventEndpoint
    claims: Sequence[Claim]
    bodies: dict[int, bytes]
    #: By the monotonic clock, before anything was claimed.
    begun: float


class Dispatcher:
    """Belongs to one event loop."""

    def __init__(self, database: DatabaseThreads, sender: EventSender) -> None:
        self._database = database
        self._sender = sender
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._is_stopping = False

    async def look(self) -> bool:
        """Do one round: tell whether there was anything to do. Raises Django's Error when the database is away."""
        has_news, endpoint_ids = await self._database.run(_prepare)
        for endpoint_id in endpoint_ids:
            if endpoint_id not in self._tasks:
                task = asyncio.create_task(self._serve(endpoint_id))
                self._tasks[endpoint_id] = task
                task.add_done_callback(partial(self._forget, endpoint_id))
        return has_news or bool(endpoint_ids)

    async def finish(self, seconds: float) -> None:
        """Claim nothing more, and wait for the attempts that are under way."""
        self._is_stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)

    async def drain(self) -> None:
        """Wait until no endpoint has anything due."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    def _forget(self, endpoint_id: int, _task: asyncio.Task[None]) -> None:
        del self._tasks[endpoint_id]

    async def _serve(self, endpoint_id: int) -> None:
        """Send what is due until nothing is."""
        limit, slots = AT_ONCE, asyncio.Semaphore(AT_ONCE)
        try:
            while not self._is_stopping and (batch := await self._database.run(_claim, endpoint_id, limit)):
                results = await asyncio.gather(*(self._attempt(batch, claim, slots) for claim in batch.claims))
                limit = MAX_CLAIMED if time.monotonic() - batch.begun < SOON_SECONDS else AT_ONCE
                await self._note(endpoint_id, [result for result in results if result], batch.begun)
        except Error:  # the round notices it too, and says so
            pass
        except Exception:
            logger.exception("endpoint %s could not be served", endpoint_id)

    async def _attempt(self, batch: Batch, claim: Claim, slots: asyncio.Semaphore) -> AttemptResult | None:
        """Send one event, unless so much time passed that somebody else may have it soon."""
        async with slots:
            is_late = time.monotonic() - batch.begun > BEGIN_WITHIN_SECONDS
            return None if is_late else await self._send(batch, claim)

    async def _send(self, batch: Batch, claim: Claim) -> AttemptResult:
        body = batch.bodies.get(claim.delivery.pk)
        if body is None or not batch.endpoint.secret:
            error = "The event is not there." if body is None else "No key decrypts the endpoint's secret."
            return AttemptResult(claim, AttemptOutcome(0.0, error=error))
        headers = messages.signed_headers(batch.endpoint, claim.delivery.message_id, body, now=timezone.now())
        outcome = await self._sender.post(batch.endpoint.url, headers, body)
        metrics.attempts.labels("delivered" if outcome.is_success else "failed").inc()
        metrics.attempt_seconds.observe(outcome.seconds)
        return AttemptResult(claim, outcome)

    async def _note(self, endpoint_id: int, results: Sequence[AttemptResult], begun: float) -> None:
        """Write down what became of them; again for a while if the database is away. Then their claims run out."""
        while results:
            try:
                await self._database.run(_note, endpoint_id, results)
            except Error:
                if time.monotonic() - begun > queue.CLAIM_SECONDS:
                    raise
                await asyncio.sleep(NOTE_PAUSE_SECONDS)
            else:
                return


def _prepare() -> tuple[bool, list[int]]:
    has_news = sequence() > 0
    for endpoint_id in queue.behind(last_position()):
        has_news |= queue.fill(endpoint_id)
    waiting = queue.due().filter(endpoint=OuterRef("pk"))
    due = EventEndpoint.objects.filter(Exists(waiting), is_active=True)
    return has_news, list(due.values_list("pk", flat=True))


def _claim(endpoint_id: int, limit: int) -> Batch | None:
    begun = time.monotonic()
    endpoint = EventEndpoint.objects.filter(pk=endpoint_id, is_active=True).first()
    if endpoint is None:
        return None
    claims = queue.claim(endpoint_id, 1 if endpoint.failing_since else limit)
    bodies = messages.bodies_of([claim.delivery for claim in claims])
    return Batch(endpoint, claims, bodies, begun) if claims else None


def _note(endpoint_id: int, results: Sequence[AttemptResult]) -> None:
    if reason := queue.note(endpoint_id, results):
        notices_to_staff.endpoint_was_disabled(endpoint_id, reason)
