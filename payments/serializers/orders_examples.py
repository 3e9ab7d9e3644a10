"""Examples for the OpenAPI description of deposits, withdrawals, external wallets and commission rules."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse

_MADE = "2026-01-31T12:00:00.123456Z"
_WALLET = 1000000000000026
_ORDER = {
    "id": 8,
    "user": 7,
    "wallet": _WALLET,
    "amount": "100.00",
    "currency": "USD",
    "commission": "1.50",
    "net": "98.50",
    "status": "pending",
    "reason": "",
    "provider": None,
    "transaction": None,
    "created_at": _MADE,
    "settled_at": None,
}
_SETTLED = {"status": "paid", "transaction": 1234, "settled_at": "2026-01-31T12:05:00.123456Z"}
_CANCELLED = {"status": "cancelled", "settled_at": "2026-01-31T12:05:00.123456Z"}
_DETAILS = {"iban": "DE89370400440532013000", "holder": "Alice Example"}
_GOING = {
    "external_wallet": 4,
    "pay_to": {"label": "My bank", "kind": "bank", "details": _DETAILS},
    "owner_is_active": True,
}
_EXTERNAL = {
    "id": 4,
    "owner": 7,
    "label": "My bank",
    "currency": "USD",
    "kind": "bank",
    "details": _DETAILS,
    "created_at": _MADE,
}
_TERMS = {
    "operation": "deposit",
    "currency": "USD",
    "percent": "1.5",
    "fixed": "0.00",
    "minimum": "0.50",
    "maximum": "25.00",
}
_RULE = {"id": 3, **_TERMS, "valid_from": _MADE, "valid_until": None, "created_at": _MADE}
_SCOPE = {"id": 2, "service": 9, "currency": "USD", "provider": None, "everything": False, "max_amount": "500.00"}


def _request(name: str, **value: Any) -> OpenApiExample:
    return OpenApiExample(name, value, request_only=True)


def _response(name: str, value: dict[str, Any], status: str = "200") -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True, status_codes=[status])


def _problem(status: int, code: str, title: str, detail: str, **extra: Any) -> OpenApiResponse:
    body = {"type": f"/docs/errors#{code}", "title": title, "status": status, "code": code, "detail": detail}
    example = OpenApiExample(title, body | {"errors": []} | extra, media_type="application/problem+json")
    return OpenApiResponse(OpenApiTypes.OBJECT, description=f"`{code}`: {detail}", examples=[example])


def _either(*answers: OpenApiResponse) -> OpenApiResponse:
    """Describe answers of one status together."""
    description = " ".join(str(answer.description) for answer in answers)
    examples = [example for answer in answers for example in answer.examples]
    return OpenApiResponse(OpenApiTypes.OBJECT, description=description, examples=examples)


DEPOSIT = [_response("A pending deposit", _ORDER)]
DEPOSIT_MADE = [
    _request("A hundred dollars", wallet=_WALLET, amount="100.00"),
    _response("Waiting to be paid", _ORDER, "201"),
    _response("What would be made (dry_run)", _ORDER | {"id": None}),
]
DEPOSIT_SETTLED = [
    _request("The money is here", status="paid"),
    _request("It did not come", status="rejected", reason="The card was declined."),
    _response("Booked", _ORDER | _SETTLED),
]
DEPOSIT_CANCELLED = [_response("Cancelled", _ORDER | _CANCELLED)]
WITHDRAWAL = [_response("A pending withdrawal", _ORDER | _GOING)]
WITHDRAWAL_MADE = [
    _request("A hundred dollars", wallet=_WALLET, external_wallet=4, amount="100.00"),
    _response("Held, waiting to be paid out", _ORDER | _GOING, "201"),
    _response("What would be made (dry_run)", _ORDER | _GOING | {"id": None}),
]
WITHDRAWAL_SETTLED = [
    _request("It was paid out", status="paid"),
    _request("It could not be", status="rejected", reason="The bank knows no such account."),
    _response("Booked", _ORDER | _GOING | _SETTLED),
]
WITHDRAWAL_CANCELLED = [_response("Cancelled: the amount is free again", _ORDER | _GOING | _CANCELLED)]
EXTERNAL_WALLET = [_response("A bank account", _EXTERNAL)]
EXTERNAL_WALLET_ADDED = [
    _request("A bank account", label="My bank", currency="USD", kind="bank", details=_DETAILS),
    _request("A card, by its last four digits", label="My card", currency="USD", kind="card", details="4242"),
    _response("Added", _EXTERNAL, "201"),
]
RULE = [_response("One and a half percent", _RULE)]
RULE_MADE = [_request("One and a half percent", **_TERMS), _response("In force", _RULE, "201")]
RULE_ENDED = [
    _request("At the end of the year", valid_until="2026-12-31T23:59:59Z"),
    _response("Ends", _RULE | {"valid_until": "2026-12-31T23:59:59Z"}),
]
SCOPE = [_response("Dollars only", _SCOPE)]
SCOPE_ADDED = [
    _request("Dollars only", service=9, currency="USD", max_amount="500.00"),
    _response("Added", _SCOPE, "201"),
]

ALREADY_SETTLED = _problem(
    409, "already_settled", "The order is settled already", "The order was rejected already.", settled="rejected"
)
ALREADY_PAID = _problem(
    409, "already_settled", "The order is settled already", "The order was paid already.", settled="paid"
)
WALLET_NOT_FOUND = _problem(
    404,
    "wallet_not_found",
    "There is no such wallet",
    "There is no such wallet.",
    errors=[{"field": "wallet", "code": "wallet_not_found", "detail": "There is no such wallet."}],
)
WITHDRAWAL_NOT_FOUND = _either(
    WALLET_NOT_FOUND,
    _problem(
        404,
        "external_wallet_not_found",
        "There is no such external wallet",
        "There is no such external wallet, or it is not yours, or it was deleted.",
    ),
)
SERVICE_NOT_FOUND = _problem(404, "user_not_found", "There is no such user", "There is no user 9.")
INSUFFICIENT_FUNDS = _problem(
    409,
    "insufficient_funds",
    "The wallet does not hold enough",
    "The wallet's available balance does not cover the amount.",
)
EXTERNAL_WALLET_IN_USE = _problem(
    409,
    "external_wallet_in_use",
    "A pending withdrawal goes there",
    "A pending withdrawal goes there: it has to be settled first.",
)
CARD_NUMBER_REFUSED = _problem(
    422,
    "card_number_refused",
    "A card's number is not taken",
    "A card's number is not taken, only its last four digits: nothing here may hold twelve digits in a row.",
)
RULE_OVERLAP = _problem(
    409, "commission_rule_overlap", "Another rule is in force then", "Rule 2 is in force at that time.", rule=2
)
RULE_IN_USE = _problem(
    409, "commission_rule_in_use", "Orders refer to the rule", "Orders were made under this rule: end it instead."
)
