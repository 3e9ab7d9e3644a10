"""The one shape of every error answer."""

from functools import cache
from typing import Any, Final

#: What each status means where a view does not say it better.
DESCRIPTIONS: Final = {
    "400": "The request's shape is wrong; `errors` names the fields.",
    "401": "Credentials are missing or not valid.",
    "403": "Not permitted for this user or API key.",
    "404": "There is nothing here, or it is not yours.",
    "406": "None of the media types in Accept can be served.",
    "409": "The present state forbids it.",
    "413": "The body is too large.",
    "415": "The body is not application/json in UTF-8.",
    "422": "A rule forbids it.",
    "429": "Too many requests; see Retry-After.",
    "503": "The database is away or busy; see Retry-After.",
}
RETRY_AFTER: Final = {
    "Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait."},
}


@cache
def problem_schema() -> dict[str, Any]:
    """Return the shape. It names the codes of the tables that /docs/errors is made of, and leaves room for more."""
    from config.problems.field_codes import FIELD_CODES
    from config.problems.table import every_problem

    problem_codes = {problem.code for problem in every_problem()}
    return {
        "type": "object",
        "description": "RFC 9457. Every `code` is explained at /docs/errors. Some codes have more members.",
        "required": ["type", "title", "status", "code", "detail", "errors"],
        "additionalProperties": True,
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": _open_enum(problem_codes, "Stable: programs may compare it. There may be more one day."),
            "detail": {"type": "string", "description": "For people; its words may change."},
            "errors": {"type": "array", "items": _field_error(problem_codes | FIELD_CODES.keys())},
        },
        "example": {
            "type": "/docs/errors#invalid_request",
            "title": "The request is not valid",
            "status": 400,
            "code": "invalid_request",
            "detail": "amount: A valid number is required.",
            "errors": [{"field": "amount", "code": "invalid", "detail": "A valid number is required."}],
        },
    }


def _field_error(codes: set[str]) -> dict[str, Any]:
    field = "Dotted (`items.0.amount`); null when the whole request is meant."
    return {
        "type": "object",
        "required": ["field", "code", "detail"],
        "properties": {
            "field": {"type": ["string", "null"], "description": field},
            "code": _open_enum(codes, "Stable; explained at /docs/errors#fields. There may be more one day."),
            "detail": {"type": "string"},
        },
    }


def _open_enum(codes: set[str], description: str) -> dict[str, Any]:
    """Of an `enum`, even beside a plain text, generators make a type that refuses what is new."""
    return {"type": "string", "x-extensible-enum": sorted(codes), "description": description}
