"""Pages for who opens a link of a mail in a browser. They work without scripts."""

from collections.abc import Mapping
from typing import IO, Any, ClassVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.views import APIView

#: A form of ours, the styles of the page, and nothing from elsewhere.
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def wants_page(request: HttpRequest) -> bool:
    """Tell whether a browser asks; programs that say nothing get JSON, and so does who says what nobody can read."""
    try:
        return request.get_preferred_type(["application/json", "text/html"]) == "text/html"
    except ValueError:
        return False


def page(request: Request, name: str, *, status: int = 200, **context: Any) -> HttpResponseBase:
    answer = render(request._request, f"accounts/{name}.html", context, status=status)
    answer.headers["Content-Security-Policy"] = PAGE_POLICY
    return answer


class PageFormParser(FormParser):
    """For the forms of our own pages. They send UTF-8, so no other charset is tried."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return super().parse(stream, media_type, {**(parser_context or {}), "encoding": "utf-8"})


class LinkPageMixin(APIView):
    """For the address of a link: a browser gets pages, also of errors, and the token goes to no other site."""

    #: What the page of a problem is, by its code, if it is not the general one.
    problem_pages: ClassVar[dict[str, str]] = {}

    @property
    def shows_page(self) -> bool:
        return wants_page(self.request._request)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        return super().perform_content_negotiation(request, force=force or wants_page(request._request))

    def handle_exception(self, exc: Exception) -> Any:
        answer: Any = super().handle_exception(exc)
        if not self.shows_page:
            return answer
        name = self.problem_pages.get(answer.data["code"], "link_problem")
        problem_page: Any = page(self.request, name, status=answer.status_code, problem=answer.data)
        problem_page._has_been_logged = True  # as of the answer that it replaces
        if "Retry-After" in answer.headers:
            problem_page.headers["Retry-After"] = answer.headers["Retry-After"]
        return problem_page

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(*args, **kwargs)
        response.headers["Referrer-Policy"] = "no-referrer"
        patch_vary_headers(response, ["Accept"])
        return response
