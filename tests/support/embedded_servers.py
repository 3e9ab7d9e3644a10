"""An embedded PostgreSQL with its users, each a process of its own: the stage of test_embedded_postgres."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from config.embedded_postgres import __main__ as command_line
from config.embedded_postgres import client, file_locks, privileges
from config.embedded_postgres.cluster import Cluster

PROJECT = Path(__file__).resolve().parents[2]
SECONDS = 60.0

# The first process of all users: it has loaded what each of them needs, and for each message it forks one.
# A user answers each line, a Python expression, with the value as JSON.
USERS = """
import json, os, pathlib, signal, socket, subprocess, sys
import django, psycopg_pool
from django.conf import settings
from django.db import connection
from config.embedded_postgres import base, connection_settings

def sql(text):
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchone()[0] if cursor.description else None

def between_requests(text):
    try:
        return sql(text)
    finally:
        connection.close()

tests = socket.socket(fileno=int(sys.argv[1]))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    message, pipes, _, _ = socket.recv_fds(tests, 1 << 16, 2)
    if not message:
        sys.exit()
    if not (pid := os.fork()):
        break
    for pipe in pipes:
        os.close(pipe)
    tests.send(str(pid).encode())

signal.signal(signal.SIGCHLD, signal.SIG_DFL)
tests.close()
for number, pipe in enumerate(pipes):
    os.dup2(pipe, number)
    os.close(pipe)
till_data, options = json.loads(message)
settings.configure(DATABASES={"default": connection_settings(pathlib.Path(till_data)) | {"OPTIONS": options}})
django.setup()
for line in sys.stdin:
    try:
        answer = eval(line)
    except Exception as error:
        answer = f"{type(error).__module__}.{type(error).__name__}: {error}"
        connection.close()
    print(json.dumps(answer, default=str), flush=True)
"""


class UserFactory:
    """Forks users from one process: each would take half a second of CPU to load Django."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-c", USERS, str(theirs.fileno())]
            self._process = subprocess.Popen(command, cwd=PROJECT, pass_fds=[theirs.fileno()])

    def fork(self, till_data: Path, options: dict[str, Any], stdin: int, stdout: int) -> int:
        message = json.dumps([os.fspath(till_data), options]).encode()
        socket.send_fds(self._socket, [message], [stdin, stdout])
        return int(self._socket.recv(100))

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


class User:
    def __init__(self, factory: UserFactory, till_data: Path, options: dict[str, Any]) -> None:
        stdin, questions = os.pipe()
        answers, stdout = os.pipe()
        self.pid = factory.fork(till_data, options, stdin, stdout)
        for pipe in (stdin, stdout):
            os.close(pipe)
        self._questions, self._answers = open(questions, "wb", 0), open(answers, "rb", 0)  # noqa: PTH123, SIM115

    def send(self, expression: str) -> None:
        self._questions.write(expression.encode() + b"\n")

    def answer(self) -> Any:
        assert select.select([self._answers], [], [], SECONDS)[0], "no answer in time"
        return json.loads(self._answers.readline())

    def asks(self, expression: str) -> Any:
        self.send(expression)
        return self.answer()

    def sql(self, text: str) -> Any:
        return self.asks(f"sql({text!r})")

    def leave(self, number: int = signal.SIGTERM) -> None:
        """Signal it, once, and wait for its end."""
        if not self._answers.closed:
            os.kill(self.pid, number)
            with self._questions, self._answers:
                self._answers.read()


class Installation:
    """One TILL_DATA and its users."""

    def __init__(self, till_data: Path, factory: UserFactory) -> None:
        self.cluster, self.factory = Cluster(till_data), factory
        self.users: list[User] = []

    def user(self, **options: Any) -> User:
        self.users.append(User(self.factory, self.cluster.till_data, options))
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


def as_the_server(*command: str) -> subprocess.Popen[bytes]:
    """A process of the same user as PostgreSQL's, whose number PostgreSQL would take for a server's."""
    owner = privileges.server_identity(Path("/nowhere"))
    return subprocess.Popen(command, user=owner.uid if owner else None)
