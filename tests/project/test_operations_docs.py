"""What docs/operations.md says can be followed to the letter: the commands run, and the buttons are there."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection
from psycopg import sql
from pytest_django import DjangoDbBlocker

from config.embedded_postgres import binaries
from payments.webhooks.admin.providers import ProviderAdmin, ProviderForm
from tests.support.http import PLAIN
from tests.support.live import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
READY_SECONDS = 90
#: Not what Python has compiled: it would only be compiled again.
IGNORED = shutil.ignore_patterns(".venv", "var", ".git", "*_cache", "staticfiles", "node_modules")


def test_the_words_of_a_rotation_are_those_of_the_page() -> None:
    label = ProviderForm.base_fields["keep_old"].label
    action: Any = ProviderAdmin.end_rotation
    assert f"*{label}*" in PAGE.replace("\n", " ")
    assert action.short_description.startswith("End the rotation")
    assert "*End the rotation*" in PAGE


class Server:
    """The PostgreSQL of this test run, with names that nobody else uses on it."""

    def __init__(self) -> None:
        given = connection.get_connection_params()
        self.name = f"till_followed_{os.getpid()}"
        self.owner, self.service = f"{self.name}_owner", f"{self.name}_service"
        self.host, self.port = str(given.get("host") or ""), str(given.get("port") or "")
        self.superuser = {
            variable: str(given[key])
            for variable, key in (
                ("PGHOST", "host"),
                ("PGPORT", "port"),
                ("PGUSER", "user"),
                ("PGPASSWORD", "password"),
            )
            if given.get(key)
        }

    def here(self, commands: str) -> str:
        """The page's commands with this server in the place of the reader's, and nothing else changed."""
        where = f"@/{self.name}?host={self.host}&port={self.port}"
        for words, words_here in (
            ("@localhost/till", where),
            ("//till_owner:", f"//{self.owner}:"),
            ("//till:", f"//{self.service}:"),
            ("createdb till", f"createdb {self.name}"),
            ("--dbname=till", f"--dbname={self.name}"),
            ("manage.py grant_service_role", f"manage.py grant_service_role {self.service}"),
        ):
            assert words in commands
            commands = commands.replace(words, words_here)
        return commands

    def remove(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name)))
            for role in (self.owner, self.service):
                cursor.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))
        connection.close()


@pytest.fixture
def server(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Server]:
    with django_db_blocker.unblock():
        server = Server()
        yield server
        server.remove()


def test_an_installation_without_docker_works_as_it_is_written(server: Server, tmp_path: Path) -> None:
    """A new environment, two roles, the settings, the files, the tables, the rights, and a service that is ready."""
    [commands] = [
        block for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if "collectstatic" in block
    ]
    checkout, port = tmp_path / "till", free_port()
    shutil.copytree(ROOT, checkout, ignore=IGNORED)
    # psql's own way to other names of the two roles: docs/operations.md, config/database/create_roles.sql.
    (tmp_path / "psqlrc").write_text(f"\\set owner {server.owner}\n\\set service {server.service}\n")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("TILL_", "DATABASE", "VIRTUAL_"))},
        **server.superuser,
        "PATH": f"{os.environ['PATH']}:{binaries.binary('psql').parent}",
        "PSQLRC": str(tmp_path / "psqlrc"),
        "PORT": str(port),
        "TILL_WORKERS": "1",
        # What is imported is compiled then; pip would compile all of every package.
        "PIP_NO_COMPILE": "1",
    }
    with running(server.here(commands), checkout, environment, tmp_path / "log") as process:
        wait_until_ready(process, port, tmp_path / "log")
        forged = {"transaction_id": 1, "user_id": 1, "bill_id": 1, "amount": 1, "signature": "forged"}
        assert httpx.post(f"http://127.0.0.1:{port}/payment/webhook", json=forged, verify=PLAIN).status_code == 401
        assert (
            "till.W005" not in (tmp_path / "log").read_text().partition("Listening at")[2]
        )  # it serves as the service
    assert (checkout / "till.env").stat().st_mode & 0o077 == 0


@contextlib.contextmanager
def running(commands: str, folder: Path, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-eu", "-c", commands],
            cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Behind the proxy that the page asks for."""
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    deadline = time.monotonic() + READY_SECONDS * 4
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{port}/health/ready", headers=proxied, verify=PLAIN).status_code == 200:
                return
        time.sleep(0.2)
