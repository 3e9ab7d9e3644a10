"""From a moment to an id, in tables that have no index on time because their ids rise with it."""

from datetime import datetime, timedelta
from typing import TypeVar

from django.db import connection, models
from django.db.models import QuerySet

#: Rows of neighbouring ids were begun at most one statement's timeout apart; the exact filter does the rest.
SLACK = timedelta(minutes=2)

Row = TypeVar("Row", bound=models.Model)

_LAST_BEFORE = """
WITH RECURSIVE seek (low, high) AS (
    SELECT 0::bigint, coalesce(max(id), 0) FROM {table}
    UNION ALL
    SELECT CASE WHEN early THEN middle ELSE low END, CASE WHEN early THEN high ELSE middle - 1 END
    FROM seek
    CROSS JOIN LATERAL (SELECT (low + high + 1) / 2 AS middle) AS half
    CROSS JOIN LATERAL (SELECT coalesce(
        (SELECT {time} < %s FROM {table} WHERE id >= middle AND id <= high ORDER BY id LIMIT 1), false
    ) AS early) AS probe
    WHERE low < high
)
SELECT low FROM seek WHERE low = high
"""


def between(rows: QuerySet[Row], *, time: str, start: datetime | None, end: datetime | None) -> QuerySet[Row]:
    """Narrow rows to those of which `time` is in [start, end), without reading what lies far outside.

    One small query for each bound that is given.
    """
    if start is not None:
        rows = rows.filter(**{f"{time}__gte": start}, id__gte=_last_id_before(rows.model, time, start, -SLACK))
    if end is not None:
        rows = rows.filter(**{f"{time}__lt": end}, id__lte=_last_id_before(rows.model, time, end, SLACK))
    return rows


def last_id_before(model: type[models.Model], *, time: str, moment: datetime) -> int:
    """Return an id that no row from that moment on is below, or equal to. One small query."""
    return _last_id_before(model, time, moment, -SLACK)


def _last_id_before(model: type[models.Model], time: str, moment: datetime, slack: timedelta) -> int:
    sql = _LAST_BEFORE.format(table=model._meta.db_table, time=time)
    with connection.cursor() as cursor:
        cursor.execute(sql, [_shifted(moment, slack)])
        return int(cursor.fetchone()[0])


def _shifted(moment: datetime, slack: timedelta) -> datetime:
    """Add the slack; a moment at the edge of the calendar stays as it is."""
    try:
        return moment + slack
    except OverflowError:
        return moment
