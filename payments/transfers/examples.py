"""Examples for the OpenAPI description of transfers."""

from api.examples import described, problem_example, request_example, response_example

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
    "reference": "order 2026-0117",
    "metadata": {"order": "2026-0117", "shop": "berlin"},
    "transaction": 1235,
    "created_at": "2026-01-31T12:05:00.123456Z",
}

TRANSFER = [response_example("A transfer", _TRANSFER)]
_SENDING = {"source": 1000000000000026, "amount": "25.00"}
TRANSFERRED = [
    request_example(
        "To a person",
        **_SENDING,
        recipient="bob@example.com",
        note="For the pens",
        reference="order 2026-0117",
        metadata={"order": "2026-0117", "shop": "berlin"},
    ),
    request_example("To a wallet", **_SENDING, destination=1000000000000031),
    response_example("Sent", _TRANSFER, "201"),
    response_example("A dry run", {**_TRANSFER, "id": None, "transaction": None, "recipient_name": "B*** B***"}),
]
_NO_FUNDS = problem_example(
    409,
    "insufficient_funds",
    "The wallet does not hold enough",
    "10.00 USD are available in the wallet, 2.50 are missing.",
    available="10.00",
    missing="2.50",
)
TRANSFER_CONFLICT = described(
    "`insufficient_funds` with what is `available` and `missing`, or `transfer_limit_exceeded` with what is `left`"
    " today.",
    problem_example(
        409, "transfer_limit_exceeded", "The day's limit is reached",
        "10.00 USD may still be sent to others today (UTC).", left="10.00",
    ),
    _NO_FUNDS,
)  # fmt: skip
RECIPIENT_NOT_FOUND = described(
    "`wallet_not_found`: the source; `recipient_not_found`: whatever is wrong with the other side.",
    problem_example(
        404, "recipient_not_found", "There is no such recipient",
        "There is nobody who could receive this: no such person or wallet, or not an active one.",
    ),
)  # fmt: skip
