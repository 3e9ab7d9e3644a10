"""Build examples for the OpenAPI description."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse


def request_example(name: str, /, **value: Any) -> OpenApiExample:
    return OpenApiExample(name, value, request_only=True)


def response_example(name: str, value: dict[str, Any], status: str = "200") -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True, status_codes=[status])


def problem_example(status: int, code: str, title: str, detail: str, **extra: Any) -> OpenApiExample:
    body = {"type": f"/docs/errors#{code}", "title": title, "status": status, "code": code, "detail": detail}
    return OpenApiExample(title, {**body, "errors": [], **extra})


def described(description: str, *problems: OpenApiExample) -> OpenApiResponse:
    """Describe the problems that one status can stand for, each with its example."""
    return OpenApiResponse(OpenApiTypes.OBJECT, description=description, examples=list(problems))


def problem_response(status: int, code: str, title: str, detail: str, **extra: Any) -> OpenApiResponse:
    """Describe a status that stands for one problem."""
    return described(f"`{code}`: {detail}", problem_example(status, code, title, detail, **extra))


def either(*responses: OpenApiResponse) -> OpenApiResponse:
    """Describe responses of one status together."""
    description = " ".join(str(response.description) for response in responses)
    return described(description, *(example for response in responses for example in response.examples))
