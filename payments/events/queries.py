"""Reading the feed: events by their positions."""

from collections.abc import Collection
from typing import NamedTuple

from django.db.models import QuerySet

from payments.events.models import FREQUENT, Event

#: How many events one read looks at when it wants some of the frequent types.
MAX_SCANNED = 10_000


class FeedPage(NamedTuple):
    events: list[Event]
    #: Where to go on from: no wanted event up to here is missing.
    position: int
    has_more: bool


def last_position() -> int:
    """Return the position of the newest event, 0 if there is none."""
    return Event.objects.order_by("-position").values_list("position", flat=True).first() or 0


def page(position: int, types: Collection[str] | None = None, limit: int = 100) -> FeedPage:
    """Return the next events of these types, or of all, oldest first.

    Looks at MAX_SCANNED events at most, so a page of few types may be empty and have more behind it.
    """
    newest = last_position()  # before the events: what comes meanwhile belongs to the next page
    window = Event.objects.filter(position__gt=position, position__lte=newest).order_by("position")
    end = newest
    if types is None:
        events = list(window[:limit])
    elif set(types).isdisjoint(FREQUENT):
        events = _of_rare_types(window, types, limit)
    else:
        end = _end_of_scan(window, newest)
        events = list(window.filter(position__lte=end, type__in=types)[:limit])
    reached = events[-1].position if len(events) == limit else max(position, end)
    return FeedPage(events, reached, has_more=reached < newest)


def _of_rare_types(window: QuerySet[Event], types: Collection[str], limit: int) -> list[Event]:
    """Read the next of each type from the index of rare types, and merge them."""
    first, *others = (window.filter(type=name)[:limit] for name in types)
    return list(first.union(*others, all=True).order_by("position")[:limit] if others else first)


def _end_of_scan(window: QuerySet[Event], newest: int) -> int:
    """Return the position of the last event to look at. Positions leap after a restore, so the events are counted."""
    last = window.values_list("position", flat=True)[MAX_SCANNED - 1 : MAX_SCANNED]
    return next(iter(last), newest)
