"""Payment notices as providers send them, for tests: a body and headers that Till takes for authentic."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import uuid4

from till_client import json_text
from till_client.webhooks import sign_message

Scheme = Literal["sha1_colon", "sha256_concat", "standard_webhooks", "stripe", "hmac_body"]

#: The values that are signed, in order. The secret is first or last.
_COLON_FIELDS: Final = ("transaction_id", "user_id", "bill_id", "amount")
_CONCAT_FIELDS: Final = ("account_id", "amount", "transaction_id", "user_id")


@dataclass(frozen=True)
class SignedNotice:
    """POST the body with these headers to the provider's address."""

    body: bytes
    headers: Mapping[str, str] = field(repr=False)


def sign_notice(
    scheme: Scheme,
    secret: str,
    notice: Mapping[str, Any],
    *,
    now: float | None = None,
    header: str = "X-Signature",
    algorithm: Literal["sha256", "sha512"] = "sha256",
    encoding: Literal["hex", "base64"] = "hex",
    prefix: str = "",
) -> SignedNotice:
    """Write a notice as JSON and sign it. A Decimal is written as a number with all of its digits.

    `sha1_colon` has transaction_id, user_id, bill_id and amount; `sha256_concat` has account_id in the place of
    bill_id. The other schemes sign any body, in headers. `now` is Unix time. `header` and what follows it are the
    provider's settings of `hmac_body`. Raises KeyError for a missing field, TypeError for a float.
    """
    seconds = int(time.time() if now is None else now)
    json = {"Content-Type": "application/json"}
    if scheme in ("sha1_colon", "sha256_concat"):
        body = json_text.encode({**notice, "signature": _joined(scheme, secret, notice)}).encode()
        return SignedNotice(body, json)
    body = json_text.encode(notice).encode()
    if scheme == "standard_webhooks":
        message_id = f"msg_{uuid4().hex}"
        signature = sign_message(secret, message_id=message_id, timestamp=seconds, body=body)
        own = {"webhook-id": message_id, "webhook-timestamp": str(seconds), "webhook-signature": signature}
    elif scheme == "stripe":
        signed = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
        own = {"Stripe-Signature": f"t={seconds},v1={signed}"}
    else:
        mac = hmac.new(secret.encode(), body, algorithm).digest()
        own = {header: prefix + (mac.hex() if encoding == "hex" else base64.b64encode(mac).decode())}
    return SignedNotice(body, json | own)


def _joined(scheme: str, secret: str, notice: Mapping[str, Any]) -> str:
    """The signature within the body: over the values as they are written in it, without quotes."""
    if scheme == "sha1_colon":
        text = ":".join((secret, *(_literal(notice[name]) for name in _COLON_FIELDS)))
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    text = "".join((*(_literal(notice[name]) for name in _CONCAT_FIELDS), secret))
    return hashlib.sha256(text.encode()).hexdigest()


def _literal(value: object) -> str:
    return value if isinstance(value, str) else json_text.encode(value)
