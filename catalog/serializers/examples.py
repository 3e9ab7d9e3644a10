"""Examples for the OpenAPI description of the shop."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse

_WRITTEN = {
    "title": "Fountain pen",
    "description": "Steel nib, black ink.",
    "price": "25.00",
    "currency": "EUR",
    "is_active": True,
    "stock": 100,
}
_PRODUCT = {"id": 5, **_WRITTEN, "created_at": "2026-01-31T12:00:00.123456Z"}
_PURCHASE = {
    "id": 42,
    "user": 7,
    "product": 5,
    "title": "Fountain pen",
    "wallet": 1000000000000026,
    "quantity": 2,
    "unit_price": "25.00",
    "amount": "50.00",
    "currency": "EUR",
    "refunded": "0.00",
    "status": "paid",
    "transaction": 1234,
    "created_at": "2026-01-31T12:00:00.123456Z",
}
_REFUND = {
    "id": 3,
    "purchase": 42,
    "amount": "25.00",
    "reason": "One nib was bent.",
    "transaction": 1240,
    "created_at": "2026-02-01T09:30:00.123456Z",
}


def _problem(status: int, code: str, title: str, detail: str, **extra: Any) -> OpenApiResponse:
    body = {
        "type": f"/docs/errors#{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "errors": [],
    }
    example = OpenApiExample(title, body | extra, media_type="application/problem+json")
    return OpenApiResponse(OpenApiTypes.OBJECT, description=f"`{code}`: {detail}", examples=[example])


def _request(name: str, **value: Any) -> OpenApiExample:
    return OpenApiExample(name, value, request_only=True)


def _response(name: str, value: dict[str, Any], status: str = "200") -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True, status_codes=[status])


PRODUCT = [_response("A product", _PRODUCT)]
PRODUCT_CREATED = [_request("A product", **_WRITTEN), _response("Added", _PRODUCT, "201")]
PRODUCT_REPLACED = [_request("The whole product", **_WRITTEN), *PRODUCT]
PRODUCT_CHANGED = [_request("A new price", price="25.00"), *PRODUCT]
PURCHASE = [_response("A purchase", _PURCHASE)]
BOUGHT = [
    _request("Two pens", product=5, wallet=1000000000000026, quantity=2, expected_price="25.00"),
    _response("Bought", _PURCHASE, "201"),
    _response("A dry run", _PURCHASE | {"id": None, "transaction": None}),
]
REFUND = [_response("A refund", _REFUND)]
REFUNDED = [
    _request("A part", amount="25.00", reason="One nib was bent."),
    _request("All that is left"),
    _response("Paid back", _REFUND, "201"),
]

PRODUCT_NOT_FOUND = _problem(
    404, "product_not_found", "There is no such product", "There is no such product, or it is not on sale."
)
INSUFFICIENT_FUNDS = _problem(
    409,
    "insufficient_funds",
    "The wallet does not hold enough",
    "The wallet's available balance does not cover the amount.",
)
REFUND_EXCEEDS_PURCHASE = _problem(
    409, "refund_exceeds_purchase", "The refund is more than what is left",
    "25.00 of the purchase is left to refund.", refundable="25.00",
)  # fmt: skip
