"""Django's PostgreSQL backend with a server on demand (ENGINE "config.embedded_postgres")."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self, TypeVar

import psycopg
from django.db import OperationalError
from django.db.backends.postgresql.client import DatabaseClient as PostgresClient

from config.database import base
from config.embedded_postgres import binaries, client
from config.embedded_postgres.cluster import ROLE, Cluster, EmbeddedPostgresError

RETRY_SECONDS = 30.0
RETRY_PAUSE_SECONDS = 0.05
Connection = TypeVar("Connection")


def address(settings_dict: dict[str, Any]) -> dict[str, Any]:
    """How to connect, with the server running. Raises django.db.OperationalError, as any lost database."""
    cluster = Cluster(Path(settings_dict["TILL_DATA"]))
    try:
        endpoint = client.ensure(cluster)
        password = cluster.password_file.read_text()
    except (EmbeddedPostgresError, OSError) as error:
        raise OperationalError(str(error)) from error
    return {
        "host": endpoint.host,
        "port": endpoint.port,
        "user": settings_dict.get("USER") or ROLE,
        "password": settings_dict.get("PASSWORD") or password,
        "sslmode": "disable",
    }


class DatabaseClient(PostgresClient):
    """`manage.py dbshell`, with the psql of the wheel."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        server = {name.upper(): value for name, value in address(settings_dict).items()}
        arguments, environment = super().settings_to_cmd_args_env({**settings_dict, **server}, parameters)
        return [str(binaries.binary("psql")), *arguments[1:]], environment


class DatabaseWrapper(base.DatabaseWrapper):
    client_class = DatabaseClient

    @property
    def pool(self) -> Any:
        """It connects in threads of its own, at any time, so its connections look for the server as well."""
        pool = super().pool
        if pool and pool.connection_class is psycopg.Connection:
            pool.connection_class = _patient_connection(self.settings_dict)
        return pool

    def get_connection_params(self) -> dict[str, Any]:
        return {**super().get_connection_params(), **address(self.settings_dict)}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connect = super().get_new_connection
        if self.pool:
            return connect(conn_params)
        return _connect(self.settings_dict, lambda where: connect({**conn_params, **where}))


def _patient_connection(settings_dict: dict[str, Any]) -> type[psycopg.Connection[Any]]:
    class PatientConnection(psycopg.Connection[Any]):
        @classmethod
        def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
            connect = super().connect
            return _connect(settings_dict, lambda where: connect(conninfo, **{**kwargs, **where}))

    return PatientConnection


def _connect(settings_dict: dict[str, Any], connect: Callable[[dict[str, Any]], Connection]) -> Connection:
    """Tries again for a while when the server went away just now; each time it may be at another address."""
    deadline = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            return connect(address(settings_dict))
        except psycopg.OperationalError as error:
            if not _is_away(error) or time.monotonic() > deadline:
                raise
        time.sleep(RETRY_PAUSE_SECONDS)


def _is_away(error: psycopg.OperationalError) -> bool:
    """No answer, or one that it is starting or stopping (always English). Any other answer is a refusal."""
    text = str(error)
    return "FATAL:" not in text or "the database system is " in text or "terminating connection" in text
