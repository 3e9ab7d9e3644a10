"""`manage.py worker` as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.live import ROOT

END_SECONDS = 20


class WorkerProcess:
    def __init__(self, environment: Mapping[str, str], *options: str, log: Path | None = None) -> None:
        self.environment = dict(environment)
        self.options = options
        self.log = log
        self.process = self._started()

    def _started(self) -> "subprocess.Popen[bytes]":
        stderr = self.log.open("ab") if self.log else subprocess.DEVNULL
        command = [sys.executable, "manage.py", "worker", "--skip-checks", *self.options]
        process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True
        )
        if self.log:
            stderr.close()  # type: ignore[union-attr]  # the file, not the number
        return process

    def kill(self) -> None:
        """Kill -9, and start another one."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = self._started()

    def stop(self) -> int:
        """Stop it as an operator does; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
