"""Examples for the OpenAPI description of endpoints and deliveries."""

from typing import Any

from api.examples import problem_response, request_example, response_example

_AT = "2026-01-31T12:00:00.123456Z"
_ENDPOINT = {
    "id": 3,
    "url": "https://shop.example.com/till",
    "types": ["wallet.*", "deposit.paid"],
    "description": "The shop",
    "is_active": True,
    "disabled_reason": "",
    "failing_since": None,
    "position": 1716,
    "previous_secret_until": None,
    "created_at": _AT,
}
_SECRET = {"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"}
_LOG = [
    {"number": 1, "at": _AT, "milliseconds": 31, "status_code": 503, "error": "", "answer": "busy"},
    {
        "number": 2,
        "at": "2026-01-31T12:00:05.654321Z",
        "milliseconds": 24,
        "status_code": 204,
        "error": "",
        "answer": "",
    },
]
_DELIVERY = {
    "id": 88,
    "endpoint": 3,
    "event": "evt_1716",
    "position": 1716,
    "type": "deposit.paid",
    "status": "delivered",
    "attempts": 2,
    "next_attempt_at": None,
    "log": _LOG,
    "created_at": _AT,
    "delivered_at": "2026-01-31T12:00:05.680000Z",
}
_TEST: dict[str, Any] = {
    "event": "evt_test_89",
    "position": None,
    "type": "endpoint.test",
    "status": "pending",
    "attempts": 0,
    "next_attempt_at": _AT,
    "log": [],
    "delivered_at": None,
}

ENDPOINT = [response_example("The shop", _ENDPOINT)]
ENDPOINT_ADDED = [
    request_example("The shop", url=_ENDPOINT["url"], types=_ENDPOINT["types"], description="The shop"),
    response_example("With its secret", _ENDPOINT | _SECRET, "201"),
]
ENDPOINT_CHANGED = [
    request_example("Switch it off", is_active=False),
    response_example("Switched off", _ENDPOINT | {"is_active": False, "disabled_reason": "staff"}),
]
SECRET_ROTATED = [
    response_example("With its new secret", _ENDPOINT | _SECRET | {"previous_secret_until": "2026-02-01T12:00:00Z"})
]
DELIVERY = [response_example("At the second attempt", _DELIVERY)]
TESTED = [response_example("Waits for a worker", _DELIVERY | {"id": 89} | _TEST, "202")]
REDELIVERED = [
    request_example("One event", event="evt_1716"),
    request_example("A range", **{"from": 1700, "to": 1716}),
    response_example("Queued", {"count": 1}, "202"),
]

TOO_MANY_ENDPOINTS = problem_response(
    409,
    "too_many_endpoints",
    "There are too many endpoints",
    "There are as many endpoints as Till delivers to. Remove one that is not needed.",
)
ENDPOINT_INACTIVE = problem_response(
    409, "endpoint_inactive", "The endpoint is switched off", "The endpoint is switched off: switch it on first."
)
