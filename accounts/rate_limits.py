"""How often one may try: a rate such as `3/hour` for each key, and a memory of who was just refused."""

import time
from typing import Final

from rest_framework.settings import api_settings

from accounts.counters import count_hit

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class RefusalMemory:
    """Who this process has refused, by key and rate. To count them again is to write to PostgreSQL and to commit.

    `ask_again_after` bounds, in seconds, how long PostgreSQL is not asked; `max_callers` bounds the memory.
    """

    def __init__(self, *, ask_again_after: float = 1.0, max_callers: int = 10_000) -> None:
        self.ask_again_after = ask_again_after
        self.max_callers = max_callers
        #: Until when PostgreSQL is not asked, and when the window is over, by this process's clock.
        self._times: dict[tuple[str, str], tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._times)

    def add(self, key: str, rate: str, *, seconds_left: float) -> None:
        if len(self) >= self.max_callers:
            self.clear()
        now = time.monotonic()
        self._times[key, rate] = now + min(seconds_left, self.ask_again_after), now + seconds_left

    def seconds_left(self, key: str, rate: str) -> float:
        """Return how long the caller has to wait, at least 1; or 0 when PostgreSQL has to be asked."""
        now = time.monotonic()
        ask_again_at, over_at = self._times.get((key, rate), (0.0, 0.0))
        return max(over_at - now, 1.0) if now < ask_again_at else 0.0

    def clear(self) -> None:
        """Ask PostgreSQL again about everybody."""
        self._times.clear()


refusals = RefusalMemory()


def parsed_rate(scope: str) -> tuple[int, int]:
    """Return the rate of a scope of DEFAULT_THROTTLE_RATES: how many hits in how many seconds."""
    return _parsed(str(api_settings.DEFAULT_THROTTLE_RATES[scope]))


def _parsed(rate: str) -> tuple[int, int]:
    limit, _, period = rate.partition("/")
    return int(limit), _SECONDS[period[0]]


def seconds_refused(scope: str, user_id: int) -> float:
    """Return how long a user has to wait whom this process has just refused, or 0. Asks and counts nothing."""
    return refusals.seconds_left(f"{scope}:user:{user_id}", str(api_settings.DEFAULT_THROTTLE_RATES[scope]))


def remember_refused(scope: str, user_id: int, *, seconds_left: float) -> float:
    """Remember a user whose hits were over the rate. Return how long they have to wait, at least 1 second."""
    rate = str(api_settings.DEFAULT_THROTTLE_RATES[scope])
    refusals.add(f"{scope}:user:{user_id}", rate, seconds_left=seconds_left)
    return max(seconds_left, 1.0)


def seconds_over(rate: str, *, key: str) -> float:
    """Count one hit of `key`; return how long to wait when that is more than the rate (`3/hour`) allows, else 0.

    A worker that has just refused the key does so again by itself: its window is not over sooner.
    """
    if seconds := refusals.seconds_left(key, rate):
        return seconds
    limit, seconds_of_window = _parsed(rate)
    hits, seconds_left = count_hit(key=key, seconds=seconds_of_window)
    if hits <= limit:
        return 0.0
    refusals.add(key, rate, seconds_left=seconds_left)
    return max(seconds_left, 1.0)


def seconds_still_refused(scope: str, network: str) -> float:
    """Return how long a stranger has to wait whom this process has just refused, or 0. Asks and counts nothing."""
    rate = api_settings.DEFAULT_THROTTLE_RATES.get(scope)
    return refusals.seconds_left(f"{scope}:{network}", str(rate))
