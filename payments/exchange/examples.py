"""Examples for the OpenAPI description of rates, quotes, exchanges and transfers."""

from api.examples import described, problem_example, request_example, response_example

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
    "reference": "",
    "metadata": {},
    "transaction": 1234,
    "created_at": "2026-01-31T12:00:30.123456Z",
}
RATE = [response_example("A rate", _RATE)]
RATE_SET = [
    request_example("A rate of your own", rate="0.8602150537", origin="staff"),
    response_example("Set", {**_RATE, "origin": "staff", "warnings": []}),
    response_example("Set, with a warning", {**_RATE, "origin": "staff", "warnings": [_GAINS]}),
]
QUOTE = [response_example("A quote", _QUOTE)]
QUOTED = [
    request_example("What are 100.10 dollars in euro?", source_currency="USD", target_currency="EUR", amount="100.10"),
    response_example("Promised", _QUOTE, "201"),
]
EXCHANGE = [response_example("An exchange", _EXCHANGE)]
_WALLETS = {"source": 1000000000000026, "destination": 1000000000000027}
EXCHANGED = [
    request_example("By a quote", **_WALLETS, quote=8),
    request_example(
        "At the rate of this moment", **_WALLETS, amount="100.10", expected_rate="0.8602", max_slippage="0.5"
    ),
    response_example("Exchanged", _EXCHANGE, "201"),
    response_example("A dry run", {**_EXCHANGE, "id": None, "transaction": None}),
]
_NO_FUNDS = problem_example(
    409,
    "insufficient_funds",
    "The wallet does not hold enough",
    "10.00 USD are available in the wallet, 2.50 are missing.",
    available="10.00",
    missing="2.50",
)
EXCHANGE_NOT_FOUND = described(
    "`wallet_not_found`: one of the two is not there, or not yours. `quote_not_found`: neither is the quote.",
    problem_example(404, "quote_not_found", "There is no such quote", "There is no such quote, or it is not yours."),
)
EXCHANGE_CONFLICT = described(
    "`quote_expired`, `quote_used`, `rate_slipped` (with the present `rate`), `insufficient_funds` (with what is"
    " `available` and `missing`).",
    problem_example(409, "rate_slipped", "The rate has slipped", "The rate is 0.8500000000 now.", rate="0.8500000000"),
    _NO_FUNDS,
)
CONFIRM_REQUIRED = described(
    "`confirm_required`: it moves by more than 10 %.",
    problem_example(
        409, "confirm_required", "The rate moves far: confirm it",
        "The rate was 0.8602150537 and would be 8.6021505370, more than 10 % away. Confirm it.",
        last_rate="0.8602150537", new_rate="8.6021505370",
    ),
)  # fmt: skip
