"""Reading what Till delivers: events, signed after the Standard Webhooks specification."""

import base64
import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping

from till_client import json_text
from till_client.decoding import decode
from till_client.errors import InvalidSignature, UnexpectedAnswer
from till_client.records import Event

TOLERANCE_SECONDS = 300
SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret
#: Of one header. Till sends one, and two for a day after a rotation.
MAX_SIGNATURES = 16


def construct_event(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str | Iterable[str],
    *,
    tolerance: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> Event:
    """Return the event of a delivery that is authentic. `body` is the raw body, exactly as it arrived.

    The same event may come several times: remember its `id`. Several secrets may be given: one of them must have
    signed. Raises InvalidSignature; UnexpectedAnswer if what is signed is no event.
    """
    raw = body.encode() if isinstance(body, str) else body
    secrets = [secret] if isinstance(secret, str) else [*secret]
    _verify(raw, headers, secrets, tolerance, time.time() if now is None else now)
    try:
        return decode(Event, json_text.decode(raw))
    except (ValueError, RecursionError) as error:
        raise UnexpectedAnswer("the body is not JSON") from error


def sign_message(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """Return one signature: `v1,` and the HMAC-SHA256 of `{id}.{timestamp}.{body}` in base64. Raises ValueError."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def _verify(body: bytes, headers: Mapping[str, str], secrets: list[str], tolerance: float, now: float) -> None:
    given = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not (message_id and timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise InvalidSignature("the headers webhook-id and webhook-timestamp are missing or malformed")
    if abs(now - int(timestamp)) > tolerance:
        raise InvalidSignature("the delivery is too old, or a clock is wrong")
    candidates = given.get("webhook-signature", "").encode(errors="replace").split(b" ")[:MAX_SIGNATURES]
    is_valid = False
    for secret in secrets:
        expected = sign_message(secret, message_id=message_id, timestamp=int(timestamp), body=body).encode()
        for candidate in candidates:
            is_valid |= hmac.compare_digest(expected, candidate)
    if not is_valid:
        raise InvalidSignature("no signature is of this secret and this body")


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError as error:
        raise ValueError("a secret is whsec_ followed by base64") from error
    if not key:
        raise ValueError("a secret must not be empty")
    return key
