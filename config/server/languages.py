"""Speaks the language of whoever asks. Nothing is active in a thread but while it makes an answer.

Machines get English: providers, Prometheus, and who reads the documentation of the API, which is kept for all.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, cast

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from api.languages import ENGLISH, is_spoken, language_of, speaking
from config.server.staff_middleware import STAFF_PREFIX

ENGLISH_ONLY: Final = (
    *("/api/v1/webhooks/", "/payment/webhook", "/webhook/payment", "/metrics", "/health/"),
    *("/api/v1/schema", "/docs", "/redoc", "/static/"),
)


class LanguageMiddleware:
    """Activates the language of a request, unless it is English, and says in which language the answer is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(ENGLISH_ONLY):
            return self.get_response(request)
        language = _language_asked(request)
        if language == ENGLISH:
            response = self.get_response(request)
        else:
            with speaking(language):
                response = self.get_response(request)
            if isinstance(response, StreamingHttpResponse):
                response.streaming_content = _chunks_in(language, cast("Iterator[bytes]", response.streaming_content))
        if response.status_code >= 400 or request.path.startswith(STAFF_PREFIX):
            _name_language(response, language)
        return response


def _language_asked(request: HttpRequest) -> str:
    """Return the language. Staff may have chosen another one than their browser's."""
    if request.path.startswith(STAFF_PREFIX):
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        if is_spoken(chosen):
            return chosen
    return language_of(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))


def _name_language(response: HttpResponseBase, language: str) -> None:
    """A stored answer is in the language of the request that it was first given to."""
    if "Idempotent-Replayed" not in response.headers:
        response.headers.setdefault("Content-Language", language)
    patch_vary_headers(response, ("Accept-Language",))


def _chunks_in(language: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Make each chunk of a stream in the language. Between two of them the thread may be somebody else's."""
    each = iter(chunks)
    while True:
        with speaking(language):
            chunk = next(each, None)
        if chunk is None:
            return
        yield chunk
