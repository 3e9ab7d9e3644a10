"""Examples for the OpenAPI description of API keys."""

from api.examples import problem_response, request_example, response_example

_MADE = "2026-01-31T12:00:00.123456Z"
_TERMS = {
    "user": 9,
    "name": "Settlement, data centre 2",
    "scopes": ["deposits:read", "deposits:settle"],
    "networks": ["203.0.113.0/24"],
    "expires_at": "2027-01-31T00:00:00Z",
}
_KEY = {
    "id": 4,
    **_TERMS,
    "prefix": "k3Vb9TqLx0",
    "created_by": 1,
    "created_at": _MADE,
    "revoked_at": None,
    "last_used_at": None,
}
KEY = [response_example("A key", _KEY)]
KEY_MADE = [
    request_example("To settle deposits", **_TERMS),
    response_example("Made: the key is shown once", _KEY | {"key": f"till_k3Vb9TqLx0_{'x' * 43}"}, "201"),
]
SERVICE_NOT_FOUND = problem_response(404, "user_not_found", "There is no such user", "There is no user 9.")
