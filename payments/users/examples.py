"""Examples for the OpenAPI description of users."""

from api.examples import described, problem_example, request_example, response_example
from payments.ledger.serializers.examples import TRANSACTION, WALLET

_ME = {"id": 7, "email": "alice@example.com", "full_name": "Alice Doe", "role": "user", "is_active": True}
_USER = {**_ME, "created_at": "2026-01-31T12:00:00.123456Z", "wallets": [WALLET[0].value]}
_WAITING = {
    **_USER,
    "is_active": False,
    "wallets": [],
    "pending_orders": [],
    "activation_url": "https://till.example.com/api/v1/auth/activate/7-0f3c9a7d51b2e864.1vEabc.s1gnature",
}
_PASSWORD = {"password": "correct horse 42"}
_WRITTEN = {"email": "alice@example.com", "full_name": "Alice Doe", "role": "user", "is_active": True}


ME = [
    response_example("Alice", _ME),
    response_example("With include", {**_ME, "wallets": [WALLET[0].value], "transactions": [TRANSACTION[0].value]}),
]
ME_UPDATED = [request_example("A new name", full_name="Alice Doe"), *ME]
_DETAIL = {
    **_USER,
    "pending_orders": [{"kind": "withdrawal", "currency": "USD", "count": 1, "amount": "40.00"}],
}
USER = [response_example("Alice", _USER)]
USER_DETAIL = [response_example("Alice", _DETAIL)]
USER_CREATED = [
    request_example("Active at once", **_WRITTEN, **_PASSWORD),
    request_example("With an activation link", email="alice@example.com", is_active=False),
    response_example("Waits for activation", _WAITING, "201"),
]
USER_REPLACED = [
    request_example("The whole user", **_WRITTEN),
    request_example("A new password", email="alice@example.com", full_name="Alice Doe", **_PASSWORD),
    *USER_DETAIL,
]
USER_CHANGED = [request_example("A service", role="service"), *USER_DETAIL]

CONFLICT = described(
    "`email_taken`, `own_account`, `last_admin`, `user_deleted`, or `user_has_money`.",
    problem_example(409, "own_account", "Not about yourself", "You cannot disable yourself."),
    problem_example(409, "last_admin", "An active admin has to remain", "At least one active admin has to remain."),
)
