"""Who sent this? The three ways in which a provider signs a notice. No Django, no database, no clock of its own."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

TOLERANCE_SECONDS = 5 * 60
STANDARD_SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret


class Literals(Protocol):
    """The fields of a notice exactly as they stand in its JSON text, and whatever stands there as its signature."""

    @property
    def transaction_id(self) -> str: ...
    @property
    def user_id(self) -> str: ...
    @property
    def account_id(self) -> str: ...
    @property
    def amount(self) -> str: ...
    @property
    def signature(self) -> object: ...


def sha1_colon(notice: Literals, secret: str) -> str:
    """SHA-1 of `{secret}:{transaction_id}:{user_id}:{bill_id}:{amount}`, in lower-case hex."""
    text = f"{secret}:{notice.transaction_id}:{notice.user_id}:{notice.account_id}:{notice.amount}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def sha256_concat(notice: Literals, secret: str) -> str:
    """SHA-256 of the values in the order of their sorted names, secret last, in lower-case hex.

    The values are glued together without a separator, so digits can be shifted between neighbours. Account 11 with
    amount 100 has the signature of account 1 with amount 1100. But a transaction id is credited only once.
    """
    text = f"{notice.account_id}{notice.amount}{notice.transaction_id}{notice.user_id}{secret}"
    return hashlib.sha256(text.encode()).hexdigest()


_FIELD_SCHEMES: dict[str, Callable[[Literals, str], str]] = {
    "sha1_colon": sha1_colon,
    "sha256_concat": sha256_concat,
}


def standard_webhooks(*, message_id: str, timestamp: str, body: bytes, secret: str) -> str:
    """Base64 HMAC-SHA256 of `{id}.{timestamp}.{body}`, the symmetric `v1` of the Standard Webhooks specification."""
    key = standard_key(secret)
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def standard_key(secret: str) -> bytes:
    """Return the key bytes of `whsec_<base64>`. Raises ValueError when the rest is not base64 or empty."""
    try:
        key = base64.b64decode(secret.removeprefix(STANDARD_SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a Standard Webhooks secret is whsec_ followed by base64") from error
    if not key:
        raise ValueError("a Standard Webhooks secret must not be empty")
    return key


def _matches_standard(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> bool:
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (message_id and timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    try:
        expected = standard_webhooks(message_id=message_id, timestamp=timestamp, body=body, secret=secret)
    except ValueError:  # a secret that is none signs nothing
        return False
    matched = False
    for candidate in headers.get("webhook-signature", "").split(" ")[:8]:
        version, _, signature = candidate.partition(",")
        matched |= version == "v1" and _equal(expected, signature)
    return matched


def _equal(expected: str, given: object) -> bool:
    """Compare in constant time; anything but text in ASCII is simply not the signature."""
    return isinstance(given, str) and given.isascii() and hmac.compare_digest(expected, given)


def verify(
    notice: Literals, headers: Mapping[str, str], body: bytes, *, scheme: str, secrets: Sequence[str], now: float
) -> bool:
    """Tell whether one of the active secrets signed the notice. Every secret is tried, so time tells nothing.

    `now` is Unix time in seconds; only `standard_webhooks` looks at it, at the headers (with lower-case names) and at
    the raw body.
    """
    verified = False
    for secret in secrets:
        if scheme == "standard_webhooks":
            verified |= _matches_standard(headers, body, secret, now)
        else:
            verified |= _equal(_FIELD_SCHEMES[scheme](notice, secret), notice.signature)
    return verified
