"""Cursors for the statements that every webhook needs: sent once, planned once, their parameters apart.

Django sends a statement with its parameters written into it, so PostgreSQL reads and plans it anew each time: a fifth
of what a batch of webhooks costs there (docs/decisions/0010).
"""

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
