"""Requests that wait together are run as one batch, over a connection that the event loop watches.

While PostgreSQL works on a batch, the next one gathers. A request without neighbours does not wait.
"""

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

from django.db import OperationalError

from postgres.event_loop_connection import EventLoopConnection, connect
from postgres.pipeline import PipelineSteps

logger = logging.getLogger("till.requests")

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

#: How many items may wait, and how many of one client.
MAX_WAITING = 1_000
MAX_OF_ONE_CLIENT = 250
MAX_BATCH = 40
#: Seconds after which an item that waits gets no more turn: it fails.
MAX_WAIT_SECONDS = 5.0
SWEEP_SECONDS = 1.0
#: Seconds after which a batch is given up, and its connection with it.
MAX_BATCH_SECONDS = 10.0
#: The longest rest between two batches that make room, in seconds.
MAX_REST_SECONDS = 0.01
#: Seconds to wait before a connection is tried again that could not be made.
PAUSE_SECONDS = 0.5


class _Waiting(NamedTuple, Generic[Item, Outcome]):
    item: Item
    deliver: "Callable[[Outcome | None], None]"
    deadline: float


class BatchRunner(Generic[Item, Outcome]):
    """Runs the items of a process, batch after batch, in the running event loop. Clients take turns.

    `steps` makes a batch's steps. All of a batch is done, or nothing: then each item gets None, and its sender has to
    find another way. Two items with the same `unique` key (None: no key) are never in one batch.

    While `makes_room` says so, the runner rests after each batch of several, for as long as that took and at most
    MAX_REST_SECONDS. What arrives meanwhile waits.
    """

    def __init__(
        self,
        steps: Callable[[Sequence[Item]], PipelineSteps[Sequence[Outcome]]],
        *,
        unique: Callable[[Item], Hashable | None] = lambda _: None,
        makes_room: Callable[[], bool] = lambda: False,
    ) -> None:
        self._steps = steps
        self._unique = unique
        self._makes_room = makes_room
        self._loop = asyncio.get_running_loop()
        #: What waits, by client, in the order in which clients get their turns.
        self._queues: OrderedDict[Hashable, deque[_Waiting[Item, Outcome]]] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._paused_until = 0.0
        #: Only the runner writes the next two.
        self.waiting = 0
        self.connection: EventLoopConnection | None = None
        self._connecting = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="till-batches")

    async def start(self) -> None:
        """Connect before the first item. Raises Django's database errors; then the first batch tries it again."""
        await self._connect()

    def submit(self, client: Hashable, item: Item, deliver: "Callable[[Outcome | None], None]") -> bool:
        """Queue an item. `deliver` gets its outcome on the event loop. False: too many wait, or nothing connects."""
        queue = self._queues.get(client)
        is_full = self.waiting >= MAX_WAITING or (queue is not None and len(queue) >= MAX_OF_ONE_CLIENT)
        if is_full or self._loop.time() < self._paused_until:
            return False
        if queue is None:
            queue = self._queues[client] = deque()
        queue.append(_Waiting(item, deliver, time.monotonic() + MAX_WAIT_SECONDS))
        self.waiting += 1
        if self._task is None:
            self._task = self._loop.create_task(self._run())
        if self._sweep_timer is None:
            self._sweep_timer = self._loop.call_later(SWEEP_SECONDS, self._sweep)
        return True

    def _sweep(self) -> None:
        """Fail what has waited for too long, while a batch is under way."""
        now = time.monotonic()
        for client, queue in [*self._queues.items()]:
            while queue and queue[0].deadline <= now:
                self.waiting -= 1
                self._deliver(queue.popleft(), None)
            if not queue:
                del self._queues[client]
        self._sweep_timer = self._loop.call_later(SWEEP_SECONDS, self._sweep) if self.waiting else None

    async def close(self, timeout: float) -> None:
        """Let the current batch end, and close the connection. What still waits fails."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=timeout)
        if self.connection is not None:
            self.connection.close()
        self._thread.shutdown(wait=False)

    async def _run(self) -> None:
        before = 1  # the item for which this task was made; one turn of the loop has passed
        try:
            while self.waiting:
                while before < self.waiting < MAX_BATCH:  # what arrives at this moment joins the batch
                    before = self.waiting
                    await asyncio.sleep(0)
                before = 0
                began_at = time.monotonic()
                batch = self._next_batch()
                outcomes = await self._outcomes([waiting.item for waiting in batch]) if batch else ()
                for waiting, outcome in zip(batch, outcomes, strict=True):
                    self._deliver(waiting, outcome)
                if len(batch) > 1 and self._makes_room():
                    await asyncio.sleep(min(time.monotonic() - began_at, MAX_REST_SECONDS))
        finally:
            self._task = None

    def _next_batch(self) -> list[_Waiting[Item, Outcome]]:
        """Take one item of each client in turn. One that waited for too long fails, one with a taken key stays."""
        batch: list[_Waiting[Item, Outcome]] = []
        taken: set[Hashable] = set()
        postponed: set[Hashable] = set()
        now = time.monotonic()
        while len(batch) < MAX_BATCH and len(postponed) < len(self._queues):
            client, queue = next(each for each in self._queues.items() if each[0] not in postponed)
            self._queues.move_to_end(client)
            key = self._unique(queue[0].item)
            if key is not None and key in taken:
                postponed.add(client)
                continue
            waiting = queue.popleft()
            self.waiting -= 1
            if not queue:
                del self._queues[client]
            if waiting.deadline <= now:
                self._deliver(waiting, None)
                continue
            if key is not None:
                taken.add(key)
            batch.append(waiting)
        return batch

    def _deliver(self, waiting: _Waiting[Item, Outcome], outcome: Outcome | None) -> None:
        try:
            waiting.deliver(outcome)
        except Exception:  # a sender that fails must not keep the others waiting
            logger.exception("A request was not answered")

    async def _outcomes(self, items: Sequence[Item]) -> Sequence[Outcome | None]:
        try:
            async with asyncio.timeout(MAX_BATCH_SECONDS):
                session = await self._connect()
                outcomes = await session.run(self._steps(items))
            return [outcome for _, outcome in zip(items, outcomes, strict=True)]
        except Exception as error:  # whatever it is, each item has another way
            logger.info("A batch of %s is taken apart: %r", len(items), error)
            return [None] * len(items)

    async def _connect(self) -> EventLoopConnection:
        if self.connection is None or self.connection.is_lost:
            async with self._connecting:  # `start` may be under way
                if self.connection is None or self.connection.is_lost:
                    self.connection = await self._new_connection()
        return self.connection

    async def _new_connection(self) -> EventLoopConnection:
        if self._loop.time() < self._paused_until:
            raise OperationalError("the database was away a moment ago")
        try:
            return EventLoopConnection(await self._loop.run_in_executor(self._thread, connect))
        except Exception:
            self._paused_until = self._loop.time() + PAUSE_SECONDS
            raise
