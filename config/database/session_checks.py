"""Checks the way to PostgreSQL: a pooler that TILL_POOLER does not name, and settings that do not arrive.

A pooler in transaction mode gives each transaction another session. What Till sets in one would reach other clients,
and what it has prepared would be missing in the next. So the operator names the mode, and these checks try it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db import connections
from psycopg import pq, sql

#: How often a second client tries to get the session of the first. Once is enough if nobody else uses the pooler.
ROUNDS = 5
PROBE = b"SELECT pg_backend_pid()"
PROBE_NAME = b"till_probe"


def check(alias: str) -> list[CheckMessage]:
    """Return what is wrong. Takes two connections at a time. Raises Django's database errors."""
    with connections[alias].wrap_database_errors:
        return check_pooler(alias) or [*check_settings(alias), *check_options(alias)]


def check_pooler(alias: str) -> list[CheckMessage]:
    mode = settings.TILL_POOLER
    problem = ""
    if mode in ("none", "session") and shares_sessions(alias):
        problem = f"The database is behind a pooler in transaction mode, and TILL_POOLER is {mode}."
    elif mode == "none" and is_pooled(alias):
        problem = "The database is behind a pooler, and TILL_POOLER does not say so."
    elif mode == "transaction-prepared" and not keeps_prepared_statements(alias):
        problem = "The pooler does not keep prepared statements, and TILL_POOLER is transaction-prepared."
    hint = (
        "TILL_POOLER=session for a pooler in session mode; in transaction mode, transaction-prepared where it keeps"
        " prepared statements (PgBouncer 1.21 or later, with max_prepared_statements), else transaction."
    )
    return [Error(problem, hint=hint, id="till.E016")] if problem else []


def check_settings(alias: str) -> list[CheckMessage]:
    """Read back what each session must have."""
    wanted = settings.SESSION_SETTINGS
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [[*wanted]])
        values = dict(cursor.fetchall())
        cursor.execute("SELECT current_user, current_database()")
        role, database = cursor.fetchone()
    wrong = [name for name, value in wanted.items() if values.get(name, "").upper() != value.upper()]
    if not wrong:
        return []
    commands = "; ".join(_command(role, database, name, wanted[name]) for name in wrong)
    hint = f"In psql: {commands}; then end the pooler's connections to the server (PgBouncer: RECONNECT)."
    text = ", ".join(f"{name} is {values.get(name)!r} instead of {wanted[name]!r}" for name in wrong)
    return [Error(f"The database's sessions are not as Till needs them: {text}.", hint=hint, id="till.E017")]


def _command(role: str, database: str, name: str, value: str) -> str:
    values = sql.SQL(", ").join(map(sql.Literal, value.split(", ")))
    names = sql.Identifier(role), sql.Identifier(database), sql.Identifier(name)
    return sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}").format(*names, values).as_string(None)


def check_options(alias: str) -> list[CheckMessage]:
    """Report options in DATABASE_URL that a variable of Till's decides."""
    options = str(connections[alias].settings_dict["OPTIONS"].get("options", "")).lower().replace("-", "_")
    overridden = [name for name in settings.SESSION_SETTINGS if re.search(rf"\b{name.lower()}\s*=", options)]
    hint = "Times have variables of their own, such as TILL_LOCK_TIMEOUT_MS; the rest is as Till needs it."
    return [
        Error(f"The options of DATABASE_URL set {name}, which Till sets itself.", hint=hint, id="till.E017")
        for name in overridden
    ]


@contextmanager
def _client(alias: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own, in which nothing is set."""
    with psycopg.connect(**connections[alias].get_connection_params(), autocommit=True) as client:
        yield client


def _session_of(client: psycopg.Connection[Any]) -> int:
    """Return the process id of the PostgreSQL session that answers."""
    return int(client.execute(PROBE).fetchall()[0][0])


def is_pooled(alias: str) -> bool:
    """Tell whether there is a pooler: it gives each client a number of its own instead of the session's process id.

    Balancers that pass on the bytes, such as HAProxy, are none.
    """
    with _client(alias) as client:
        return client.info.backend_pid != _session_of(client)


def shares_sessions(alias: str) -> bool:
    """Tell whether two clients at the same time get one session after the other."""
    with _client(alias) as one, _client(alias) as other:
        for _ in range(ROUNDS):
            before = _session_of(one)
            with other.transaction():
                if _session_of(other) == before or _session_of(one) != before:
                    return True
    return False


def keeps_prepared_statements(alias: str) -> bool:
    """Tell whether the statements that a client has prepared follow it into another session."""
    with _client(alias) as one, _client(alias) as other:
        # There already: another client's, and so none is kept apart from another.
        if one.pgconn.prepare(PROBE_NAME, PROBE).status != pq.ExecStatus.COMMAND_OK:
            return False
        for _ in range(ROUNDS):
            with other.transaction():
                _session_of(other)  # it holds the one session that was free
                if one.pgconn.exec_prepared(PROBE_NAME, []).status != pq.ExecStatus.TUPLES_OK:
                    return False
    return True
