"""Entity tags (RFC 9110): what a client sends, and what an answer with a version has.

A tag is the version in quotes. Where an answer also has what nobody edits, such as balances, the tag has two parts:
`"version.shown"`. If-None-Match compares all of it, and If-Match the version: docs/decisions/0050.
"""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

#: What compressing proxies append to a tag.
_ENCODINGS = ("-gzip", "-br", "-zstd", ";gzip", ";br", ";zstd")

IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The `ETag` that you have seen: when it was changed since, 412 and nothing happens.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="The `ETag` that you hold: 304 while it is current."
)
ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200, 201], description="The version of what is shown."
)
NOT_MODIFIED = OpenApiResponse(description="What you hold is current.")
STALE = OpenApiResponse(description="`precondition_failed`: it was changed since you read it.")

#: The browser of who asked may keep a copy, and asks before it shows it again.
KEPT: Final[Mapping[str, str]] = {"Cache-Control": "private, no-cache"}


def sent_tags(header: str) -> set[str]:
    """Return the tags in a header as we sent them: a compressing proxy makes them weak, or appends an encoding.

    What it changes is the form of the bytes and never the version that our tags name.
    """
    opaque = [tag.removeprefix("W/").strip('"') for tag in parse_etags(header)]
    for encoding in _ENCODINGS:
        opaque = [tag.removesuffix(encoding) for tag in opaque]
    return {tag if tag == "*" else f'"{tag}"' for tag in opaque}


def is_current(request: Request, tag: str) -> bool:
    """Tell whether If-None-Match names the tag of what would be answered."""
    return not sent_tags(request.headers.get("If-None-Match", "")).isdisjoint({"*", tag})


def expected_versions(request: Request) -> frozenset[str] | None:
    """Return the versions that If-Match allows; None when it is missing or `*`."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    return frozenset(tag.strip('"').partition(".")[0] for tag in sent_tags(header))


def versioned(data: Any, version: str, code: int = status.HTTP_200_OK, *, keep: bool = True) -> Response:
    """Return the answer with its tag. Without `keep`, no browser keeps a copy."""
    return Response(data, code, headers={"ETag": f'"{version}"', **(KEPT if keep else {})})


def unless_current(request: Request, data: Any, version: str, *, keep: bool = True) -> Response:
    """Return the answer with its tag, or 304 when the client holds it."""
    answer = versioned(data, version, keep=keep)
    if is_current(request, answer.headers["ETag"]):
        return Response(status=status.HTTP_304_NOT_MODIFIED, headers=dict(answer.headers))
    return answer
