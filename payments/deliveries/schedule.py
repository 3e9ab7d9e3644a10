"""When a delivery is tried again. Plain Python: no clock and no chance of its own."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SECONDS, _MINUTES, _HOURS = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
#: The pause after each attempt. After the last of them a delivery has failed.
PAUSES = (
    *(5 * _SECONDS, _MINUTES, 5 * _MINUTES, 30 * _MINUTES, 2 * _HOURS, 5 * _HOURS, 10 * _HOURS),
    *(24 * _HOURS, 24 * _HOURS, 24 * _HOURS),
)
#: As a part of each pause: what failed together does not come back together.
JITTER = 0.1
MAX_RETRY_AFTER = 24 * _HOURS
#: So long without a success, and the endpoint is switched off.
GIVE_UP_AFTER = timedelta(days=5)


def pause_after(attempts: int, *, chance: float, retry_after: timedelta | None = None) -> timedelta | None:
    """Return how long to wait after that many attempts; None when there is no further one.

    `chance` is from 0 to 1. What the receiver asks for is honoured if it is longer, up to a day.
    """
    if attempts > len(PAUSES):
        return None
    pause = PAUSES[attempts - 1] * (1 + JITTER * chance)
    return max(pause, min(retry_after, MAX_RETRY_AFTER)) if retry_after else pause


def retry_after(header: str, now: datetime) -> timedelta | None:
    """Read the header Retry-After: seconds, or a date. None when it says nothing that can be understood."""
    text = header.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return timedelta(seconds=int(text))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(aware - now, timedelta(0))
