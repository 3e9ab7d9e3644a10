"""Sessions, who is signed in by one, and messages: for the pages of staff alone, because nobody else reads them.

The API knows its callers by their tokens. CSRF, CORS, axes and X-Frame-Options stay everywhere: the pages of the docs
and the login need them, and together they cost microseconds.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

STAFF_PREFIX = "/admin/"


class StaffOnly(MiddlewareMixin):
    """Hands a request of anybody else straight on."""

    get_response: Callable[[HttpRequest], HttpResponseBase]

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer: Callable[[HttpRequest], Any] = (
            super().__call__ if request.path.startswith(STAFF_PREFIX) else self.get_response
        )
        response: HttpResponseBase = answer(request)
        return response


class StaffSessionMiddleware(StaffOnly, SessionMiddleware):
    pass


class StaffAuthenticationMiddleware(StaffOnly, AuthenticationMiddleware):
    pass


class StaffMessageMiddleware(StaffOnly, MessageMiddleware):
    pass
