"""How much was booked on each of the last days, for the staff site's front page: numbers of transactions, by kind."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.core.cache import cache
from django.db.models import Count
from django.utils import timezone

from api import time_ranges
from payments.ledger.models import Transaction

KINDS = (Transaction.Kind.DEPOSIT, Transaction.Kind.PURCHASE, Transaction.Kind.REFUND)
#: Today's numbers are at most so old. A day that is over is counted once by each process.
SECONDS_OLD = 30
#: After so long nothing is committed any more that began before (the timeouts of statements and idle blocks).
_SETTLED = timedelta(minutes=10)
_KEPT_SECONDS = 24 * 3600


class Day(NamedTuple):
    date: date
    counts: Mapping[str, int]


def booked(*, days: int, now: datetime | None = None) -> list[Day]:
    """Return the last `days` days of UTC, today last, with the number of transactions of each of KINDS.

    Finds the days by binary search over the ids, and reads no transaction outside of them.
    """
    now = now or timezone.now()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return [_day(today - timedelta(days=ago), now) for ago in reversed(range(days))]


def _day(start: datetime, now: datetime) -> Day:
    end = start + timedelta(days=1)
    seconds = _KEPT_SECONDS if end + _SETTLED < now else SECONDS_OLD
    counts: dict[str, int] = cache.get_or_set(f"booked-{start:%Y-%m-%d}", lambda: _count(start, end), seconds) or {}
    return Day(start.date(), counts)


def _count(start: datetime, end: datetime) -> dict[str, int]:
    of_the_day = time_ranges.between(Transaction.objects.all(), time="created_at", start=start, end=end)
    rows = of_the_day.filter(kind__in=KINDS).order_by().values_list("kind").annotate(Count("pk"))
    return dict.fromkeys(map(str, KINDS), 0) | dict(rows)
