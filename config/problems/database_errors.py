"""What an error of the database means for whoever sent the request, read from its class and SQLSTATE."""

import psycopg
from django.db import DataError, Error, InterfaceError, OperationalError

from config.problems.problem_types import DATABASE_BUSY, DATABASE_UNAVAILABLE, UNREADABLE_TEXT, USER_GONE, Problem
from postgres.pipeline_connection import is_stale_prepared_statement

# SQLSTATE: serialization, deadlock, lock_timeout, statement_timeout, idle-in-transaction timeout.
BUSY_SQLSTATES = {"40001", "40P01", "55P03", "57014", "25P03"}
# A primary that became a standby refuses writes; the next connection finds the new primary.
READ_ONLY_SQLSTATE = "25006"
# Characters that a text column cannot hold; None is psycopg refusing a NUL before it is sent.
UNREADABLE_TEXT_SQLSTATES = {None, "22021", "22P05"}
FOREIGN_KEY_SQLSTATE = "23503"
LOST_CONNECTION = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)


def database_problem(error: BaseException) -> Problem | None:
    """Return the problem that an error of the database stands for; None is for what nobody foresaw."""
    if not isinstance(error, (Error, psycopg.Error)):
        return None
    sqlstate = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None)
    if sqlstate in BUSY_SQLSTATES:
        return DATABASE_BUSY
    if sqlstate == FOREIGN_KEY_SQLSTATE and "_fk_accounts_user" in _constraint(error):
        return USER_GONE
    lost = isinstance(error, LOST_CONNECTION) or is_stale_prepared_statement(error)
    if lost or sqlstate == READ_ONLY_SQLSTATE:
        return DATABASE_UNAVAILABLE
    if isinstance(error, (DataError, psycopg.DataError)) and sqlstate in UNREADABLE_TEXT_SQLSTATES:
        return UNREADABLE_TEXT
    return None


def _constraint(error: BaseException) -> str:
    """Return the name of the constraint that was broken."""
    diag = getattr(error, "diag", None) or getattr(error.__cause__, "diag", None)
    return getattr(diag, "constraint_name", None) or ""
