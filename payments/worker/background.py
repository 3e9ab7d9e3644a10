"""The process of `manage.py worker`: its loops, its signals, and how it outlives a lost database."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import Error, connections

from accounts.services import mail_sender
from payments.deliveries import queue
from payments.deliveries.sender import EventSender
from payments.worker import heartbeat, metrics, timers
from payments.worker.dispatcher import Dispatcher
from payments.worker.threads import DatabaseThreads

logger = logging.getLogger("till.worker")

#: Seconds between two rounds.
BUSY_PAUSE, IDLE_PAUSE, MAX_PAUSE = 0.2, 0.5, 5.0
TIMER_PAUSE, GAUGE_PAUSE = 5.0, 15.0
DATABASE_THREADS = 4
#: An attempt under way may end, and its result be written down.
FINISH_SECONDS = 12.0
#: A mail under way may be sent.
MAIL_SECONDS = 3.0


class BackgroundWorker:
    def __init__(self, *, heartbeat_file: Path | None = None, parent: int | None = None) -> None:
        """With a `parent`, it ends as soon as that process has ended."""
        self._heartbeat_file = heartbeat_file
        self._parent = parent
        self._stopped = asyncio.Event()
        self._timers_stopped = threading.Event()
        self._has_failed = False

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped.set)
        database = DatabaseThreads(DATABASE_THREADS)
        sender = EventSender(networks=settings.TILL_EVENT_NETWORKS)
        dispatcher = Dispatcher(database, sender)
        mail_sender.start(is_worker=True)
        # A daemon: checking the ledger may take minutes, and the end of the process does not wait for it.
        threading.Thread(target=self._run_timers, name="timers", daemon=True).start()
        gauges = asyncio.create_task(self._measure(database))
        await self._dispatch(dispatcher)
        gauges.cancel()
        self._timers_stopped.set()
        await dispatcher.finish(FINISH_SECONDS)
        await asyncio.to_thread(mail_sender.stop, seconds=MAIL_SECONDS)
        await sender.aclose()

    async def _dispatch(self, dispatcher: Dispatcher) -> None:
        pause = 0.0
        while not await self._stops_within(pause):
            try:
                pause = BUSY_PAUSE if await dispatcher.look() else IDLE_PAUSE
            except Exception as error:  # whatever it meets, the next round goes on
                pause = min(max(2 * pause, IDLE_PAUSE), MAX_PAUSE)
                self._say_once(error)
            else:
                self._has_failed = False
                if self._heartbeat_file:
                    heartbeat.beat(self._heartbeat_file)

    def _say_once(self, error: Exception) -> None:
        """Of a database that is away, one line until it is back."""
        if self._has_failed:
            return
        self._has_failed = True
        if isinstance(error, Error):
            logger.warning("the database cannot be used; trying again: %s", str(error).strip().partition("\n")[0])
        else:
            logger.error("a round failed; trying again", exc_info=error)

    async def _stops_within(self, seconds: float) -> bool:
        if self._parent not in (None, os.getppid()):
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)
        return self._stopped.is_set()

    async def _measure(self, database: DatabaseThreads) -> None:
        while True:
            with suppress(Error):
                number, age = await database.run(queue.open_deliveries)
                metrics.open_deliveries.set(number)
                metrics.oldest_open_seconds.set(age)
            await asyncio.sleep(GAUGE_PAUSE)

    def _run_timers(self) -> None:
        while not self._timers_stopped.wait(TIMER_PAUSE):
            _quietly(timers.run_due_timers)


def _quietly(function: Callable[[], object]) -> None:
    try:
        function()
    except Error as error:  # the rounds say that the database is away
        logger.debug("timers wait: %s", error)
    except Exception:
        logger.exception("the timers failed; they go on")
    finally:
        connections.close_all()
