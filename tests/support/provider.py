"""A payment provider, written from docs/webhooks.md alone: it shares no code with Till.

Fields are JSON literals, exactly as they will stand in the body: `"100.0"` is the number 100.0, `'"100"'` is text.
"""

import base64
import hashlib
import hmac
import itertools
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Fields = Mapping[str, str]
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Delivery:
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"

    def by(self, method: str) -> "Delivery":
        return replace(self, method=method)

    def with_headers(self, **headers: str) -> "Delivery":
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers=self.headers | named)

    def with_body(self, body: bytes) -> "Delivery":
        return replace(self, body=body)


def written(literal: str) -> str:
    """What the signature is over: text without its quotes, a number as it stands."""
    return str(json.loads(literal)) if literal.startswith('"') else literal


def as_json(fields: Fields) -> bytes:
    return ("{" + ", ".join(f'"{name}": {literal}' for name, literal in fields.items()) + "}").encode()


def new_number() -> str:
    return str(next(_numbers))


def new_uuid() -> str:
    return f'"{uuid.uuid4()}"'


@dataclass(frozen=True)
class Form:
    """One of the forms that carry their signature in the body."""

    name: str
    path: str
    account_field: str
    secret: str
    sign: Callable[[list[str], str], str]
    new_id: Callable[[], str]

    def fields(
        self, *, user_id: Any, account_id: Any = 77, amount: Any = "100", transaction_id: Any = ""
    ) -> dict[str, str]:
        return {
            "transaction_id": str(transaction_id) or self.new_id(),
            "user_id": str(user_id),
            self.account_field: str(account_id),
            "amount": str(amount),
        }

    def signature(self, fields: Fields, secret: str = "") -> str:
        names = ("transaction_id", "user_id", self.account_field, "amount")
        return self.sign([written(fields[name]) for name in names], secret or self.secret)

    def deliver(self, fields: Fields, *, secret: str = "") -> Delivery:
        """Sign the fields and put them into a request."""
        signed = {**fields, "signature": f'"{self.signature(fields, secret)}"'}
        return self.unsigned(signed)

    def unsigned(self, fields: Fields) -> Delivery:
        return Delivery(self.path, as_json(fields), {"content-type": "application/json"})

    def notice(self, *, secret: str = "", **fields: Any) -> Delivery:
        return self.deliver(self.fields(**fields), secret=secret)


def _sha1(values: list[str], secret: str) -> str:
    return hashlib.sha1(":".join([secret, *values]).encode()).hexdigest()  # noqa: S324 - the provider's choice


def _sha256(values: list[str], secret: str) -> str:
    transaction_id, user_id, account_id, amount = values
    return hashlib.sha256(f"{account_id}{amount}{transaction_id}{user_id}{secret}".encode()).hexdigest()


SHA1_COLON = Form("sha1_colon", "/payment/webhook", "bill_id", "appkey", _sha1, new_number)
SHA256_CONCAT = Form("sha256_concat", "/webhook/payment", "account_id", "gfdmhghif38yrf9ew0jkf32", _sha256, new_uuid)


@dataclass(frozen=True)
class StandardForm(Form):
    """Standard Webhooks: the signature is over the body, in the headers."""

    def deliver(self, fields: Fields, *, secret: str = "", now: float | None = None) -> Delivery:
        body = as_json(fields)
        message, seconds = f"msg_{uuid.uuid4().hex}", str(int(time.time() if now is None else now))
        return Delivery(self.path, body, {
            "content-type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": seconds,
            "webhook-signature": f"v1,{standard_signature(message, seconds, body, secret or self.secret)}",
        })  # fmt: skip


def standard_signature(message: str, seconds: str, body: bytes, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{message}.{seconds}.".encode() + body, hashlib.sha256)
    return base64.b64encode(signed.digest()).decode()


STANDARD = StandardForm(
    "standard_webhooks",
    "/api/v1/webhooks/standard_webhooks",
    "account_id",
    "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
    _sha256,
    new_uuid,
)
FORMS = [SHA1_COLON, SHA256_CONCAT, STANDARD]
