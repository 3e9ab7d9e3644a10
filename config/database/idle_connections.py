"""Which connections of the pool are asked whether they live, and how a lost one is told from a failed statement.

Asking takes a round trip, so a connection that has just served somebody is not asked. If it was lost in that second,
its first statement finds out (config/database/base.py).
"""

import time
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg_pool import ConnectionPool

#: Seconds since a connection was last taken after which it is asked.
IDLE_SECONDS = 1.0
#: The server is stopping, has crashed, or has ended the session.
_ENDED_SQLSTATES = {"57P01", "57P02", "57P05"}

_taken_at: WeakKeyDictionary[psycopg.Connection[Any], float] = WeakKeyDictionary()


def ask_if_idle(pool: ConnectionPool[Any], connection: psycopg.Connection[Any]) -> None:
    """Ask a connection that is taken from the pool, unless it was taken a moment ago. Raises if it is lost.

    The others were most likely lost with it. By itself the pool would find them one by one, with pauses in between.
    """
    now = time.monotonic()
    if now - _taken_at.get(connection, -IDLE_SECONDS) >= IDLE_SECONDS:
        try:
            pool.check_connection(connection)
        except psycopg.Error:
            pool.check()
            raise
    _taken_at[connection] = now


def is_lost(connection: psycopg.Connection[Any], error: Exception) -> bool:
    """Tell whether the statement failed because its session is gone."""
    return connection.closed or getattr(error.__cause__, "sqlstate", None) in _ENDED_SQLSTATES
