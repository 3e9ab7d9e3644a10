"""Sessions of PostgreSQL that a test has changed."""

from typing import Any, NamedTuple

from django.db import connection, connections


def end_sessions() -> None:
    """Close this thread's connection and the pool's: what a test has SET in its session must not meet another test."""
    database: Any = connections["default"]
    database.close()
    database.close_pool()


class LastStatement(NamedTuple):
    sessions: int
    #: Seconds since the latest of them began.
    age: float | None


def last_statement(begins: str) -> LastStatement:
    """How many other sessions of the test's database had a statement as their last one."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*), extract(epoch FROM clock_timestamp() - max(query_start))::float8 FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid() AND starts_with(query, %s)""",
            [begins],
        )
        return LastStatement(*cursor.fetchone())
