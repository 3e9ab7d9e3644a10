"""`python -m config.worker_keeper PID`: keeps `manage.py worker` running while that parent process lives.

For `make run`. In production systemd or Docker starts a worker again (docs/operations.md).
"""

import os
import signal
import subprocess
import sys
import time
from typing import Any

LOOK_SECONDS = 0.25
#: Before the next start, so that a worker that cannot start does not take a processor.
RESTART_SECONDS = 1.0
#: A worker lets attempts under way end, for somewhat less.
STOP_SECONDS = 20.0


class WorkerKeeper:
    def __init__(self, parent: int) -> None:
        self._parent = parent
        self._is_stopped = False

    def run(self) -> None:
        """Start a worker, and another one whenever it has ended; until SIGTERM, SIGINT or the parent's end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while self._goes_on():
            self._keep_one()
            if self._goes_on():
                time.sleep(RESTART_SECONDS)

    def _keep_one(self) -> None:
        command = [sys.executable, "manage.py", "worker", "--parent", str(os.getpid())]
        worker = subprocess.Popen(command)  # noqa: S603  our own manage.py
        while self._goes_on() and worker.poll() is None:
            time.sleep(LOOK_SECONDS)
        worker.terminate()
        try:
            worker.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:  # it hangs: what it had claimed is due again by itself
            worker.kill()
            worker.wait()

    def _goes_on(self) -> bool:
        return not self._is_stopped and os.getppid() == self._parent

    def _stop(self, *_: Any) -> None:
        self._is_stopped = True


if __name__ == "__main__":
    WorkerKeeper(int(sys.argv[1])).run()
