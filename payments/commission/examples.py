"""Examples for the OpenAPI description of commission rules."""

from api.examples import problem_response, request_example, response_example

_MADE = "2026-01-31T12:00:00.123456Z"
_TERMS = {
    "operation": "deposit",
    "currency": "USD",
    "percent": "1.5",
    "fixed": "0.00",
    "minimum": "0.50",
    "maximum": "25.00",
}


_RULE = {"id": 3, **_TERMS, "valid_from": _MADE, "valid_until": None, "created_at": _MADE}
RULE = [response_example("One and a half percent", _RULE)]
RULE_MADE = [request_example("One and a half percent", **_TERMS), response_example("In force", _RULE, "201")]
RULE_ENDED = [
    request_example("At the end of the year", valid_until="2026-12-31T23:59:59Z"),
    response_example("Ends", _RULE | {"valid_until": "2026-12-31T23:59:59Z"}),
]


RULE_OVERLAP = problem_response(
    409, "commission_rule_overlap", "Another rule is in force then", "Rule 2 is in force at that time.", rule=2
)


RULE_IN_USE = problem_response(
    409, "commission_rule_in_use", "Orders refer to the rule", "Orders were made under this rule: end it instead."
)
