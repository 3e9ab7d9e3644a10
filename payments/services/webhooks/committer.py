"""Group commit: notices that arrive while a commit is under way share the next one.

One writer thread, with a connection of its own, credits a batch at a time. Alone, a notice does not wait: a batch of
one. Under load the batches grow, and the cost of a commit is divided among them.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Generic, NamedTuple, TypeVar

from django.db import connection

from payments import metrics
from payments.services.webhooks.crediting import Notice, Outcome, credit

logger = logging.getLogger("till.webhooks")

#: Notices that may wait in one process; beyond it a sender is asked to come back.
MAX_WAITING = 2_000
MAX_BATCH = 250
#: Seconds from arrival after which a notice is no longer started: its sender has been told to come back.
DEADLINE_SECONDS = 10.0

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


class Committer(Generic[Token]):
    """The writer of one process, beside its event loop, in which it is made and called.

    `deliver` is called in the loop, once for each batch, after its commit.
    """

    def __init__(self, deliver: Callable[[Settled[Token]], None]) -> None:
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Job[Token]] = []
        self._is_idle = True
        self._batches: SimpleQueue[list[_Job[Token]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="till-committer", daemon=True)
        self._thread.start()

    def submit(self, notice: Notice, token: Token) -> None:
        """Queue a notice; its outcome is delivered with the token. Raises QueueFull."""
        if len(self._waiting) >= MAX_WAITING:
            raise QueueFull
        self._waiting.append(_Job(notice, token, time.monotonic() + DEADLINE_SECONDS))
        if self._is_idle:
            self._is_idle = False
            self._loop.call_soon(self._gather, 0)

    def close(self, timeout: float) -> None:
        """End the thread after the batch that is under way. For when nobody waits for an answer any more."""
        self._batches.put(None)
        self._thread.join(timeout)

    def _gather(self, before: int) -> None:
        """Hand over what is waiting as soon as a turn of the loop has brought nobody new.

        Whoever is sending at this moment comes along; no time is waited for. Half the batches cost half as much.
        """
        arrived = len(self._waiting)
        if before < arrived < MAX_BATCH:
            self._loop.call_soon(self._gather, arrived)
        else:
            self._batches.put(self._waiting[:MAX_BATCH])
            del self._waiting[:MAX_BATCH]

    def _credited(self, settled: Settled[Token]) -> None:
        try:
            self._deliver(settled)
        finally:
            if self._waiting:
                self._loop.call_soon(self._gather, 0)
            else:
                self._is_idle = True

    def _run(self) -> None:
        while (batch := self._batches.get()) is not None:
            try:
                settled = self._settled(batch)
            except Exception as error:  # unforeseen; the writer must not die of it, nor anybody wait for nothing
                settled = [(job.token, error) for job in batch]
            try:
                self._loop.call_soon_threadsafe(self._credited, settled)
            except RuntimeError:  # the loop is closed: nobody waits any more
                break
            _measure(batch)
        connection.close()

    def _settled(self, batch: list[_Job[Token]]) -> Settled[Token]:
        now = time.monotonic()
        due = [job for job in batch if job.deadline > now]
        late = [(job.token, DeadlinePassed()) for job in batch if job.deadline <= now]
        outcomes = _credit(due) if due else ()
        return [*late, *zip((job.token for job in due), outcomes, strict=True)]


def _credit(batch: Sequence[_Job[Token]]) -> Sequence[Outcome | Exception]:
    """Credit the batch; whatever goes wrong is every notice's outcome, for the writer must not die of it.

    A connection that is closed by now (it broke while nobody used it, or in the middle of a trip) is made anew, once:
    crediting is safe to repeat.
    """
    notices = [job.notice for job in batch]
    kept = connection.connection
    try:
        return credit(notices)
    except Exception as error:  # a lost database is answered 503, the unforeseen is logged by the lane
        is_lost = kept is not None and kept.closed
        connection.close()
        return _credit_again(notices) if is_lost else [error] * len(batch)


def _measure(batch: Sequence[_Job[Token]]) -> None:
    """After the answers, and whatever becomes of it: the writer must not die of a figure."""
    try:
        arrived = time.monotonic() + DEADLINE_SECONDS
        metrics.batch_size.observe(len(batch))
        metrics.seconds.observe_all([arrived - job.deadline for job in batch])
    except Exception:
        logger.exception("A batch was not measured")


def _credit_again(notices: Sequence[Notice]) -> Sequence[Outcome | Exception]:
    try:
        return credit(notices)
    except Exception as error:
        connection.close()
        return [error] * len(notices)
