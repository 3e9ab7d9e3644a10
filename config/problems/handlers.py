"""Where errors become answers: DRF's handler, the middleware, and Django's own error views.

Pages of /admin are HTML whatever happens: Django's own, or a page with what a program would read.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.core import exceptions as django_errors
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.views import csrf, defaults

from config.problems import problem_types
from config.problems.responses import ProblemResponse, problem_response, response_for

#: Django has a page for each, or asks `bad_request` for one.
_DJANGOS = (Http404, django_errors.PermissionDenied, django_errors.SuspiciousOperation, django_errors.BadRequest)


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:  # noqa: ARG001  DRF's
    """DRF's hook. None lets an unforeseen error rise to Django, which logs it and asks `server_error`."""
    return response_for(error)


class ProblemMiddleware:
    """Refuses what no view should see, and answers for what views raise or leave without a body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        problem = refused_before_the_view(request)
        if problem is not None:
            return for_staff(request.path, problem_response(problem))
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not _is_admin(request):
            return problem_response(problem_types.METHOD_NOT_ALLOWED, headers={"Allow": response.headers["Allow"]})
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if _is_admin(request) and isinstance(error, _DJANGOS):
            return None
        answer = response_for(error)
        return for_staff(request.path, answer) if answer else None


def refused_before_the_view(request: HttpRequest) -> problem_types.Problem | None:
    """Look at nothing but the first line and the announced length: no byte of the body is read."""
    if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
        return problem_types.UNREADABLE_TEXT
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit() and len(length) < 20):
        return problem_types.BAD_REQUEST
    return problem_types.BODY_TOO_LARGE if int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE else None


def _is_admin(request: HttpRequest) -> bool:
    return is_staff_page(request.path)


def is_staff_page(path: str) -> bool:
    return path.startswith("/admin/")


def for_staff(path: str, answer: ProblemResponse) -> HttpResponse:
    """Return the answer, as a page where staff look at it in a browser. Needs no database."""
    if not is_staff_page(path):
        return answer
    page = HttpResponse(render_to_string("problem.html", {"problem": answer.data}), status=answer.status_code)
    if "Retry-After" in answer.headers:
        page.headers["Retry-After"] = answer.headers["Retry-After"]
    page._has_been_logged = True  # type: ignore[attr-defined]  # as of the answer that it replaces
    return page


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return for_staff(request.path, response_for(exception) or problem_response(problem_types.BAD_REQUEST))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_admin(request):
        return defaults.permission_denied(request, exception)
    return problem_response(problem_types.PERMISSION_DENIED)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_admin(request):
        return defaults.page_not_found(request, exception)
    return problem_response(problem_types.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """Also for errors inside middleware: a session that cannot be read is a lost database."""
    error = sys.exc_info()[1]
    foreseen = response_for(error) if error else None
    if foreseen is None and _is_admin(request):
        return defaults.server_error(request)
    if foreseen is not None:
        return for_staff(request.path, foreseen)
    return problem_response(problem_types.INTERNAL_ERROR)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if _is_admin(request):
        return csrf.csrf_failure(request, reason)
    return problem_response(problem_types.CSRF_FAILED)
