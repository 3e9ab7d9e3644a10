"""Group commit: notices that arrive while a commit is under way share the next one.

The event loop credits one batch at a time over a connection of its own, and does other work while PostgreSQL executes.
A notice without neighbours does not wait: it is a batch of one. Under load the batches grow, and their notices share
the cost of a commit.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, NamedTuple, TypeVar

from django.core.exceptions import SynchronousOnlyOperation
from django.db import DataError, IntegrityError, OperationalError, connection

from payments.ledger import booking
from payments.webhooks import metrics
from payments.webhooks.receiving.batch import credit_steps
from payments.webhooks.receiving.counting import count
from payments.webhooks.receiving.outcomes import Notice, Outcome
from payments.webhooks.receiving.retries import credit, credit_after_failure
from postgres.event_loop_connection import EventLoopConnection, connect
from postgres.pipeline_connection import is_stale_prepared_statement

logger = logging.getLogger("till.webhooks")

#: How many notices may wait in one process. The sender of a further one is asked to send it again.
MAX_WAITING = 2_000
MAX_BATCH = 250
#: Seconds from its arrival after which no batch takes a notice: its sender has been asked to send it again.
DEADLINE_SECONDS = 10.0
#: How many connections with stale plans a batch may meet before it fails. A pool has no more by default.
MAX_STALE_CONNECTIONS = 16
#: Seconds for which metrics may wait, so that those of several batches are added together.
METRICS_SECONDS = 0.01

Token = TypeVar("Token")
Outcomes = Sequence[tuple[Token, Outcome | Exception]]


class QueueFull(Exception):
    """More notices are waiting than can be credited in time; send it again."""

    retry_after = 1


class DeadlinePassed(Exception):
    """The notice waited too long; whether it is credited by now a repeat will tell."""

    retry_after = 1


class _Submission(NamedTuple, Generic[Token]):
    notice: Notice
    token: Token
    deadline: float


class GroupCommitter(Generic[Token]):
    """Credits the notices of a process, batch after batch. Made and called in the process's event loop.

    `deliver` is called once for each batch, after its commit. A batch that fails is repeated in a thread, which may
    wait for a locked wallet or a new connection. The next batch begins when this one has its outcomes.
    """

    def __init__(self, deliver: Callable[[Outcomes[Token]], None]) -> None:
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._queue: list[_Submission[Token]] = []
        self._task: asyncio.Task[None] | None = None
        #: None before `start` or the first batch. Only the committer writes it.
        self.connection: EventLoopConnection | None = None
        self._connecting = asyncio.Lock()
        self._metrics = _PendingMetrics(self._loop)
        #: Only the committer gives it work and shuts it down.
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="till-committer")

    async def start(self) -> None:
        """Connect before the first notice. Raises Django's database errors; then the first batch tries it again."""
        await self._connect()

    def submit(self, notice: Notice, token: Token) -> None:
        """Queue a notice; its outcome is delivered with the token. Raises QueueFull."""
        if len(self._queue) >= MAX_WAITING:
            raise QueueFull
        self._queue.append(_Submission(notice, token, time.monotonic() + DEADLINE_SECONDS))
        if self._task is None:
            self._task = self._loop.create_task(self._run())

    @property
    def waiting(self) -> int:
        """How many notices no batch has taken yet."""
        return len(self._queue)

    async def close(self, timeout: float) -> None:
        """Let the current batch end, and close the connection. Call it when nobody waits for an answer any more."""
        self._queue.clear()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=timeout)
        if self.connection is not None:
            self.connection.close()
        self.thread.shutdown(wait=False)
        self._metrics.add()

    async def _run(self) -> None:
        """Credit batch after batch until the queue is empty."""
        before = 1  # the notice for which this task was made; one turn of the loop has passed
        try:
            while self._queue:
                batch = await self._next_batch(before)
                before = 0
                try:
                    outcomes = await self._outcomes(batch)
                except Exception as error:  # unforeseen; every sender must get an answer
                    outcomes = [(submission.token, error) for submission in batch]
                self._deliver(outcomes)
                self._metrics.measure(batch)
        finally:
            self._task = None

    async def _next_batch(self, before: int) -> list[_Submission[Token]]:
        """Take the waiting notices when a turn of the loop has brought no new one. `before` waited before the turn.

        So notices that arrive at this moment join the batch, and no timer is needed. Fewer batches cost less.
        """
        while before < len(self._queue) < MAX_BATCH:
            before = len(self._queue)
            await asyncio.sleep(0)
        batch = self._queue[:MAX_BATCH]
        del self._queue[:MAX_BATCH]
        return batch

    async def _outcomes(self, batch: list[_Submission[Token]]) -> Outcomes[Token]:
        """Return an outcome for each. An error is one too: the next batch must be credited all the same."""
        now = time.monotonic()
        due = [submission for submission in batch if submission.deadline > now]
        late = [(submission.token, DeadlinePassed()) for submission in batch if submission.deadline <= now]
        outcomes = await self._credit([submission.notice for submission in due]) if due else ()
        return [*late, *zip((submission.token for submission in due), outcomes, strict=True)]

    async def _credit(self, notices: Sequence[Notice]) -> Sequence[Outcome | Exception]:
        try:
            session = await self._connect()
        except Exception as error:  # the answer is 503 when the database is away; the endpoint logs what is unforeseen
            return [error] * len(notices)
        try:
            outcomes = await session.run(credit_steps(notices))
        except Exception as error:
            if not isinstance(error, _HARMLESS):  # such as plans that were discarded: a new session has none
                session.close()
            # Safe to repeat: a batch whose connection was lost, and one that needed a query of Django's, made once.
            repeat = session.is_lost or isinstance(error, SynchronousOnlyOperation)
            failure = None if repeat else error
            return await self._loop.run_in_executor(self.thread, _credit_in_thread, notices, failure)
        self._metrics.count(notices, outcomes)
        return outcomes

    async def _connect(self) -> EventLoopConnection:
        if self.connection is None or self.connection.is_lost:
            async with self._connecting:  # `start` may be under way
                if self.connection is None or self.connection.is_lost:
                    self.connection = EventLoopConnection(await self._loop.run_in_executor(self.thread, connect))
        return self.connection


#: Errors that leave the session as it was.
_HARMLESS = (IntegrityError, DataError, OperationalError, booking.SerializationConflict, SynchronousOnlyOperation)


def _credit_in_thread(notices: Sequence[Notice], failure: Exception | None) -> Sequence[Outcome | Exception]:
    """Credit a batch that the event loop could not, over a connection of Django's.

    `failure` is the error of the first attempt. If it is None, the whole batch is simply tried again.
    After a migration every connection of the pool may have stale plans. Each such connection is closed.
    """
    outcomes: Sequence[Outcome | Exception] = ()
    for _ in range(MAX_STALE_CONNECTIONS):
        try:
            return credit_after_failure(notices, failure) if failure else credit(notices)
        except Exception as error:
            failure, outcomes = None, [error] * len(notices)
            if not is_stale_prepared_statement(error):
                break
        finally:
            connection.close()
    return outcomes


class _PendingMetrics:
    """Figures that are added to the metrics a moment later. Adding them at once takes a twentieth of a notice's time.

    A process that is killed loses the figures of this moment, and those of the current batch.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._notices: list[Notice] = []
        self._outcomes: list[Outcome] = []
        self._sizes: list[int] = []
        self._seconds: list[float] = []

    def count(self, notices: Sequence[Notice], outcomes: Sequence[Outcome]) -> None:
        """Remember what the event loop has credited. Threads count for themselves."""
        self._notices += notices
        self._outcomes += outcomes

    def measure(self, batch: Sequence[_Submission[Any]]) -> None:
        """Remember a batch that has just been answered."""
        if not self._sizes:
            self._loop.call_later(METRICS_SECONDS, self.add)
        arrived = time.monotonic() + DEADLINE_SECONDS
        self._sizes.append(len(batch))
        self._seconds += [arrived - submission.deadline for submission in batch]

    def add(self) -> None:
        """Add everything to the metrics, each value once."""
        try:
            count(self._notices, self._outcomes)
            metrics.batch_size.observe_all(self._sizes)
            metrics.seconds.observe_all(self._seconds)
        except Exception:
            logger.exception("Batches were not measured")
        for values in (self._notices, self._outcomes, self._sizes, self._seconds):
            values.clear()
