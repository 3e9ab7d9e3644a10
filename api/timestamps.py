"""Times as answers write them."""

from datetime import UTC, datetime


def timestamp(moment: datetime) -> str:
    """Return the time in UTC as RFC 3339 writes it: 2026-01-31T12:00:00.123456Z."""
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def timestamp_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)
