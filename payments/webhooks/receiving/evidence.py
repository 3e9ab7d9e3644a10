"""What is kept of a webhook beside its body: the headers that say how it was signed, and who sent it."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from payments.webhooks.signatures import HmacOptions

MAX_HEADER_LENGTH: Final = 500
_ALWAYS: Final = ("content-type", "user-agent")
_OF_SCHEME: Final[Mapping[str, tuple[str, ...]]] = {
    "standard_webhooks": (*_ALWAYS, "webhook-id", "webhook-timestamp", "webhook-signature"),
    "stripe": (*_ALWAYS, "stripe-signature"),
}


def kept_headers(headers: Mapping[str, str], scheme: str, options: HmacOptions | None) -> str:
    """Return the headers of a list, a line each. What is not in the list may be a secret, such as a cookie."""
    names = (*_ALWAYS, options.header) if options else _OF_SCHEME.get(scheme)
    if names is None:
        return _common(headers.get("content-type"), headers.get("user-agent"))
    return _lines((name, headers.get(name)) for name in names)


@lru_cache(maxsize=256)
def _common(content_type: str | None, user_agent: str | None) -> str:
    """The same for almost all notices of a provider, which is why it is remembered."""
    return _lines(zip(_ALWAYS, (content_type, user_agent), strict=True))


def _lines(headers: Iterable[tuple[str, str | None]]) -> str:
    return "\n".join([f"{name}: {_plain(value)}" for name, value in headers if value is not None])


def _plain(value: str) -> str:
    """Return a value that PostgreSQL can keep, in one line."""
    value = value[:MAX_HEADER_LENGTH]
    return value if value.isprintable() else value.encode("unicode_escape").decode()
