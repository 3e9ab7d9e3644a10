"""Examples for the OpenAPI description of people."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse

from payments.ledger.serializers.examples import TRANSACTION, WALLET

_ME = {"id": 7, "email": "alice@example.com", "full_name": "Alice Doe", "role": "user", "is_active": True}
_PERSON = {**_ME, "created_at": "2026-01-31T12:00:00.123456Z", "wallets": [WALLET[0].value]}
_WAITING = {
    **_PERSON,
    "is_active": False,
    "wallets": [],
    "pending_orders": [],
    "activation_url": "https://till.example.com/api/v1/auth/activate/7-0f3c9a7d51b2e864.1vEabc.s1gnature",
}
_WRITTEN = {"email": "alice@example.com", "full_name": "Alice Doe", "role": "user", "is_active": True}


def _asked(name: str, value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, value, request_only=True)


def _shown(name: str, value: dict[str, Any], status: str = "200") -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True, status_codes=[status])


def _refused(status: int, code: str, title: str, detail: str) -> OpenApiExample:
    body = {"type": f"/docs/errors#{code}", "title": title, "status": status, "code": code, "detail": detail}
    return OpenApiExample(title, {**body, "errors": []})


ME = [
    _shown("Alice", _ME),
    _shown("With include", {**_ME, "wallets": [WALLET[0].value], "transactions": [TRANSACTION[0].value]}),
]
ME_UPDATED = [_asked("A new name", {"full_name": "Alice Doe"}), *ME]
_DETAIL = {
    **_PERSON,
    "pending_orders": [{"kind": "withdrawal", "currency": "USD", "count": 1, "amount": "40.00"}],
}
PERSON = [_shown("Alice", _PERSON)]
PERSON_DETAIL = [_shown("Alice", _DETAIL)]
PERSON_CREATED = [
    _asked("Active at once", {**_WRITTEN, "password": "correct horse 42"}),
    _asked("With an activation link", {"email": "alice@example.com", "is_active": False}),
    _shown("Waits for activation", _WAITING, "201"),
]
PERSON_REPLACED = [
    _asked("The whole user", _WRITTEN),
    _asked("A new password", {"email": "alice@example.com", "full_name": "Alice Doe", "password": "correct horse 42"}),
    *PERSON_DETAIL,
]
PERSON_CHANGED = [_asked("A service", {"role": "service"}), *PERSON_DETAIL]

CONFLICT = OpenApiResponse(
    OpenApiTypes.OBJECT,
    description="`email_taken`, `own_account`, `last_admin`, `user_deleted`, or `user_has_money`.",
    examples=[
        _refused(409, "own_account", "Not about yourself", "You cannot disable yourself."),
        _refused(409, "last_admin", "An active admin has to remain", "At least one active admin has to remain."),
    ],
)
