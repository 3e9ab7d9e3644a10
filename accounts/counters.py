"""Counters in PostgreSQL, shared by all workers. Each counts within a window of its own."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from django.db import connection

from postgres.parameters import BIGINT, TEXT, RowsStatement
from postgres.pipeline import Pipeline

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
# The same for many keys, of users that have the role. So no caller has to know the role first.
_COUNT_MANY = RowsStatement(
    """
INSERT INTO accounts_throttlecount AS kept (key, count, expires_at)
SELECT hit.scope || ':user:' || hit.user_id, hit.hits, clock_timestamp() + hit.seconds * interval '1 second'
FROM {rows} AS hit (scope, role, user_id, hits, seconds)
JOIN accounts_user member ON member.id = hit.user_id AND member.role = hit.role AND member.is_active
ORDER BY 1
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN kept.expires_at <= clock_timestamp() THEN excluded.count ELSE kept.count + excluded.count END,
    expires_at = CASE WHEN kept.expires_at <= clock_timestamp() THEN excluded.expires_at ELSE kept.expires_at END
RETURNING key, count, extract(epoch FROM expires_at - clock_timestamp())::double precision
""",
    *(TEXT, TEXT, BIGINT, BIGINT, BIGINT),
)
_TAKE_BACK = RowsStatement(
    """
UPDATE accounts_throttlecount kept SET count = kept.count - hit.hits
FROM {rows} AS hit (key, hits) WHERE kept.key = hit.key
""",
    *(TEXT, BIGINT),
)
_CLEAN_SQL = """
    DELETE FROM accounts_throttlecount WHERE key IN (
        SELECT key FROM accounts_throttlecount WHERE expires_at < clock_timestamp()
        LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""


class Count(NamedTuple):
    hits: int
    seconds_left: float


class Hits(NamedTuple):
    """Hits of a user, counted if the user has the role."""

    scope: str
    role: str
    user_id: int
    hits: int
    seconds: int


def queue_count_hits(hits: Iterable[Hits], pipeline: Pipeline) -> Callable[[], dict[tuple[str, int], Count]]:
    """Queue the counting, by ascending keys. Returns a function that reads the counts by scope and user after the run.

    The counters' rows stay locked until the atomic block ends.
    """
    read = pipeline.execute_rows([*hits], _COUNT_MANY)
    return lambda: {_scope_and_user(key): Count(count, seconds_left) for key, count, seconds_left in read()}


def queue_take_back(hits: Mapping[tuple[str, int], int], pipeline: Pipeline) -> None:
    """Queue that so many hits of a scope and user count no longer: in the atomic block that has counted them."""
    if hits:
        rows = [(f"{scope}:user:{user_id}", number) for (scope, user_id), number in hits.items()]
        pipeline.execute_rows(rows, _TAKE_BACK)


def queue_clean(pipeline: Pipeline) -> None:
    """Queue the removal of a few counters whose window is over, as `count_hit` removes them."""
    pipeline.execute(_CLEAN_SQL.replace("%s", "$1::bigint"), str(_STALE_ROWS_DELETED_PER_WINDOW))


def _scope_and_user(key: str) -> tuple[str, int]:
    scope, _, user_id = key.partition(":user:")
    return scope, int(user_id)


def count_hit(*, key: str, seconds: int) -> Count:
    """Count one hit in the key's window of `seconds`, beginning a new window when the last one is over."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_SQL, {"key": key, "seconds": seconds})
        hits, seconds_left = cursor.fetchone()
        if hits == 1:
            cursor.execute(_CLEAN_SQL, [_STALE_ROWS_DELETED_PER_WINDOW])
    return Count(hits, float(seconds_left))
