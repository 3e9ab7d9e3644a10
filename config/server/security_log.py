"""Ties security events to the request that caused them, and notes who was refused (accounts/security_log.py)."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts import security_log


class SecurityLogMiddleware:
    """Notes every 403: a role that may not, a form from another site, a page of staff."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with security_log.during(request):
            response = self.get_response(request)
            if response.status_code == 403:
                _note_refusal(request)
            return response


def _note_refusal(request: HttpRequest) -> None:
    route = request.resolver_match.route if request.resolver_match else "unmatched"
    user_id = security_log.known_user_id(request)
    security_log.record(security_log.SecurityEvent.REFUSED, user_id=user_id, method=request.method, route=route)
