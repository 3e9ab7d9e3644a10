"""A product's version as its ETag (RFC 9110): it rises with everything that is shown."""

import re

from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from catalog.models import Product

_ETAG = re.compile(r'"([1-9][0-9]{0,9})"', re.ASCII)

IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The `ETag` that you have seen: when the product was changed since, 412 and nothing happens.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="The `ETag` that you hold: 304 while it is current."
)
ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200, 201], description="The version of what is shown."
)


#: The browser of who asked may keep a copy, and asks before it shows it again.
KEPT = {"Cache-Control": "private, no-cache"}


def etag(product: Product) -> str:
    return f'"{product.version}"'


#: What compressing proxies append to a tag.
_ENCODINGS = ("-gzip", "-br", "-zstd", ";gzip", ";br", ";zstd")


def sent_tags(header: str) -> set[str]:
    """Return the tags in a header as we sent them: a compressing proxy makes them weak, or appends an encoding.

    What it changes is the form of the bytes and never the version that our tags name.
    """
    opaque = [tag.removeprefix("W/").strip('"') for tag in parse_etags(header)]
    for encoding in _ENCODINGS:
        opaque = [tag.removesuffix(encoding) for tag in opaque]
    return {tag if tag == "*" else f'"{tag}"' for tag in opaque}


def wanted_versions(request: Request) -> set[int] | None:
    """Return the versions that If-Match allows; None when it is missing or `*`."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    return {int(found[1]) for tag in sent_tags(header) if (found := _ETAG.fullmatch(tag))}


def is_current(request: Request, tag: str) -> bool:
    """Tell whether If-None-Match names the tag of what would be answered."""
    return not sent_tags(request.headers.get("If-None-Match", "")).isdisjoint({"*", tag})
