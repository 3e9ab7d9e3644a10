"""A Till on an embedded PostgreSQL of its own, all of which a test may kill."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from config.embedded_postgres import __main__ as command_line
from config.embedded_postgres import base
from config.embedded_postgres.cluster import Cluster
from tests.support.live import ROOT, LiveTill

#: Long enough for a recovery on a slow disk.
BACK_SECONDS = 60
COMMANDS = """
import sys, django
from django.core.management import call_command
django.setup()
for command in sys.argv[1:]:
    call_command(command)
"""


class OwnTill(LiveTill):
    """A Till on an embedded PostgreSQL of its own, which may be killed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="till-faults-"))
        self.folder.chmod(0o711)  # started by root, PostgreSQL runs as another user
        self.cluster = Cluster(self.folder)
        super().__init__(DATABASE_URL="", TILL_DATA=str(self.folder), TILL_ACCESS_TOKEN_SECONDS="80000")
        self._connection: psycopg.Connection[Any] | None = None

    def manage(self, *commands: str) -> None:
        """All in one process: each would load Till anew."""
        words = [sys.executable, "-c", COMMANDS, *commands]
        subprocess.run(words, cwd=ROOT, env=self.environment, check=True, capture_output=True)

    def query(self, sql: LiteralString, *parameters: Any) -> Any:
        """The first value; connects again when PostgreSQL was killed in between."""
        deadline = time.monotonic() + BACK_SECONDS
        while True:
            try:
                if self._connection is None:
                    address = base.address({"TILL_DATA": str(self.folder)})
                    self._connection = psycopg.connect(**address, dbname="till", autocommit=True)
                row = self._connection.execute(sql, parameters).fetchone()
                return row[0] if row else None
            except psycopg.OperationalError:
                self.close_all()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def close_all(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def kill_postgres(self) -> None:
        """The first line of postmaster.pid is the process that all others belong to."""
        os.kill(int((self.cluster.pgdata / "postmaster.pid").read_text().split("\n")[0]), signal.SIGKILL)

    def until_postgres_is_away(self) -> None:
        """Killed, it serves those who are connected for some milliseconds more, each by a process of his own."""
        with suppress(psycopg.OperationalError):
            while self._connection is not None:
                self._connection.execute("SELECT 1")
                time.sleep(0.01)
        time.sleep(0.2)

    def signal_supervisor(self, number: int) -> None:
        os.kill(int(self.cluster.supervisor_lock.read_text()), number)

    def close(self) -> None:
        self.close_all()
        self.stop()
        assert command_line.stop(self.cluster)
        shutil.rmtree(self.folder)
