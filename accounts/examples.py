"""Examples for the OpenAPI description of accounts."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse

_USER = {"id": 7, "email": "alice@example.com", "full_name": "Alice Doe", "role": "user", "is_active": True}
_LINK = "https://till.example.com/api/v1/auth/activate/7-0f3c9a7d51b2e864.1vEabc.s1gnature"
_TOKENS = {"access": "eyJhbGciOiJIUzI1NiJ9.e30.access", "refresh": "eyJhbGciOiJIUzI1NiJ9.e30.refresh"}


def _problem(status: int, code: str, title: str, detail: str) -> OpenApiResponse:
    body: dict[str, Any] = {
        "type": f"/docs/errors#{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "errors": [],
    }
    example = OpenApiExample(title, body)
    return OpenApiResponse(OpenApiTypes.OBJECT, description=f"`{code}`: {detail}", examples=[example])


def _request(name: str, value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, value, request_only=True)


def _response(name: str, value: dict[str, Any], status: str = "200") -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True, status_codes=[status])


REGISTER = [
    _request(
        "Alice",
        {"email": "alice@example.com", "password": "correct horse 42", "full_name": "Alice Doe"},
    ),
    _response("Registered", {"user": _USER | {"is_active": False}, "activation_url": _LINK}, "201"),
]
ACTIVATED = [_response("Activated", {"user": _USER, "status": "activated"})]
RESEND = [_request("Alice", {"email": "alice@example.com"})]
LOGIN = [
    _request("Alice", {"email": "alice@example.com", "password": "correct horse 42"}),
    _response("Tokens", _TOKENS),
]
REFRESH = [_request("Refresh token", {"refresh": _TOKENS["refresh"]}), _response("New tokens", _TOKENS)]
PASSWORD = [_request("A new one", {"current_password": "correct horse 42", "new_password": "battery staple 43"})]

EXPIRED_LINK = _problem(410, "expired_link", "The link has expired", "This link has expired; ask for a new one.")
INVALID_CREDENTIALS = _problem(
    401,
    "invalid_credentials",
    "Email or password is wrong",
    "No active user has this email and password.",
)
INVALID_TOKEN = _problem(401, "token_invalid", "The token is not valid", "The token is not valid.")
