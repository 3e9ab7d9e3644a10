"""What browsers and caches may do with an answer: keep only what says so, and run nothing strange in /admin."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

#: Of tokens and of money no browser and no proxy keeps a copy. A view may say otherwise.
NO_STORE = "no-store"
#: Django's staff pages have neither scripts nor styles of their own in the page.
STAFF_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class ResponseHeadersMiddleware:
    """Completes the headers of each answer that Django makes; static files have their own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", NO_STORE)
        if request.path.startswith("/admin/"):
            response.headers.setdefault("Content-Security-Policy", STAFF_POLICY)
        return response
