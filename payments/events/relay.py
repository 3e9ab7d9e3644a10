"""The relay gives every event its position, in the order in which it sees the rows of the sources.

Rows become visible when they are committed, so positions follow commits. Ids are drawn before, and say nothing of
order: a lower one may become visible later, and that of a rolled back row never does. So the relay keeps the ids that
it has not seen, as gaps, and looks at them again. It gives a gap up once everybody who might fill it has ended.

Who that is, PostgreSQL knows. Drawing an id locks its sequence until the end of the database transaction. An id that
is lower than a visible one was drawn before it, so whoever drew it holds that lock or has ended. The relay reads the
locks after it has read the rows. When none of those holders runs any more, a later pass has seen what they committed,
and the rest of the gap was rolled back. A long transaction elsewhere keeps a gap open and stops nothing.

A prepared transaction would keep its lock under another name. Till has none.
"""

from collections.abc import Sequence
from functools import lru_cache

from django.db import InternalError, connection, transaction
from psycopg.errors import ReadOnlySqlTransaction

from payments.events import metrics
from payments.events.sources import Source, registered
from postgres.parameters import texts
from postgres.pipeline import Pipeline, PipelineSteps, run

#: How many passes one request makes to catch up: a few seconds.
MAX_PASSES = 20

# ON CONFLICT alone would wait for a relay that is updating the row.
_HAVE_RELAY = """
INSERT INTO payments_eventrelay (id, last_position)
SELECT 1, 0 WHERE NOT EXISTS (SELECT FROM payments_eventrelay) ON CONFLICT DO NOTHING
"""
_LOCK = "SELECT last_position FROM payments_eventrelay FOR UPDATE SKIP LOCKED"
_HAVE_SOURCES = """
INSERT INTO payments_eventsource (name, seen_to, gaps, watched, writers)
SELECT name, 0, '{}', '{}', '{}' FROM unnest($1::text[]) AS name
WHERE NOT EXISTS (SELECT FROM payments_eventsource source WHERE source.name = name.name) ON CONFLICT DO NOTHING
"""
# Who may still commit an id that was drawn: the sessions that have locked the sequence, except for those that only
# read it.
_WRITERS = """
SELECT virtualtransaction FROM pg_locks JOIN pg_database here ON here.oid = pg_locks.database
WHERE here.datname = current_database() AND locktype = 'relation' AND mode = 'RowExclusiveLock'
    AND relation = pg_get_serial_sequence(tables.name, 'id')::regclass
"""
_ENDED = f"""
SELECT source.name FROM payments_eventsource source
JOIN unnest($1::text[], $2::text[]) AS tables (source, name) ON tables.source = source.name
WHERE NOT isempty(source.watched) AND NOT EXISTS ({_WRITERS} AND virtualtransaction = ANY(source.writers))
"""  # noqa: S608 - our own words
_WATCH = f"""
UPDATE payments_eventsource SET watched = gaps, writers = ARRAY({_WRITERS})
FROM unnest($1::text[], $2::text[]) AS tables (source, name)
WHERE tables.source = payments_eventsource.name AND isempty(watched) AND NOT isempty(gaps)
"""  # noqa: S608 - as above


def sequence(limit: int = 5000) -> int:
    """Give positions to events that have none, of `limit` rows of each source at most; return their number.

    0: there are none, another relay is at it, or the server only reads. Safe to run at any time and by many at once:
    it waits for nobody.
    """
    try:
        return run(_steps(tuple(registered()), limit))
    except InternalError as error:
        if isinstance(error.__cause__, ReadOnlySqlTransaction):
            return 0
        raise


@transaction.atomic
def catch_up(limit: int = 5000) -> bool:
    """Give all that is committed its position; tell whether MAX_PASSES were enough. Waits for another relay."""
    with connection.cursor() as cursor:
        cursor.execute(_HAVE_RELAY)
        cursor.execute("SELECT FROM payments_eventrelay FOR UPDATE")
        for _ in range(MAX_PASSES):
            cursor.execute(_is_behind(tuple(registered())), {"limit": limit})
            [[is_behind]] = cursor.fetchall()
            sequence(limit)
            if not is_behind:
                return True
    return False


@transaction.atomic
def leap(gap: int) -> None:
    """Leave out so many positions: after a restore, none of the lost time is given again. Waits for a relay."""
    with connection.cursor() as cursor:
        cursor.execute(_HAVE_RELAY)
        cursor.execute("UPDATE payments_eventrelay SET last_position = last_position + %s", [gap])


def _steps(sources: tuple[Source, ...], limit: int) -> PipelineSteps[int]:
    """First the lock and who has ended, then the rows: each statement sees what was committed before it."""
    names = texts([source.name for source in sources]), texts([source.table for source in sources])
    pipeline = Pipeline()
    pipeline.execute(_HAVE_RELAY)
    locked = pipeline.execute(_LOCK)
    pipeline.execute(_HAVE_SOURCES, names[0])
    ended = pipeline.execute(_ENDED, *names)
    yield pipeline
    if not locked():
        return 0
    pipeline = Pipeline(commit=True)
    sequenced = pipeline.execute(_take_from(sources), str(limit), texts([name for (name,) in ended()]))
    pipeline.execute(_WATCH, *names)
    yield pipeline
    [(number, position)] = sequenced()
    metrics.sequenced.inc(number)
    metrics.last_position.set(position)
    metrics.last_pass.set_to_current_time()
    return int(number)


# Late rows are those in gaps. While there are more of them than the limit, newer ones wait, so that the events of a
# wallet keep its order. Nor is a gap given up then. The inner LIMIT has PostgreSQL go through the gaps, not the table.
_ROWS = """
{name}_late AS MATERIALIZED (
    SELECT late.* FROM state CROSS JOIN unnest(gaps) AS gap CROSS JOIN LATERAL (
        SELECT {columns} FROM {table} WHERE id >= lower(gap) AND id < upper(gap) ORDER BY id LIMIT $1::bigint
    ) AS late WHERE name = '{name}' ORDER BY id LIMIT $1::bigint
), {name}_rows AS MATERIALIZED (
    SELECT true AS is_late, * FROM {name}_late
    UNION ALL (
        SELECT false, {columns} FROM {table} WHERE id > (SELECT seen_to FROM state WHERE name = '{name}')
        ORDER BY id LIMIT $1::bigint - (SELECT count(*) FROM {name}_late)
    )
)
"""
_TAKE = """
WITH state AS MATERIALIZED (
    SELECT name, seen_to, gaps FROM payments_eventsource
), {rows}, seen AS (
    {seen}
), event (source, row_id, number, type) AS (
    {events}
), stored AS (
    INSERT INTO payments_event (position, type, source_id)
    SELECT last_position + row_number() OVER (ORDER BY source, row_id, number), type, row_id
    FROM event CROSS JOIN payments_eventrelay RETURNING 1
), progress AS (
    SELECT name, max(id) AS highest, range_agg(int8range(id, id + 1)) AS ids,
        name = ANY($2::text[]) AND count(*) FILTER (WHERE is_late) < $1::bigint AS has_ended
    FROM seen GROUP BY name
    UNION ALL SELECT name, 0, '{{}}', true FROM state
        WHERE name = ANY($2::text[]) AND name NOT IN (SELECT name FROM seen)
), advanced AS (
    UPDATE payments_eventsource source SET
        seen_to = greatest(seen_to, highest),
        gaps = gaps + int8multirange(int8range(seen_to + 1, greatest(seen_to, highest) + 1)) - ids
            - CASE WHEN has_ended THEN watched ELSE '{{}}' END,
        watched = CASE WHEN has_ended THEN '{{}}' ELSE watched END
    FROM progress WHERE progress.name = source.name
), moved AS (
    UPDATE payments_eventrelay SET last_position = last_position + number
    FROM (SELECT count(*) AS number FROM stored) AS counted WHERE number > 0
)
SELECT count(*), (SELECT last_position FROM payments_eventrelay) + count(*) FROM stored
"""


@lru_cache(maxsize=1)
def _take_from(sources: Sequence[Source]) -> str:
    """Return the one statement, of one snapshot, that takes what is new of all sources."""
    return _TAKE.format(
        rows=",".join(
            _ROWS.format(name=source.name, table=source.table, columns=", ".join(["id", *source.columns]))
            for source in sources
        ),
        seen=" UNION ALL ".join(
            f"SELECT '{source.name}' AS name, id, is_late FROM {source.name}_rows"  # noqa: S608 - our own words
            for source in sources
        ),
        events=" UNION ALL ".join(
            f"SELECT {rank}, id, {number}, {type_} FROM {source.name}_rows WHERE {condition}"  # noqa: S608 - as above
            for rank, source in enumerate(sources)
            for number, (type_, condition) in enumerate(source.events)
        ),
    )


_HAS_MORE = """
EXISTS (
    SELECT FROM {table} WHERE id > coalesce((SELECT seen_to FROM payments_eventsource WHERE name = '{name}'), 0)
    ORDER BY id OFFSET %(limit)s
)
"""


def _is_behind(sources: Sequence[Source]) -> str:
    """Return the statement that tells whether some source has more rows than one pass takes."""
    return "SELECT " + " OR ".join(_HAS_MORE.format(table=source.table, name=source.name) for source in sources)
