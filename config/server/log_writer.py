"""Writes the log lines of requests that the event loop has answered, in a thread.

Whoever reads the log may stall, and then writing waits. Webhooks and health checks must not.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from config.server import request_log

logger = logging.getLogger("till.access")

#: How many lines may wait. Further ones are counted instead.
MAX_LINES: Final = 10_000
#: Seconds for which lines gather.
DELAY_SECONDS: Final = 0.01


class LogLine(NamedTuple):
    """What `request_log.report` needs of an answered request."""

    identity: str
    method: str
    path: str
    route: str
    status: int
    seconds: float
    user_id: int


class LogWriter:
    """One for each process, made and called in its event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="till-log")
        self._lines: list[LogLine] = []
        self._lost = 0
        #: A timer or a write is under way, which takes what waits then.
        self._is_busy = False

    def add(self, line: LogLine) -> None:
        """Have a line written soon. If too many wait, it is only counted."""
        if len(self._lines) >= MAX_LINES:
            self._lost += 1
            return
        self._lines.append(line)
        if not self._is_busy:
            self._is_busy = True
            self._loop.call_later(DELAY_SECONDS, self._begin_writing)

    def close(self) -> None:
        """Have the rest written."""
        self._thread.submit(_write, self._lines, self._lost)
        self._lines, self._lost, self._is_busy = [], 0, True
        self._thread.shutdown(wait=False)

    def _begin_writing(self) -> None:
        if not self._lines:
            self._is_busy = False
            return
        lines, self._lines = self._lines, []
        lost, self._lost = self._lost, 0
        written = self._loop.run_in_executor(self._thread, _write, lines, lost)
        written.add_done_callback(lambda _: self._begin_writing())


def _write(lines: list[LogLine], lost: int) -> None:
    for line in lines:
        with request_log.identified(line.identity):
            request_log.report(line.method, line.path, line.route, line.status, line.seconds, line.user_id)
    if lost:
        logger.warning("%s lines of answered requests were not written: the log was too slow", lost)
