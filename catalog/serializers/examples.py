"""Examples for the OpenAPI description of the shop."""

from api.examples import problem_response, request_example, response_example

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
    "reference": "",
    "metadata": {},
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


PRODUCT = [response_example("A product", _PRODUCT)]
PRODUCT_CREATED = [request_example("A product", **_WRITTEN), response_example("Added", _PRODUCT, "201")]
PRODUCT_REPLACED = [request_example("The whole product", **_WRITTEN), *PRODUCT]
PRODUCT_CHANGED = [request_example("A new price", price="25.00"), *PRODUCT]
PURCHASE = [response_example("A purchase", _PURCHASE)]
BOUGHT = [
    request_example("Two pens", product=5, wallet=1000000000000026, quantity=2, expected_price="25.00"),
    response_example("Bought", _PURCHASE, "201"),
    response_example("A dry run", _PURCHASE | {"id": None, "transaction": None}),
]
REFUND = [response_example("A refund", _REFUND)]
REFUNDED = [
    request_example("A part", amount="25.00", reason="One nib was bent."),
    request_example("All that is left"),
    response_example("Paid back", _REFUND, "201"),
]

PRODUCT_NOT_FOUND = problem_response(
    404, "product_not_found", "There is no such product", "There is no such product, or it is not on sale."
)
INSUFFICIENT_FUNDS = problem_response(
    409,
    "insufficient_funds",
    "The wallet does not hold enough",
    "10.00 USD are available in the wallet, 2.50 are missing.",
    available="10.00",
    missing="2.50",
)
REFUND_EXCEEDS_PURCHASE = problem_response(
    409, "refund_exceeds_purchase", "The refund is more than what is left",
    "25.00 of the purchase is left to refund.", refundable="25.00",
)  # fmt: skip
