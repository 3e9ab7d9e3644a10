"""How a login is refused: by the rate of its network, or by the lock on its name. See `accounts.login_lock`."""

import math
from datetime import timedelta
from typing import Any

from axes.helpers import get_cool_off, get_failure_limit
from axes.models import AccessAttempt
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.settings import api_settings

from accounts.networks import caller_network, login_address
from accounts.rate_limits import seconds_over


def seconds_to_wait_for_login(request: HttpRequest) -> float:
    """Count a login from the caller's network; return how long to wait, or 0. API and staff site share the rate."""
    rate = api_settings.DEFAULT_THROTTLE_RATES["login"]
    return seconds_over(str(rate), key=f"login:{caller_network(request)}") if rate else 0.0


def login_name(_request: HttpRequest | None, credentials: dict[str, Any] | None) -> str:
    """Return the name that failed logins count under: the email in lower case, from API or staff site."""
    names = credentials or {}
    return str(names.get("email") or names.get("username") or "").strip().lower()[:254]


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
    problem = {
        "title": _("Too many failed logins"),
        "detail": _("Too many failed logins. Try again in %(seconds)s seconds.") % {"seconds": seconds},
        "type": "/docs/errors#login_locked",
        "code": "login_locked",
    }
    page = render_to_string("problem.html", {"problem": problem})
    return HttpResponse(page, status=429, headers={"Retry-After": str(seconds)})
