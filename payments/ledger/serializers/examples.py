"""Examples of wallets, transactions and currencies for the OpenAPI document."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse

from api.examples import request_example, response_example

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


WALLET = [response_example("A wallet", _WALLET)]
TRANSACTION = [response_example("A deposit", _TRANSACTION)]
CURRENCY = [response_example("US dollar", _CURRENCY)]

_EMPTY = {**_WALLET, "balance": "0.00", "held": "0.00", "available": "0.00"}
OPENED = [request_example("In dollars", currency="USD"), response_example("An empty wallet", _EMPTY, "201")]
_STAFF_WALLET = {**_WALLET, "owner": 7, "house": None, "may_overdraw": True}
OVERDRAFT = [request_example("Allow it", may_overdraw=True), response_example("Allowed", _STAFF_WALLET)]
_KRONA = {"code": "SEK", "name": "Swedish krona", "decimal_places": 2}
NEW_CURRENCY = [request_example("Krona", **_KRONA), response_example("Opened", {**_KRONA, "is_active": True}, "201")]
CURRENCY_CHANGE = [
    request_example("Take it out of use", is_active=False),
    response_example("Out of use", {**_CURRENCY, "is_active": False}),
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
    request_example("A chargeback", reason="The card's owner disputed it."),
    response_example("Taken back", _REVERSAL, "201"),
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
