"""Examples for the OpenAPI description of accounts."""

from drf_spectacular.utils import OpenApiExample

from api.examples import problem_response, request_example, response_example

_USER = {"id": 7, "email": "alice@example.com", "full_name": "Alice Doe", "role": "user", "is_active": True}
_LINK = "https://till.example.com/api/v1/auth/activate/7-0f3c9a7d51b2e864.1vEabc.s1gnature"
_TOKENS = {"access": "eyJhbGciOiJIUzI1NiJ9.e30.access", "refresh": "eyJhbGciOiJIUzI1NiJ9.e30.refresh"}


REGISTER = [
    request_example(
        "Alice",
        email="alice@example.com",
        password="correct horse 42",
        full_name="Alice Doe",
    ),
    response_example("Registered", {"user": _USER | {"is_active": False}, "activation_url": _LINK}, "201"),
]
ACTIVATED = [response_example("Activated", {"user": _USER, "status": "activated"})]
RESEND = [request_example("Alice", email="alice@example.com")]
LOGIN = [
    request_example("Alice", email="alice@example.com", password="correct horse 42"),
    response_example("Tokens", _TOKENS),
]
REFRESH = [request_example("Refresh token", refresh=_TOKENS["refresh"]), response_example("New tokens", _TOKENS)]
PASSWORD = [request_example("A new one", current_password="correct horse 42", new_password="battery staple 43")]
LINK_PAGE = [
    OpenApiExample("A page", "<!DOCTYPE html>…", media_type="text/html", response_only=True, status_codes=["200"])
]
PASSWORD_RESET = [request_example("A new one", new_password="battery staple 43")]
EMAIL_CHANGE = [request_example("A new one", current_password="correct horse 42", new_email="alice@example.org")]
EMAIL_CHANGED = [response_example("Changed", _USER | {"email": "alice@example.org"})]

SESSION = [
    response_example(
        "A phone",
        {
            "id": "6f1c1c5e-51c2-4f6c-9d43-3b7e5d6f0a11",
            "created_at": "2026-11-02T07:30:00Z",
            "last_used_at": "2026-11-30T18:05:00Z",
            "expires_at": "2026-12-14T18:05:00Z",
            "user_agent": "TillApp/3.1 (Android 16)",
            "address": "203.0.113.7",
            "current": True,
        },
    )
]

_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105
_CODES = {"recovery_codes": ["mzxw-6ytb-oi2d-gmrq", "nfxh-a4tq-mfzw-k3lt"]}
_PROOF = request_example("Password and code", password="correct horse 42", code="492039")
SECOND_FACTOR = [response_example("On", {"enabled": True, "since": "2026-11-02T07:30:00Z", "recovery_codes_left": 10})]
ENROLMENT = [
    request_example("Begin", password="correct horse 42"),
    response_example(
        "A secret",
        {
            "secret": _SECRET,
            "otpauth_uri": f"otpauth://totp/Till:alice%40example.com?secret={_SECRET}&issuer=Till",
            "qr_svg": "<svg>…</svg>",
        },
    ),
]
FIRST_CODE = [request_example("Code", code="492039"), response_example("Recovery codes", _CODES)]
RENEWAL = [_PROOF, response_example("New recovery codes", _CODES)]
DISABLING = [_PROOF]
EXPIRED_LINK = problem_response(
    410, "expired_link", "The link has expired", "This link has expired; ask for a new one."
)
INVALID_CREDENTIALS = problem_response(
    401,
    "invalid_credentials",
    "Email or password is wrong",
    "No active user has this email and password.",
)
INVALID_TOKEN = problem_response(401, "token_invalid", "The token is not valid", "The token is not valid.")
