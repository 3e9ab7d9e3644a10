"""Counters in PostgreSQL, shared by all workers. Each counts within a window of its own."""

from typing import NamedTuple

from django.db import connection

_STALE_ROWS_DELETED_PER_WINDOW = 10

# One statement, so that parallel requests on any worker all count; PostgreSQL's clock is the shared one.
_COUNT_SQL = """
    INSERT INTO accounts_throttlecount AS kept (key, count, expires_at)
    VALUES (%(key)s, 1, clock_timestamp() + make_interval(secs => %(seconds)s))
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN kept.expires_at <= clock_timestamp() THEN 1 ELSE kept.count + 1 END,
        expires_at = CASE WHEN kept.expires_at <= clock_timestamp()
            THEN excluded.expires_at ELSE kept.expires_at END
    RETURNING count, extract(epoch FROM expires_at - clock_timestamp())
"""
_CLEAN_SQL = """
    DELETE FROM accounts_throttlecount WHERE key IN (
        SELECT key FROM accounts_throttlecount WHERE expires_at < clock_timestamp()
        LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""


class Count(NamedTuple):
    hits: int
    seconds_left: float


def count_hit(*, key: str, seconds: int) -> Count:
    """Count one hit in the key's window of `seconds`, beginning a new window when the last one is over."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_SQL, {"key": key, "seconds": seconds})
        hits, seconds_left = cursor.fetchone()
        if hits == 1:
            cursor.execute(_CLEAN_SQL, [_STALE_ROWS_DELETED_PER_WINDOW])
    return Count(hits, float(seconds_left))
