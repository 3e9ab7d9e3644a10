"""The throttles of views: how often a user, or the network of a stranger, may call."""

from typing import TYPE_CHECKING

from django.http import HttpRequest
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from accounts.models import Role
from accounts.networks import caller_network
from accounts.rate_limits import seconds_over

if TYPE_CHECKING:  # importing views would import their throttles: these
    from rest_framework.views import APIView


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


def seconds_to_wait(scope: str, request: HttpRequest) -> float:
    """Count a stranger's request outside of the API, with those of the scope; return how long to wait, or 0."""
    rate = api_settings.DEFAULT_THROTTLE_RATES.get(scope)
    return seconds_over(str(rate), key=f"{scope}:{caller_network(request)}") if rate else 0.0


def _caller(request: Request) -> str:
    if request.user.is_authenticated:
        return f"user:{request.user.pk}"
    return caller_network(request)
