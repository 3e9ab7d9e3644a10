"""Answers that the event loop writes itself, as bytes: to webhooks on the fast path, and to broken requests."""

from collections.abc import Mapping

from django.http import HttpResponse
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from config.problems import ProblemResponse, problem_response, problem_types
from config.problems.handlers import for_staff

CREDITED = (
    STATUS_LINE[200] + b"content-type: application/json\r\ncontent-length: %d\r\n"
    b"x-content-type-options: nosniff\r\ncache-control: no-store\r\nx-request-id: %b\r\n%b\r\n%b"
)
REFUSALS = {
    problem.status: problem
    for problem in (
        problem_types.BAD_REQUEST,
        problem_types.HEAD_TOO_SLOW,
        problem_types.ADDRESS_TOO_LONG,
        problem_types.HEADERS_TOO_LARGE,
    )
}


class _LatestHeaders:
    """The last list of headers that was encoded. uvicorn makes a new list every second, for the date."""

    headers: list[tuple[bytes, bytes]] | None = None
    encoded = b""


def encode_headers(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return uvicorn's own headers, such as the date, as bytes. The list must not change afterwards."""
    if _LatestHeaders.headers is not headers:
        _LatestHeaders.encoded = b"".join(b"%b: %b\r\n" % header for header in headers)
        _LatestHeaders.headers = headers
    return _LatestHeaders.encoded


def problem_head(response: ProblemResponse, identity: str) -> bytes:
    return head_of(response.status_code, headers_of(response, identity))


def headers_of(response: HttpResponse, identity: str) -> dict[str, str]:
    """Return the headers of an answer from the event loop, which no middleware completes."""
    return {
        **response.headers,
        "X-Request-ID": identity,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Content-Length": str(len(response.content)),
    }


def refused_request(status: int, identity: str, path: str) -> bytes:
    """Return the answer to a request that cannot be read. The connection ends with it.

    `path` is what is known of its address: staff see a page.
    """
    response = for_staff(path, problem_response(REFUSALS[status]))
    headers = {**headers_of(response, identity), "Connection": "close"}
    return head_of(status, headers) + b"\r\n" + response.content


def head_of(status: int, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name.lower()}: {value}\r\n" for name, value in headers.items())
    return STATUS_LINE[status] + lines.encode("latin-1")
