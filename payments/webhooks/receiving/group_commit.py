"""Group commit: notices that arrive while a commit is under way share the next one.

The event loop credits a batch at a time, over a session of its own, and does not wait for PostgreSQL meanwhile. Alone,
a notice does not wait: a batch of one. Under load the batches grow, and the cost of a commit is divided among them.
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

#: Notices that may wait in one process; beyond it a sender is asked to come back.
MAX_WAITING = 2_000
MAX_BATCH = 250
#: Seconds from arrival after which a notice is no longer started: its sender has been told to come back.
DEADLINE_SECONDS = 10.0
#: Connections with stale plans that a batch may meet before it is given up: as many as a pool has by default, or more.
MAX_STALE = 16
#: Seconds for which figures may wait: those of several batches are added at once, while PostgreSQL is at work.
FIGURES_SECONDS = 0.01

Token = TypeVar("Token")
Settled = Sequence[tuple[Token, Outcome | Exception]]


class QueueFull(Exception):
    """More notices are waiting than can be credited in time; send it again."""

    retry_after = 1


class DeadlinePassed(Exception):
    """The notice waited too long; whether it is credited by now a repeat will tell."""

    retry_after = 1


class _Job(NamedTuple, Generic[Token]):
    notice: Notice
    token: Token
    deadline: float


class GroupCommitter(Generic[Token]):
    """The one writer of a process, in its event loop, in which it is made and called.

    `deliver` is called once for each batch, after its commit. What goes wrong with a batch (a notice that fails it, a
    wallet that somebody holds, a lost connection) is mended by a thread, which may wait, as the view of the same
    addresses would; the next batch begins when this one is settled.
    """

    def __init__(self, deliver: Callable[[Settled[Token]], None]) -> None:
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Job[Token]] = []
        self._writing: asyncio.Task[None] | None = None
        self._session: EventLoopConnection | None = None
        self._figures = _Figures(self._loop)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="till-committer")

    def submit(self, notice: Notice, token: Token) -> None:
        """Queue a notice; its outcome is delivered with the token. Raises QueueFull."""
        if len(self._waiting) >= MAX_WAITING:
            raise QueueFull
        self._waiting.append(_Job(notice, token, time.monotonic() + DEADLINE_SECONDS))
        if self._writing is None:
            self._writing = self._loop.create_task(self._write())

    async def close(self, timeout: float) -> None:
        """Let the batch that is under way end, and hang up. For when nobody waits for an answer any more."""
        self._waiting.clear()
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=timeout)
        if self._session is not None:
            self._session.close()
        self._thread.shutdown(wait=False)
        self._figures.add()

    async def _write(self) -> None:
        """Batch after batch, until nobody waits."""
        before = 1  # for whom this was begun; one turn of the loop has passed
        try:
            while self._waiting:
                batch = await self._gathered(before)
                before = 0
                try:
                    settled = await self._settled(batch)
                except Exception as error:  # unforeseen; nobody must wait for nothing, nor the others for him
                    settled = [(job.token, error) for job in batch]
                self._deliver(settled)
                self._figures.measure(batch)
        finally:
            self._writing = None

    async def _gathered(self, before: int) -> list[_Job[Token]]:
        """Take what is waiting as soon as a turn of the loop has brought nobody new; so many waited `before` it.

        Whoever is sending at this moment comes along; no time is waited for. Half the batches cost half as much.
        """
        while before < len(self._waiting) < MAX_BATCH:
            before = len(self._waiting)
            await asyncio.sleep(0)
        batch = self._waiting[:MAX_BATCH]
        del self._waiting[:MAX_BATCH]
        return batch

    async def _settled(self, batch: list[_Job[Token]]) -> Settled[Token]:
        """Return an outcome for each; whatever goes wrong is one, for the writer must not die of it."""
        now = time.monotonic()
        due = [job for job in batch if job.deadline > now]
        late = [(job.token, DeadlinePassed()) for job in batch if job.deadline <= now]
        outcomes = await self._credited([job.notice for job in due]) if due else ()
        return [*late, *zip((job.token for job in due), outcomes, strict=True)]

    async def _credited(self, notices: Sequence[Notice]) -> Sequence[Outcome | Exception]:
        try:
            session = await self._connected()
        except Exception as error:  # a database that is away is answered 503, the unforeseen is logged by the lane
            return [error] * len(notices)
        try:
            outcomes = await session.run(credit_steps(notices))
        except Exception as error:
            if not isinstance(error, _FORESEEN):  # such as plans that somebody has discarded: a new session has none
                session.close()
            # Safe to repeat what was lost on its way, and what only needs something that is read once.
            again = session.is_lost or isinstance(error, SynchronousOnlyOperation)
            return await self._loop.run_in_executor(self._thread, _mended, notices, None if again else error)
        self._figures.count(notices, outcomes)
        return outcomes

    async def _connected(self) -> EventLoopConnection:
        if self._session is None or self._session.is_lost:
            self._session = EventLoopConnection(await self._loop.run_in_executor(self._thread, connect))
        return self._session


#: What leaves a session as good as it was.
_FORESEEN = (IntegrityError, DataError, OperationalError, booking.SerializationConflict, SynchronousOnlyOperation)


def _mended(notices: Sequence[Notice], failure: Exception | None) -> Sequence[Outcome | Exception]:
    """In a thread: credit what the event loop could not, over a connection of Django's.

    After a migration every connection of the pool may have stale plans, and is closed when it shows.
    """
    outcomes: Sequence[Outcome | Exception] = ()
    for _ in range(MAX_STALE):
        try:
            return credit_after_failure(notices, failure) if failure else credit(notices)
        except Exception as error:
            failure, outcomes = None, [error] * len(notices)
            if not is_stale_prepared_statement(error):
                break
        finally:
            connection.close()
    return outcomes


class _Figures:
    """What is to be added to the metrics a moment later: right away would cost a notice alone a twentieth of its time.

    A process that is killed loses the figures of that moment, as it does those of the batch that is under way.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._notices: list[Notice] = []
        self._outcomes: list[Outcome] = []
        self._sizes: list[int] = []
        self._seconds: list[float] = []

    def count(self, notices: Sequence[Notice], outcomes: Sequence[Outcome]) -> None:
        """Note what the event loop has credited; threads count for themselves."""
        self._notices += notices
        self._outcomes += outcomes

    def measure(self, batch: Sequence[_Job[Any]]) -> None:
        """Note a batch that has just been answered."""
        if not self._sizes:
            self._loop.call_later(FIGURES_SECONDS, self.add)
        arrived = time.monotonic() + DEADLINE_SECONDS
        self._sizes.append(len(batch))
        self._seconds += [arrived - job.deadline for job in batch]

    def add(self) -> None:
        """Add what was noted, each once."""
        try:
            count(self._notices, self._outcomes)
            metrics.batch_size.observe_all(self._sizes)
            metrics.seconds.observe_all(self._seconds)
        except Exception:
            logger.exception("Batches were not measured")
        for added in (self._notices, self._outcomes, self._sizes, self._seconds):
            added.clear()
