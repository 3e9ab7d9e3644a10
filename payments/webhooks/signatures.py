"""Who sent this? The ways in which a provider signs a notice. No Django, no database, no clock of its own."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from api.marked import marked

TOLERANCE_SECONDS = 5 * 60
#: Of so many signatures in one header the first ones are looked at.
MAX_SIGNATURES: Final = 8
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


class HmacOptions(NamedTuple):
    """How a provider of the scheme `hmac_body` sends its signature."""

    #: The header's name, in lower case.
    header: str
    #: `sha256` or `sha512`.
    algorithm: str
    #: `hex` or `base64`.
    encoding: str
    #: What stands before the signature in the header, such as `sha256=`.
    prefix: str = ""


#: Schemes whose signature is a field of the notice. The others sign the whole body, and send it in a header.
FIELD_SCHEMES: Final = frozenset(_FIELD_SCHEMES)


def hmac_body(*, body: bytes, secret: str, options: HmacOptions) -> str:
    """HMAC of the raw body, as the header has it; hex in lower case."""
    digest = hmac.new(secret.encode(), body, options.algorithm).digest()
    encoded = digest.hex() if options.encoding == "hex" else base64.b64encode(digest).decode()
    return options.prefix + encoded


def _matches_hmac(headers: Mapping[str, str], body: bytes, secret: str, options: HmacOptions) -> bool:
    given = headers.get(options.header, "")
    if options.encoding == "hex":  # in capitals too, but for the prefix
        given = given[: len(options.prefix)] + given[len(options.prefix) :].lower()
    return _equal(hmac_body(body=body, secret=secret, options=options), given)


def stripe(*, timestamp: str, body: bytes, secret: str) -> str:
    """HMAC-SHA256 of `{timestamp}.{body}` in lower-case hex: Stripe's `v1`. The secret is text, with its `whsec_`."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def _matches_stripe(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> bool:
    parts = [part.partition("=") for part in headers.get("stripe-signature", "").split(",")[: 2 * MAX_SIGNATURES]]
    times = [value for name, _, value in parts if name.strip() == "t"]
    if len(times) != 1 or not _is_recent(times[0], now):
        return False
    expected = stripe(timestamp=times[0], body=body, secret=secret)
    matched = False
    for candidate in [value for name, _, value in parts if name.strip() == "v1"][:MAX_SIGNATURES]:
        matched |= _equal(expected, candidate)
    return matched


def _is_recent(timestamp: str, now: float) -> bool:
    """Tell whether it is a plain Unix time in seconds, at most TOLERANCE_SECONDS old or early."""
    is_plain = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
    return is_plain and abs(now - int(timestamp)) <= TOLERANCE_SECONDS


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
        raise ValueError(marked("a Standard Webhooks secret is whsec_ followed by base64")) from error
    if not key:
        raise ValueError(marked("a Standard Webhooks secret must not be empty"))
    return key


def _matches_standard(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> bool:
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not _is_recent(timestamp, now):
        return False
    try:
        expected = standard_webhooks(message_id=message_id, timestamp=timestamp, body=body, secret=secret)
    except ValueError:  # a secret that is none signs nothing
        return False
    matched = False
    for candidate in headers.get("webhook-signature", "").split(" ")[:MAX_SIGNATURES]:
        version, _, signature = candidate.partition(",")
        matched |= version == "v1" and _equal(expected, signature)
    return matched


def _equal(expected: str, given: object) -> bool:
    """Compare in constant time; anything but text in ASCII is simply not the signature."""
    return isinstance(given, str) and given.isascii() and hmac.compare_digest(expected, given)


def verify(
    notice: Literals | None,
    headers: Mapping[str, str],
    body: bytes,
    *,
    scheme: str,
    secrets: Sequence[str],
    now: float,
    options: HmacOptions | None = None,
) -> bool:
    """Tell whether one of the active secrets signed the notice. Every secret is tried, so time tells nothing.

    Schemes of FIELD_SCHEMES look at the notice, the others at the headers (with lower-case names) and at the raw body.
    `now` is Unix time in seconds, for `standard_webhooks` and `stripe`. `options` are for `hmac_body`.
    """
    verified = False
    for secret in secrets:
        if scheme in _FIELD_SCHEMES:
            verified |= notice is not None and _equal(_FIELD_SCHEMES[scheme](notice, secret), notice.signature)
        elif scheme == "standard_webhooks":
            verified |= _matches_standard(headers, body, secret, now)
        elif scheme == "stripe":
            verified |= _matches_stripe(headers, body, secret, now)
        elif options is not None:
            verified |= _matches_hmac(headers, body, secret, options)
    return verified
