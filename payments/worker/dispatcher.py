"""Gives events their positions and deliveries, and serves each endpoint by a task of its own.

One that is slow or dead holds up its own task alone. While nothing succeeds there, it is sent one event at a time.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from django.db import Error, InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from payments.deliveries import first_attempts, messages, notices_to_staff, queue
from payments.deliveries.attempts import AttemptOutcome
from payments.deliveries.first_attempts import TakenEvents
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
#: As many are sent before the results are written down, where the last ones took less than a second.
#: Each batch has its price: about a millisecond of PostgreSQL.
MAX_CLAIMED, MAX_TAKEN, SOON_SECONDS = 64, 256, 1.0
#: Until so long after a claim an attempt may begin: the claim must outlast it.
BEGIN_WITHIN_SECONDS = queue.CLAIM_SECONDS - TIMEOUT_SECONDS - 5
NOTE_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Batch:
    endpoint: EventEndpoint
    claims: Sequence[Claim]
    bodies: dict[str, bytes]
    #: By the monotonic clock, before anything was claimed.
    begun: float
    #: If these are first attempts.
    taken: TakenEvents | None


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
        is_quick, slots = False, asyncio.Semaphore(AT_ONCE)
        try:
            while not self._is_stopping and (batch := await self._database.run(_next_batch, endpoint_id, is_quick)):
                results = await asyncio.gather(*(self._attempt(batch, claim, slots) for claim in batch.claims))
                is_quick = time.monotonic() - batch.begun < SOON_SECONDS
                await self._note(batch, [result for result in results if result])
        except (OperationalError, InterfaceError) as error:  # the round notices a lost database too, and says so
            logger.debug("endpoint %s waits: %s", endpoint_id, error)
        except Exception:
            logger.exception("endpoint %s could not be served", endpoint_id)

    async def _attempt(self, batch: Batch, claim: Claim, slots: asyncio.Semaphore) -> AttemptResult | None:
        """Send one event, unless so much time passed that somebody else may have it soon.

        New events that the end of the worker comes before are left to others.
        """
        async with slots:
            is_late = time.monotonic() - batch.begun > BEGIN_WITHIN_SECONDS or (self._is_stopping and batch.taken)
            return None if is_late else await self._send(batch, claim)

    async def _send(self, batch: Batch, claim: Claim) -> AttemptResult:
        body = batch.bodies.get(claim.delivery.message_id)
        if body is None or not batch.endpoint.secret:
            error = "The event is not there." if body is None else "No key decrypts the endpoint's secret."
            return AttemptResult(claim, AttemptOutcome(0.0, error=error))
        headers = messages.signed_headers(batch.endpoint, claim.delivery.message_id, body, now=timezone.now())
        outcome = await self._sender.post(batch.endpoint.url, headers, body)
        metrics.attempts.labels("delivered" if outcome.is_success else "failed").inc()
        metrics.attempt_seconds.observe(outcome.seconds)
        return AttemptResult(claim, outcome)

    async def _note(self, batch: Batch, results: Sequence[AttemptResult]) -> None:
        """Write down what became of them; again for a while if the database is away. Then their claims run out."""
        while results or batch.taken:
            try:
                await self._database.run(_note, batch, results)
            except Error:
                if time.monotonic() - batch.begun > queue.CLAIM_SECONDS:
                    raise
                await asyncio.sleep(NOTE_PAUSE_SECONDS)
            else:
                return


def _prepare() -> tuple[bool, list[int]]:
    has_news = sequence() > 0
    first_attempts.lapse()
    newest = last_position()
    waiting = queue.due().filter(endpoint=OuterRef("pk"))
    endpoints = EventEndpoint.objects.filter(is_active=True).annotate(is_due=Exists(waiting))
    due = []
    for endpoint in endpoints.order_by("pk"):
        has_new = endpoint.position < newest and (not endpoint.failing_since or queue.fill(endpoint.pk))
        if has_new or endpoint.is_due:
            due.append(endpoint.pk)
    return has_news, due


def _next_batch(endpoint_id: int, is_quick: bool) -> Batch | None:
    """Claim what is due. If nothing is, take new events; while nothing succeeds they wait in the table instead."""
    begun = time.monotonic()
    endpoint = EventEndpoint.objects.filter(pk=endpoint_id, is_active=True).first()
    if endpoint is None:
        return None
    if claims := queue.claim(endpoint_id, 1 if endpoint.failing_since else MAX_CLAIMED if is_quick else AT_ONCE):
        return Batch(endpoint, claims, messages.bodies_of([claim.delivery for claim in claims]), begun, None)
    if endpoint.failing_since:
        return None
    if taken := first_attempts.take(endpoint_id, MAX_TAKEN if is_quick else AT_ONCE):
        bodies = messages.bodies_of([claim.delivery for claim in taken.claims], taken.known)
        return Batch(endpoint, taken.claims, bodies, begun, taken)
    return None


@transaction.atomic
def _note(batch: Batch, results: Sequence[AttemptResult]) -> None:
    endpoint_id = batch.endpoint.pk
    taken = batch.taken
    reason = first_attempts.note(endpoint_id, taken, results) if taken else queue.note(endpoint_id, results)
    if reason:
        notices_to_staff.endpoint_was_disabled(endpoint_id, reason)  # with it or not at all: nobody finds it again
