"""Examples for the OpenAPI description of deposits, withdrawals, external wallets and commission rules."""

from api.examples import either, problem_response, request_example, response_example

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
    "bank_reference": "",
    "provider": None,
    "reference": "INV-2026-0117",
    "metadata": {"order": "2026-0117", "shop": "berlin"},
    "transaction": None,
    "created_at": _MADE,
    "settled_at": None,
}
_AT_BANK = "NTRF 2026-01-31 0042"
_SETTLED = {
    "status": "paid",
    "bank_reference": _AT_BANK,
    "transaction": 1234,
    "settled_at": "2026-01-31T12:05:00.123456Z",
}
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
_SCOPE = {"id": 2, "service": 9, "currency": "USD", "provider": None, "everything": False, "max_amount": "500.00"}


DEPOSIT = [response_example("A pending deposit", _ORDER)]
DEPOSIT_MADE = [
    request_example("A hundred dollars", wallet=_WALLET, amount="100.00"),
    request_example(
        "With a reference and metadata of your own",
        wallet=_WALLET,
        amount="100.00",
        reference="INV-2026-0117",
        metadata={"order": "2026-0117", "shop": "berlin"},
    ),
    response_example("Waiting to be paid", _ORDER, "201"),
    response_example("What would be made (dry_run)", _ORDER | {"id": None}),
]
DEPOSIT_SETTLED = [
    request_example("The money is here", status="paid", bank_reference=_AT_BANK),
    request_example("It did not come", status="rejected", reason="The card was declined."),
    response_example("Booked", _ORDER | _SETTLED),
]
DEPOSIT_CANCELLED = [response_example("Cancelled", _ORDER | _CANCELLED)]
WITHDRAWAL = [response_example("A pending withdrawal", _ORDER | _GOING)]
WITHDRAWAL_MADE = [
    request_example("A hundred dollars", wallet=_WALLET, external_wallet=4, amount="100.00"),
    response_example("Held, waiting to be paid out", _ORDER | _GOING, "201"),
    response_example("What would be made (dry_run)", _ORDER | _GOING | {"id": None}),
]
WITHDRAWAL_SETTLED = [
    request_example("It was paid out", status="paid", bank_reference=_AT_BANK),
    request_example("It could not be", status="rejected", reason="The bank knows no such account."),
    response_example("Booked", _ORDER | _GOING | _SETTLED),
]
WITHDRAWAL_CANCELLED = [response_example("Cancelled: the amount is free again", _ORDER | _GOING | _CANCELLED)]
EXTERNAL_WALLET = [response_example("A bank account", _EXTERNAL)]
EXTERNAL_WALLET_ADDED = [
    request_example("A bank account", label="My bank", currency="USD", kind="bank", details=_DETAILS),
    request_example("A card, by its last four digits", label="My card", currency="USD", kind="card", details="4242"),
    response_example("Added", _EXTERNAL, "201"),
]
SCOPE = [response_example("Dollars only", _SCOPE)]
SCOPE_ADDED = [
    request_example("Dollars only", service=9, currency="USD", max_amount="500.00"),
    response_example("Added", _SCOPE, "201"),
]

ALREADY_SETTLED = problem_response(
    409, "already_settled", "The order is settled already", "The order was rejected already.", settled="rejected"
)
ALREADY_PAID = problem_response(
    409, "already_settled", "The order is settled already", "The order was paid already.", settled="paid"
)
WALLET_NOT_FOUND = problem_response(
    404,
    "wallet_not_found",
    "There is no such wallet",
    "There is no such wallet.",
    errors=[{"field": "wallet", "code": "wallet_not_found", "detail": "There is no such wallet."}],
)
WITHDRAWAL_NOT_FOUND = either(
    WALLET_NOT_FOUND,
    problem_response(
        404,
        "external_wallet_not_found",
        "There is no such external wallet",
        "There is no such external wallet, or it is not yours, or it was deleted.",
    ),
)
SERVICE_NOT_FOUND = problem_response(404, "user_not_found", "There is no such user", "There is no user 9.")
INSUFFICIENT_FUNDS = problem_response(
    409,
    "insufficient_funds",
    "The wallet does not hold enough",
    "10.00 USD are available in the wallet, 2.50 are missing.",
    available="10.00",
    missing="2.50",
)
EXTERNAL_WALLET_IN_USE = problem_response(
    409,
    "external_wallet_in_use",
    "A pending withdrawal goes there",
    "A pending withdrawal goes there: it has to be settled first.",
)
CARD_NUMBER_REFUSED = problem_response(
    422,
    "card_number_refused",
    "A card's number is not taken",
    "A card's number is not taken, only its last four digits: nothing here may hold twelve digits in a row.",
)
