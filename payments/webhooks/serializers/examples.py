"""Examples of webhook events for the OpenAPI document."""

from api.examples import problem_response, request_example, response_example

_EVENT = {
    "id": 12,
    "provider": "sha1_colon",
    "transaction_id": "1234567",
    "user_id": 99,
    "account_id": 123456,
    "amount": "100.00",
    "currency": "USD",
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

_WEBHOOK = {
    "body": '{"transaction_id": 1234567, "user_id": 99, "bill_id": 123456, "amount": 100, "signature": "…"}',
    "headers": {"content-type": "application/json", "user-agent": "acme/1.0"},
}

EVENT = [response_example("An event that waits for its user", _EVENT)]
EVENT_WITH_WEBHOOK = [response_example("An event that waits for its user, as it came", _EVENT | _WEBHOOK)]
REPLAYED = [response_example("Credited now", _REPLAYED)]

_SIGNED = {"signature_header": "", "signature_algorithm": None, "signature_encoding": None, "signature_prefix": ""}
_PROVIDER = {
    "id": 4,
    "slug": "stripe",
    "scheme": "stripe",
    "currency": "USD",
    "is_active": True,
    "requires_uuid": False,
    "max_amount": "5000.00",
    **_SIGNED,
    "transaction_id_pointer": "/data/object/id",
    "amount_pointer": "/data/object/amount_received",
    "amount_unit": "minor",
    "user_pointer": "/data/object/metadata/user_id",
    "wallet_pointer": "",
    "currency_pointer": "/data/object/currency",
    "event_type_pointer": "/type",
    "credited_types": ["payment_intent.succeeded"],
    "is_rotating": False,
    "updated_at": "2026-01-31T12:00:00.123456Z",
}
_NEW_SECRET = "whsec_0ZqYk3b7TtVxW9c2LmN8pRsUeHfJdA1g"  # noqa: S105  nobody's
PROVIDER = [response_example("Stripe", _PROVIDER)]
PROVIDER_ADDED = [
    request_example("Stripe, by its preset", preset="stripe", currency="USD", max_amount="5000.00", secret=_NEW_SECRET),
    response_example("Added", _PROVIDER, "201"),
]
PROVIDER_CHANGED = [
    request_example("Without a limit", max_amount=None),
    request_example("A new secret", secret=_NEW_SECRET, keep_old=True),
    response_example("Changed", _PROVIDER),
]
PROVIDER_IN_USE = problem_response(
    409,
    "provider_in_use",
    "The provider has sent notices",
    "A provider that has sent notices stays, as they do. Switch it off instead.",
)
