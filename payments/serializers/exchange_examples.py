"""Examples for the OpenAPI description of rates, quotes, exchanges and transfers."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse

_RATE = {
    "source_currency": "USD",
    "target_currency": "EUR",
    "rate": "0.8602150537",
    "origin": "ECB",
    "as_of": "2026-01-30T15:00:00Z",
    "is_stale": False,
}
_GAINS = "USD to EUR and back gains, at the house's cost: the way back is 1.2000000000."
_TERMS = {
    "source_currency": "USD",
    "target_currency": "EUR",
    "rate": "0.8602150537",
    "amount": "100.10",
    "proceeds": "86.1075268753",
    "commission": "0.51",
}
_QUOTE = {
    "id": 8,
    **_TERMS,
    "created_at": "2026-01-31T12:00:00.123456Z",
    "expires_at": "2026-01-31T12:01:00.123456Z",
}
_EXCHANGE = {
    "id": 5,
    "user": 7,
    "source": 1000000000000026,
    "destination": 1000000000000027,
    **_TERMS,
    "remainder": "0.00000000007",
    "quote": 8,
    "transaction": 1234,
    "created_at": "2026-01-31T12:00:30.123456Z",
}
_TRANSFER = {
    "id": 3,
    "direction": "sent",
    "sender": "alice@example.com",
    "source": 1000000000000026,
    "destination": 1000000000000031,
    "currency": "USD",
    "amount": "25.00",
    "commission": "0.10",
    "note": "For the pens",
    "transaction": 1235,
    "created_at": "2026-01-31T12:05:00.123456Z",
}


def _problem(status: int, code: str, title: str, detail: str, **extra: Any) -> OpenApiExample:
    body = {"type": f"/docs/errors#{code}", "title": title, "status": status, "code": code, "detail": detail}
    return OpenApiExample(title, {**body, "errors": [], **extra}, media_type="application/problem+json")


def _answer(description: str, *problems: OpenApiExample) -> OpenApiResponse:
    return OpenApiResponse(OpenApiTypes.OBJECT, description=description, examples=list(problems))


def _request(name: str, **value: Any) -> OpenApiExample:
    return OpenApiExample(name, value, request_only=True)


def _response(name: str, value: dict[str, Any], status: str = "200") -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True, status_codes=[status])


RATE = [_response("A rate", _RATE)]
RATE_SET = [
    _request("A rate of your own", rate="0.8602150537", origin="staff"),
    _response("Set", {**_RATE, "origin": "staff", "warnings": []}),
    _response("Set, with a warning", {**_RATE, "origin": "staff", "warnings": [_GAINS]}),
]
QUOTE = [_response("A quote", _QUOTE)]
QUOTED = [
    _request("What are 100.10 dollars in euro?", source_currency="USD", target_currency="EUR", amount="100.10"),
    _response("Promised", _QUOTE, "201"),
]
EXCHANGE = [_response("An exchange", _EXCHANGE)]
_WALLETS = {"source": 1000000000000026, "destination": 1000000000000027}
EXCHANGED = [
    _request("By a quote", **_WALLETS, quote=8),
    _request("At the rate of this moment", **_WALLETS, amount="100.10", expected_rate="0.8602", max_slippage="0.5"),
    _response("Exchanged", _EXCHANGE, "201"),
    _response("A dry run", {**_EXCHANGE, "id": None, "transaction": None}),
]
TRANSFER = [_response("A transfer", _TRANSFER)]
_SENDING = {"source": 1000000000000026, "amount": "25.00"}
TRANSFERRED = [
    _request("To a person", **_SENDING, recipient="bob@example.com", note="For the pens"),
    _request("To a wallet", **_SENDING, destination=1000000000000031),
    _response("Sent", _TRANSFER, "201"),
    _response("A dry run", {**_TRANSFER, "id": None, "transaction": None}),
]

_NO_FUNDS = _problem(
    409,
    "insufficient_funds",
    "The wallet does not hold enough",
    "The wallet's available balance does not cover the amount.",
)
EXCHANGE_NOT_FOUND = _answer(
    "`wallet_not_found`: one of the two is not there, or not yours. `quote_not_found`: neither is the quote.",
    _problem(404, "quote_not_found", "There is no such quote", "There is no such quote, or it is not yours."),
)
EXCHANGE_CONFLICT = _answer(
    "`quote_expired`, `quote_used`, `rate_slipped` (with the present `rate`), `insufficient_funds`.",
    _problem(409, "rate_slipped", "The rate has slipped", "The rate is 0.8500000000 now.", rate="0.8500000000"),
    _NO_FUNDS,
)
CONFIRM_REQUIRED = _answer(
    "`confirm_required`: it moves by more than 10 %.",
    _problem(
        409, "confirm_required", "The rate moves far: confirm it",
        "The rate was 0.8602150537 and would be 8.6021505370, more than 10 % away. Confirm it.",
        last_rate="0.8602150537", new_rate="8.6021505370",
    ),
)  # fmt: skip
TRANSFER_CONFLICT = _answer(
    "`insufficient_funds`, or `transfer_limit_exceeded` with what is `left` today.",
    _problem(
        409, "transfer_limit_exceeded", "The day's limit is reached",
        "10.00 USD may still be sent to others today (UTC).", left="10.00",
    ),
    _NO_FUNDS,
)  # fmt: skip
RECIPIENT_NOT_FOUND = _answer(
    "`wallet_not_found`: the source; `recipient_not_found`: whatever is wrong with the other side.",
    _problem(
        404, "recipient_not_found", "There is no such recipient",
        "There is nobody who could receive this: no such person or wallet, or not an active one.",
    ),
)  # fmt: skip
