"""How often one may try: request counters in PostgreSQL, shared by all workers, and the lock on logins."""

import math
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from axes.helpers import get_cool_off, get_failure_limit
from axes.models import AccessAttempt
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from accounts.models import Role

if TYPE_CHECKING:  # importing views would import their throttles: these
    from rest_framework.views import APIView

from accounts.networks import caller_network, login_address

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_STALE_ROWS_DELETED_PER_WINDOW = 10
#: Seconds for which who was refused is refused without asking PostgreSQL: to count him is to write and to commit.
REFUSED_UNASKED_SECONDS = 1.0
#: So many callers' refusals are remembered.
_MAX_REFUSED = 10_000
#: By key and rate: until when PostgreSQL is not asked, and when the window is over, by this process's clock.
_refused: dict[tuple[str, str], tuple[float, float]] = {}

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


def seconds_over(rate: str, *, key: str) -> float:
    """Count one hit of `key`; return how long to wait when that is more than the rate (`3/hour`) allows, else 0.

    A worker that has just refused the key does so again by itself: its window is not over sooner.
    """
    now = time.monotonic()
    if seconds := _still_refused(rate, key, now):
        return seconds
    limit, _, period = rate.partition("/")
    hits, seconds_left = count_hit(key=key, seconds=_SECONDS[period[0]])
    if hits <= int(limit):
        return 0.0
    if len(_refused) >= _MAX_REFUSED:
        _refused.clear()
    _refused[key, rate] = now + min(seconds_left, REFUSED_UNASKED_SECONDS), now + seconds_left
    return max(seconds_left, 1.0)


def _still_refused(rate: str, key: str, now: float) -> float:
    unasked_until, over_at = _refused.get((key, rate), (0.0, 0.0))
    return max(over_at - now, 1.0) if now < unasked_until else 0.0


def seconds_still_refused(scope: str, network: str) -> float:
    """Return how long a stranger has to wait whom this process has just refused, or 0. Asks and counts nothing."""
    rate = api_settings.DEFAULT_THROTTLE_RATES.get(scope)
    return _still_refused(str(rate), f"{scope}:{network}", time.monotonic())


def forget_refusals() -> None:
    """Ask PostgreSQL again about everybody."""
    _refused.clear()


class WindowThrottle(BaseThrottle):
    """Fixed windows at the rate of `throttle_scope`, for each user, or for each address of a stranger.

    The view names its scope, DEFAULT_THROTTLE_RATES the rate (`600/min`). A request is counted before it is
    handled and stays counted when it fails.
    """

    _seconds_left = 0.0

    def scope(self, request: Request, view: "APIView") -> str | None:  # noqa: ARG002
        """Return whose rate counts; None: this request is not counted."""
        return getattr(view, "throttle_scope", None)

    def allow_request(self, request: Request, view: "APIView") -> bool:
        scope = self.scope(request, view)
        rate = api_settings.DEFAULT_THROTTLE_RATES.get(scope) if scope else None
        if not rate:
            return True
        self._seconds_left = seconds_over(str(rate), key=f"{scope}:{_caller(request)}")
        return not self._seconds_left

    def wait(self) -> float:
        return self._seconds_left


class WriteThrottle(WindowThrottle):
    """What changes something, by each user who has signed in; services and admins have a rate of their own.

    Every view has it that names no other throttles.
    """

    def scope(self, request: Request, view: "APIView") -> str | None:  # noqa: ARG002
        if request.method in SAFE_METHODS or not request.user.is_authenticated:
            return None
        return "writes" if request.user.role == Role.USER else "service_writes"


def _caller(request: Request) -> str:
    if request.user.is_authenticated:
        return f"user:{request.user.pk}"
    return caller_network(request)


def seconds_to_wait_for_login(request: HttpRequest) -> float:
    """Count a login from the caller's network, at the rate that both doors share; return how long to wait, or 0."""
    rate = api_settings.DEFAULT_THROTTLE_RATES["login"]
    return seconds_over(str(rate), key=f"login:{caller_network(request)}") if rate else 0.0


def login_name(_request: HttpRequest | None, credentials: dict[str, Any] | None) -> str:
    """Return the name that failed logins count under: the email in lower case, from API or staff site."""
    given = credentials or {}
    return str(given.get("email") or given.get("username") or "").strip().lower()[:254]


def seconds_locked(request: HttpRequest, name: str) -> int:
    """Return how many seconds a locked (email, address) pair has to wait; at least 1.

    The lock ends when so many counted failures are older than the cool-off that the rest is below the limit.
    """
    if slowed := getattr(request, "seconds_slowed", 0):
        return math.ceil(slowed)
    cool_off: timedelta = get_cool_off(request)
    rows = AccessAttempt.objects.filter(
        username=name, ip_address=login_address(request), attempt_time__gte=timezone.now() - cool_off
    ).order_by("attempt_time")
    failures = list(rows.values_list("attempt_time", "failures_since_start"))
    left = sum(count for _, count in failures)
    for attempt_time, count in failures:
        left -= count
        if left < get_failure_limit(request, None):
            opens_in: timedelta = attempt_time + cool_off - timezone.now()
            return max(1, math.ceil(opens_in.total_seconds()))
    return 1


def lockout_response(
    request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """Answer a locked login (for axes): the API's own 429 as it is, the staff site with a plain page."""
    if response is not None and response.status_code == 429:
        return response
    return login_refused(seconds_locked(request, login_name(request, credentials)))


def login_refused(seconds: int) -> HttpResponse:
    """A plain page for the staff site: nobody signs in now."""
    return HttpResponse(
        f"Too many failed logins. Try again in {seconds} seconds.",
        status=429,
        content_type="text/plain; charset=utf-8",
        headers={"Retry-After": str(seconds)},
    )
