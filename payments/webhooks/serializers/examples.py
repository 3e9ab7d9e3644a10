"""Examples of webhook events for the OpenAPI document."""

from api.examples import response_example

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
