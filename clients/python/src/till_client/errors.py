"""Everything that this package raises by itself. A refusal of Till is a Problem, with a class of its own if common.

Unknown statuses and codes are Problems too: a newer Till breaks nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from till_client import json_text
from till_client.amounts import is_amount

_MEMBERS = {"type", "title", "status", "code", "detail", "errors"}
_MAX_DETAIL = 300


class TillError(Exception):
    """The root of them all."""


class NoAnswer(TillError):
    """The connection failed or the time was over. `may_have_happened` tells whether the request may have arrived.

    With `idempotency_key` the same request can be sent again: it happens once.
    """

    def __init__(self, detail: str, *, may_have_happened: bool, idempotency_key: str | None = None) -> None:
        super().__init__(detail)
        self.may_have_happened = may_have_happened
        self.idempotency_key = idempotency_key


class SignInRequired(TillError):
    """There are no credentials, or the login has ended and there is no password to sign in with again."""


class UnexpectedAnswer(TillError):
    """An answer of success is not of the form that this package knows: is it Till's, and of which version?"""


class InvalidSignature(TillError):
    """The delivery of an event is not signed with the secret, or is too old."""


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field. `field` is dotted (`items.0.amount`); None means the whole request."""

    field: str | None
    code: str
    detail: str


class Problem(TillError):
    """Till refused the request. `code` is stable and explained at /docs/errors; `detail` is for reading.

    `extra` has further members of the answer, such as the price of `price_changed`.
    """

    def __init__(
        self,
        *,
        status: int,
        code: str = "",
        title: str = "",
        detail: str = "",
        fields: tuple[FieldProblem, ...] = (),
        retry_after: float | None = None,
        request_id: str | None = None,
        extra: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail or title}")
        self.status, self.code, self.title, self.detail = status, code, title, detail
        self.fields, self.retry_after, self.request_id = fields, retry_after, request_id
        self.extra, self.idempotency_key = dict(extra or {}), idempotency_key


class ValidationProblem(Problem):
    """400 and 422: the request itself is wrong. `fields` names what."""


class Unauthenticated(Problem):
    """401."""


class InvalidCredentials(Unauthenticated):
    """Email or password is wrong, or the user is not active."""


class Forbidden(Problem):
    """403."""


class NotFound(Problem):
    """404: there is no such thing, or it is somebody else's."""


class Conflict(Problem):
    """409: the present state forbids it. The same idempotency key gets this answer for ever: try with a new one."""


class InsufficientFunds(Conflict):
    """The wallet does not hold enough. Whoever may see the wallet is told what it has and what is missing."""

    @property
    def available(self) -> Decimal | None:
        return _amount(self.extra, "available")

    @property
    def missing(self) -> Decimal | None:
        return _amount(self.extra, "missing")


class AlreadySettled(Conflict):
    """The order was settled the other way, or cancelled."""


class OutOfStock(Conflict):
    """Not enough is left."""


class PriceChanged(Conflict):
    """The price is not the expected one."""


class RateSlipped(Conflict):
    """The rate is worse than allowed."""


class QuoteExpired(Conflict):
    """The quote has run out."""


class QuoteUsed(Conflict):
    """The quote was used before."""


class IdempotencyKeyReused(ValidationProblem):
    """The key belongs to another request."""


class PreconditionFailed(Problem):
    """412: it was changed since it was read."""


class RateLimited(Problem):
    """429: too many requests; `retry_after` has the seconds."""


class ServerProblem(Problem):
    """5xx."""


class Unavailable(ServerProblem):
    """503: away or busy. What was asked is done whole or not at all."""


class Problems:
    """From answers to exceptions."""

    by_code: ClassVar[Mapping[str, type[Problem]]] = {
        "invalid_credentials": InvalidCredentials,
        "insufficient_funds": InsufficientFunds,
        "already_settled": AlreadySettled,
        "out_of_stock": OutOfStock,
        "price_changed": PriceChanged,
        "rate_slipped": RateSlipped,
        "quote_expired": QuoteExpired,
        "quote_used": QuoteUsed,
        "idempotency_key_reused": IdempotencyKeyReused,
    }
    by_status: ClassVar[Mapping[int, type[Problem]]] = {
        400: ValidationProblem,
        401: Unauthenticated,
        403: Forbidden,
        404: NotFound,
        409: Conflict,
        412: PreconditionFailed,
        422: ValidationProblem,
        429: RateLimited,
        503: Unavailable,
    }

    @classmethod
    def read(cls, status: int, headers: Mapping[str, str], content: bytes, key: str | None) -> Problem:
        """Return the exception for an answer of 3xx, 4xx or 5xx, whoever wrote it."""
        body = _members(headers, content)
        code = _text(body, "code")
        kind = cls.by_code.get(code) or cls.by_status.get(status) or (ServerProblem if status >= 500 else Problem)
        return kind(
            status=status,
            code=code,
            title=_text(body, "title"),
            detail=_text(body, "detail") if body else content[:_MAX_DETAIL].decode(errors="replace"),
            fields=_fields(body),
            retry_after=_seconds(headers.get("retry-after", "")),
            request_id=headers.get("x-request-id"),
            extra={name: value for name, value in body.items() if name not in _MEMBERS},
            idempotency_key=key,
        )


def _members(headers: Mapping[str, str], content: bytes) -> dict[str, Any]:
    """The body of a problem; empty if it is none, as from something between us and Till."""
    if headers.get("content-type", "").partition(";")[0].strip() != "application/problem+json":
        return {}
    try:
        body = json_text.decode(content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _amount(body: Mapping[str, Any], name: str) -> Decimal | None:
    text = _text(body, name)
    return Decimal(text) if is_amount(text) else None


def _fields(body: Mapping[str, Any]) -> tuple[FieldProblem, ...]:
    errors = body.get("errors")
    rows = [row for row in errors if isinstance(row, dict)] if isinstance(errors, list) else []
    return tuple(FieldProblem(_text(row, "field") or None, _text(row, "code"), _text(row, "detail")) for row in rows)


def _seconds(text: str) -> float | None:
    """Of a Retry-After in seconds. A date is not what Till sends, and is as good as none."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
