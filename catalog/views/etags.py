"""A product's version as its ETag (RFC 9110): it rises with everything that is shown."""

import re

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from api.etags import sent_tags
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


def wanted_versions(request: Request) -> set[int] | None:
    """Return the versions that If-Match allows; None when it is missing or `*`."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    return {int(match[1]) for tag in sent_tags(header) if (match := _ETAG.fullmatch(tag))}
