"""An embedded PostgreSQL with its users, each a process of its own: the stage of test_embedded_postgres."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from config.embedded_postgres import __main__ as command_line
from config.embedded_postgres import client, file_locks
from config.embedded_postgres.cluster import Cluster

PROJECT = Path(__file__).resolve().parents[2]
SECONDS = 60.0

# A user: a process of its own that answers each line, a Python expression, with the value as JSON.
USER = """
import json, os, pathlib, subprocess, sys, threading
from django.conf import settings
from config.embedded_postgres import connection_settings
database = connection_settings(pathlib.Path(sys.argv[1])) | {"OPTIONS": json.loads(sys.argv[2])}
settings.configure(DATABASES={"default": database})
import django
django.setup()
from django.db import connection

def sql(text):
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchone()[0] if cursor.description else None

def between_requests(text):
    try:
        return sql(text)
    finally:
        connection.close()

for line in sys.stdin:
    try:
        answer = eval(line)
    except Exception as error:
        answer = f"{type(error).__module__}.{type(error).__name__}: {error}"
        connection.close()
    print(json.dumps(answer, default=str), flush=True)
"""


class User:
    def __init__(self, till_data: Path, options: dict[str, Any]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, till_data, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT,
            bufsize=0,
        )

    def send(self, expression: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(expression.encode() + b"\n")

    def answer(self) -> Any:
        assert self.process.stdout
        assert select.select([self.process.stdout], [], [], SECONDS)[0], "no answer in time"
        return json.loads(self.process.stdout.readline())

    def asks(self, expression: str) -> Any:
        self.send(expression)
        return self.answer()

    def sql(self, text: str) -> Any:
        return self.asks(f"sql({text!r})")

    def leave(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.communicate()


class House:
    """One TILL_DATA and its users."""

    def __init__(self, till_data: Path) -> None:
        self.cluster = Cluster(till_data)
        self.users: list[User] = []

    def user(self, **options: Any) -> User:
        self.users.append(User(self.cluster.till_data, options))
        return self.users[-1]

    def postmaster(self) -> int:
        return int((self.cluster.pgdata / "postmaster.pid").read_text().split()[0])

    def supervisor(self) -> int:
        return int(self.cluster.supervisor_lock.read_text())

    def processes(self) -> dict[int, str]:
        """Supervisors and PostgreSQL of this folder; not its users."""
        data, title = os.fspath(self.cluster.till_data), f"postgres: {self.cluster.title}"
        marks = (f"{client.SUPERVISOR} {data}", f"-D {data}/", title)
        listed = psutil.process_iter(["cmdline"])
        lines = {process.pid: " ".join(process.info["cmdline"] or []) for process in listed}
        return {pid: line for pid, line in lines.items() if any(mark in line for mark in marks)}

    def is_quiet(self) -> bool:
        return not file_locks.is_held(self.cluster.supervisor_lock) and not self.processes()

    def send_all_away(self) -> None:
        while self.users:
            self.users.pop().leave(signal.SIGKILL)

    def close(self) -> None:
        self.send_all_away()
        command_line.stop(self.cluster)
        eventually(self.is_quiet)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
