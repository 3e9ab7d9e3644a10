"""One PostgreSQL for all contestants: with full durability, or nothing is measured."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import quote

import psycopg

from config.embedded_postgres import __main__ as command_line
from config.embedded_postgres import base, binaries
from config.embedded_postgres.cluster import Cluster

SQL = Path(__file__).parent / "sql"
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
REPORTED = (*DURABLE, "server_version", "shared_buffers", "max_wal_size", "checkpoint_timeout", "wal_sync_method")


class NotDurable(Exception):
    """A commit might not be on disk: figures of such a server say nothing."""


class Postgres:
    """Till's own embedded server with the settings that Till gives it, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        # Not the folder itself: if it is somebody's TILL_DATA, `start` must not remove their database.
        self.folder = folder.resolve() / "cluster"
        self._cluster = Cluster(self.folder)
        self._address: dict[str, Any] = {}

    def start(self) -> None:
        """Start afresh: what an earlier run left is removed. The server lives as long as this process needs it."""
        self._remove()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._address = base.address({"TILL_DATA": str(self.folder)})
        self.settings()

    def stop(self) -> None:
        """Stop it and give the disk back."""
        self._remove()

    def _remove(self) -> None:
        if self._cluster.home.exists():
            command_line.stop(self._cluster)
            shutil.rmtree(self._cluster.home)

    @property
    def pid(self) -> int:
        return int((self._cluster.pgdata / "postmaster.pid").read_text().split()[0])

    def settings(self, database: str = "till") -> dict[str, str]:
        """Read the settings back from the server. Raises NotDurable."""
        with self.connect(database) as connection:
            settings = {
                str(name): str(value)
                for name, value in connection.execute(
                    "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)", [list(REPORTED)]
                )
            }
        relaxed = [name for name in DURABLE if settings[name] != "on"]
        if relaxed:
            raise NotDurable(f"{', '.join(relaxed)} of {database} must be on")
        return settings

    def connect(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(**self._address, dbname=database, autocommit=True)

    def rows(self, database: str, sql: LiteralString, *parameters: Any) -> list[Any]:
        with self.connect(database) as connection:
            return connection.execute(sql, parameters).fetchall()

    def row(self, database: str, sql: LiteralString, *parameters: Any) -> Any:
        return self.rows(database, sql, *parameters)[0]

    def url(self, database: str) -> str:
        user, password, host = (quote(str(self._address[name]), safe="") for name in ("user", "password", "host"))
        return f"postgres://{user}:{password}@{host}:{self._address['port']}/{database}"

    def environment(self, database: str) -> dict[str, str]:
        """For the programs of PostgreSQL."""
        names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password"}
        connection = {variable: str(self._address[name]) for variable, name in names.items()}
        return {**os.environ, **connection, "PGDATABASE": database, "PGSSLMODE": "disable"}

    def create(self, database: str, *, template: str = "template0") -> None:
        """Make a database anew, by copying another; whoever is connected to the old one is cut off."""
        with self.connect("postgres") as connection:
            connection.execute(psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(_named(database)))
            connection.execute(
                psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    _named(database), _named(template)
                )
            )

    def run_file(self, database: str, name: str, **variables: int) -> None:
        """Run a file of benchmarks/sql with psql; statements commit one by one."""
        given = [f"--set={variable}={value}" for variable, value in variables.items()]
        words = [str(binaries.binary("psql")), "-qX", "-v", "ON_ERROR_STOP=1", *given, "-f", str(SQL / name)]
        subprocess.run(words, env=self.environment(database), check=True, stdout=subprocess.DEVNULL)

    def begin(self, database: str) -> None:
        """Before a run: nothing of an earlier one is left to be flushed in this one's time."""
        with self.connect(database) as connection:
            connection.execute("CHECKPOINT")

    def tidy(self, database: str) -> None:
        """After a run: do what autovacuum would otherwise do in another's time."""
        with self.connect(database) as connection:
            connection.execute("VACUUM (ANALYZE)")


def _named(database: str) -> psycopg.sql.Identifier:
    return psycopg.sql.Identifier(database)
