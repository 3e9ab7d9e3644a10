"""Examples for the OpenAPI description of what is read back."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse

_WALLET = {
    "id": 1000000000000026,
    "currency": "USD",
    "balance": "125.00",
    "held": "25.00",
    "available": "100.00",
    "created_at": "2026-01-31T12:00:00Z",
}
_TRANSACTION = {
    "id": 7,
    "kind": "deposit",
    "status": "booked",
    "reference": "sha1_colon 1234567",
    "reverses": None,
    "reversed_by": None,
    "postings": [
        {
            "source": 9000000000000000,
            "destination": 1000000000000026,
            "currency": "USD",
            "amount": "100.00",
            "source_balance": None,
            "destination_balance": "125.00",
        }
    ],
    "created_at": "2026-01-31T12:00:00.123456Z",
}
_CURRENCY = {"code": "USD", "name": "US dollar", "decimal_places": 2, "is_active": True}
_EVENT = {
    "id": 12,
    "provider": "sha1_colon",
    "transaction_id": "1234567",
    "user_id": 99,
    "account_id": 123456,
    "amount": "100.00",
    "verdict": "unmatched",
    "reason": "user_not_found",
    "transaction": None,
    "received_at": "2026-01-31T12:00:00.123456Z",
}
_REPLAYED = {
    "status": "credited",
    "duplicate": False,
    "transaction_id": "1234567",
    "account_id": 123456,
    "amount": "100.00",
    "currency": "USD",
    "balance": "100.00",
}


def _asked(name: str, value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, value, request_only=True)


def _shown(name: str, value: dict[str, Any], status: str = "200") -> list[OpenApiExample]:
    return [OpenApiExample(name, value, response_only=True, status_codes=[status])]


WALLET = _shown("A wallet", _WALLET)
TRANSACTION = _shown("A deposit", _TRANSACTION)
CURRENCY = _shown("US dollar", _CURRENCY)

_EMPTY = {**_WALLET, "balance": "0.00", "held": "0.00", "available": "0.00"}
OPENED = [_asked("In dollars", {"currency": "USD"}), *_shown("An empty wallet", _EMPTY, "201")]
_STAFF_WALLET = {**_WALLET, "owner": 7, "house": None, "may_overdraw": True}
OVERDRAFT = [_asked("Allow it", {"may_overdraw": True}), *_shown("Allowed", _STAFF_WALLET)]
_KRONA = {"code": "SEK", "name": "Swedish krona", "decimal_places": 2}
NEW_CURRENCY = [_asked("Krona", _KRONA), *_shown("Opened", {**_KRONA, "is_active": True}, "201")]
CURRENCY_CHANGE = [
    _asked("Take it out of use", {"is_active": False}),
    *_shown("Out of use", {**_CURRENCY, "is_active": False}),
]
_REVERSAL = {
    **_TRANSACTION,
    "id": 8,
    "kind": "reversal",
    "reference": "reversal of transaction 7",
    "reverses": 7,
    "postings": [
        {
            "source": 1000000000000026,
            "destination": 9000000000000000,
            "currency": "USD",
            "amount": "100.00",
            "source_balance": "25.00",
            "destination_balance": None,
        }
    ],
}
REVERSED = [
    _asked("A chargeback", {"reason": "The card's owner disputed it."}),
    *_shown("Taken back", _REVERSAL, "201"),
]

_NO_STATEMENT = "The house's wallets have no statement of their own: see the transactions that touch them."
HOUSE_WALLET = OpenApiResponse(
    OpenApiTypes.OBJECT,
    description=f"`house_wallet`: {_NO_STATEMENT}",
    examples=[
        OpenApiExample(
            "The house's",
            {
                "type": "/docs/errors#house_wallet",
                "title": "Not for the house's wallets",
                "status": 422,
                "code": "house_wallet",
                "detail": _NO_STATEMENT,
                "errors": [],
            },
            media_type="application/problem+json",
        )
    ],
)
