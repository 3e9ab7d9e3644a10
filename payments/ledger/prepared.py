"""Cursors for the statements that every webhook needs: sent once, planned once, their parameters apart.

Django sends a statement with its parameters written into it, so PostgreSQL reads and plans it anew each time: a fifth
of what a batch of webhooks costs there (docs/decisions/0010).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper


def cursor() -> CursorWrapper:
    """Return a cursor on this thread's connection that prepares what it executes (OPTIONS["prepare_threshold"])."""
    database: Any = connection  # a proxy, whose type does not tell that it is PostgreSQL's
    database.ensure_connection()
    make: Any = ServerBindingCursor
    wrapped: CursorWrapper = database._prepare_cursor(make(database.connection))
    return wrapped


def array(values: Iterable[object]) -> str:
    """Return the values as PostgreSQL writes an array, for a parameter that the statement casts. Texts without NUL.

    psycopg's own dumper looks at each element twice, in Python; that was a third of what a batch cost there.
    """
    return "{" + ",".join([_element(value) for value in values]) + "}"


def columns(rows: Sequence[tuple[object, ...]], width: int) -> list[str]:
    """Return an array for each of the `width` columns, also when there are no rows."""
    return [array(column) for column in zip(*rows, strict=True)] if rows else ["{}"] * width


def _element(value: object) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "NULL" if value is None else str(value)
