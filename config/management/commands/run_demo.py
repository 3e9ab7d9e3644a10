"""`manage.py run_demo`: what `make run` does after installing."""

import io
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from psycopg import sql

from config.embedded_postgres.cluster import SERVICE_ROLE
from payments.demo.data import seed_rates

PREPARING_LOCK = 0x7111_0003  # an advisory lock: one `make run` at a time prepares a database
WORKER_KEEPER = [sys.executable, "-m", "config.worker_keeper"]
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py"]


class Command(BaseCommand):
    help = "Development mode: migrate, seed the demo, and serve it. Repeating it changes nothing."
    # Gunicorn's master runs all checks before it starts a worker (config/server/worker.py).
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.TILL_DEBUG:
            raise CommandError("run_demo is for development mode: set TILL_DEBUG=1.")
        self._refuse_taken_port(settings.PORT)
        with preparation_lock():
            self._prepare()
            if settings.DATABASES["default"]["ENGINE"] == "config.embedded_postgres":
                become_the_service()
        connections.close_all()
        os.chdir(settings.BASE_DIR)
        # It ends with this process, which gunicorn's master becomes.
        subprocess.Popen([*WORKER_KEEPER, str(os.getpid())])  # noqa: S603  our own module
        os.execv(sys.executable, GUNICORN)  # noqa: S606  this process becomes the server, and gets its signals

    def _prepare(self) -> None:
        call_command("migrate", verbosity=0, skip_checks=True)
        for seeds in ("seed_currencies", "seed_users", "seed_products", "seed_commission"):
            call_command(seeds, stdout=io.StringIO())  # config/server/startup_message.py says it better
        seed_rates()  # as of now, so that a demo of last week can exchange today

    def _refuse_taken_port(self, port: int) -> None:
        with socket.socket() as probe:
            # As gunicorn will: a connection that lingers from the last run is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                reason = f"Port {port} of 127.0.0.1 cannot be used ({error.strerror}): choose another"
                raise CommandError(f"{reason} with PORT=8001.") from error


def become_the_service() -> None:
    """Let the server, which inherits the environment, connect as a role that owns nothing. Safe to repeat."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [SERVICE_ROLE])
        verb = "ALTER" if cursor.fetchone() else "CREATE"
        password = connection.connection.info.password
        role = sql.SQL(verb + " ROLE {} LOGIN PASSWORD {}")
        cursor.execute(role.format(sql.Identifier(SERVICE_ROLE), sql.Literal(password)))
    call_command("grant_service_role", SERVICE_ROLE, stdout=io.StringIO())
    os.environ["TILL_EMBEDDED_ROLE"] = "service"


@contextmanager
def preparation_lock() -> Iterator[None]:
    """Wait for another `make run` on this database: two that migrate at once disturb each other."""
    with closing(connection.copy()) as own, own.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0; SET statement_timeout = 0")  # the other may take its time
        cursor.execute("SELECT pg_advisory_lock(%s)", [PREPARING_LOCK])
        yield
