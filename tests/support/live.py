"""A real Till over real HTTP: started as `make run` starts it, on the database of the running test."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import httpx
from django.conf import settings
from django.db import connection

from tests.support.http import PLAIN

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 90


def free_port() -> int:
    """A free port below 32768: those above are for outgoing connections, and one may be taken at any moment."""
    for port in random.sample(range(20000, 32000), 50):
        with socket.socket() as candidate:
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


def database_url() -> str:
    """The address of the test's database, whatever server it lives on."""
    connection.ensure_connection()
    info = connection.connection.info
    user, password = quote(info.user, safe=""), quote(info.password or "", safe="")
    return f"postgres://{user}:{password}@{quote(info.host, safe='')}:{info.port}/{quote(info.dbname)}"


class LiveTill:
    configuration = "config/gunicorn.conf.py"
    #: The file that gets its log. None: as the tests themselves.
    log: int | None = None

    def __init__(self, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._data = TemporaryDirectory(prefix="till-live-")
        self.environment = {
            **os.environ,
            "TILL_DEBUG": "1",
            "TILL_DATA": self._data.name,
            "DATABASE_URL": database_url(),
            # The secrets in the tests' database are encrypted with this process's key.
            "TILL_ENCRYPTION_KEYS": ",".join(settings.TILL_ENCRYPTION_KEYS),
            "PORT": str(self.port),
            "TILL_LOG_LEVEL": "WARNING",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def master(self) -> int:
        """The process id of gunicorn's master."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start gunicorn in a process group of its own and wait until it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", self.configuration],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=self.log,
            start_new_session=True,
        )
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self._data.cleanup()
                raise RuntimeError(f"Till ended with {self.process.returncode}")
            try:
                if httpx.get(f"{self.url}/health/ready", timeout=5, verify=PLAIN).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        self.kill()
        self._data.cleanup()
        raise RuntimeError("Till did not become ready")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop as an operator does: a signal to the master, and wait for the drain."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(READY_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        self._data.cleanup()

    @contextmanager
    def back_again(self) -> Iterator[None]:
        """Whatever the block does to the server, those who come after it are served."""
        try:
            yield
        finally:
            if self.process and self.process.poll() is None:
                self.kill()
            self.start()

    def kill(self) -> None:
        """kill -9 of the master and its workers at once."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class UncheckedTill(LiveTill):
    """Till without the system checks of its start, which take a second of CPU: for tests of what it answers."""

    configuration = "tests/support/gunicorn_unchecked.py"
