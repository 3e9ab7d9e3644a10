"""Another release in the place of this one, without a refused connection (docs/operations.md: Upgrades).

SIGUSR2 starts a second master on the same listening socket. When its first worker is ready, it tells the first master
to drain. If the new release does not start, nothing has changed.
"""

import os
import signal
import sys
from contextlib import suppress
from typing import Any

_NO_RELOAD = "SIGHUP is ignored: it would mix new code with old settings. SIGUSR2 takes over with both."


class _Predecessor:
    """The master that this one is to replace; workers inherit it."""

    pid = 0


def allow_upgrades(arbiter: Any) -> None:
    """Let SIGUSR2 start this program as it was started, and refuse SIGHUP. Called before the first worker.

    gunicorn would start its own file, whose folder then hides modules of Python behind its own.
    """
    arbiter.START_CTX["args"] = [sys.executable, "-m", "gunicorn", *sys.argv[1:]]
    arbiter.handle_hup = lambda: arbiter.log.warning(_NO_RELOAD)
    if arbiter.master_pid == os.getppid():
        _Predecessor.pid = arbiter.master_pid


def relieve_predecessor(worker: Any) -> None:
    """Stop the master that this worker's own replaces, if there is one; safe to repeat."""
    if worker.age == 1 and _Predecessor.pid:
        with suppress(ProcessLookupError):
            os.kill(_Predecessor.pid, signal.SIGTERM)
