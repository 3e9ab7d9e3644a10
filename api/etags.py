"""Entity tags that a client sends (RFC 9110)."""

from django.utils.http import parse_etags
from rest_framework.request import Request

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


def is_current(request: Request, tag: str) -> bool:
    """Tell whether If-None-Match names the tag of what would be answered."""
    return not sent_tags(request.headers.get("If-None-Match", "")).isdisjoint({"*", tag})
