"""When a delivery is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from payments.deliveries.schedule import GIVE_UP_AFTER, PAUSES, pause_after, retry_after

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_the_pauses_grow_to_days_and_then_end() -> None:
    pauses = [pause_after(attempts, chance=0) for attempts in range(1, len(PAUSES) + 2)]
    seconds = [pause.total_seconds() for pause in pauses if pause]
    assert seconds == [5, 60, 300, 1800, 7200, 18_000, 36_000, 86_400, 86_400, 86_400]
    assert pauses[-1] is None
    assert sum(PAUSES, timedelta()) < GIVE_UP_AFTER


def test_a_pause_is_spread_by_chance() -> None:
    assert pause_after(2, chance=0) == timedelta(seconds=60)
    assert pause_after(2, chance=1) == timedelta(seconds=66)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(timedelta(seconds=1), 60), (timedelta(minutes=10), 600), (timedelta(days=30), 86_400), (None, 60)],
)
def test_what_the_receiver_asks_for_is_honoured_within_bounds(given: timedelta | None, expected: int) -> None:
    assert pause_after(2, chance=0, retry_after=given) == timedelta(seconds=expected)


def test_no_receiver_prolongs_the_attempts() -> None:
    assert pause_after(len(PAUSES) + 1, chance=0, retry_after=timedelta(hours=1)) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("120", timedelta(seconds=120)),
        (" 0 ", timedelta(0)),
        ("Sat, 31 Jan 2026 12:01:00 GMT", timedelta(minutes=1)),
        ("Sat, 31 Jan 2026 12:01:00 -0000", timedelta(minutes=1)),
        ("Sat, 31 Jan 2026 11:00:00 GMT", timedelta(0)),
        *((text, None) for text in ("", "soon", "-5", "1.5", "9" * 10, "٣", "Sat, 99 Jan 2026 12:01:00 GMT")),
        (f"Sat, 31 Jan {'9' * 20} 12:01:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(header: str, expected: timedelta | None) -> None:
    assert retry_after(header, NOW) == expected
