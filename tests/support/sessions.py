"""Sessions of PostgreSQL that a test has changed."""

from typing import Any

from django.db import connections


def end_sessions() -> None:
    """Close this thread's connection and the pool's: what a test has SET in its session must not meet another test."""
    database: Any = connections["default"]
    database.close()
    database.close_pool()
