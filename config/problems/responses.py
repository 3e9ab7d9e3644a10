"""From a row of the table and an exception to an `application/problem+json` answer."""

import json
import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import HttpResponse
from django.utils.translation import gettext as translated
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.fields import get_error_detail
from rest_framework.utils.encoders import JSONEncoder

from api.languages import is_english
from api.refusals import text_of
from config.problems.problem_types import Problem
from config.problems.table import problem_for

logger = logging.getLogger("till.problems")

FieldError = dict[str, str | None]
#: Characters of what an answer repeats: texts that cannot be taken are as long as their senders like.
MAX_DETAIL = 300


class ProblemResponse(HttpResponse):
    """`data` is the body before it became text."""

    def __init__(self, data: dict[str, Any], *, headers: Mapping[str, str] | None = None) -> None:
        self.data = data
        text = json.dumps(data, cls=JSONEncoder, ensure_ascii=False, separators=(",", ":"))
        super().__init__(
            text.encode("utf-8", "replace"),
            status=data["status"],
            headers={"Content-Type": "application/problem+json", **(headers or {})},
        )
        # Django writes a line of its own, some with a traceback, for each error. Only a bug needs it.
        self._has_been_logged = data["status"] != 500


def problem_body(
    problem: Problem,
    *,
    detail: str = "",
    errors: Iterable[FieldError] = (),
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the body; a member in `extra` never replaces a standard one."""
    title, detail = problem.title, problem.detail or detail
    if not is_english():
        title, detail = translated(title), translated(detail) if problem.detail else detail
    standard = {
        "type": problem.page,
        "title": title,
        "status": problem.status,
        "code": problem.code,
        "detail": detail or f"{title}.",
        "errors": list(errors),
    }
    return standard | {name: value for name, value in (extra or {}).items() if name not in standard}


def problem_response(
    problem: Problem,
    *,
    detail: str = "",
    errors: Iterable[FieldError] = (),
    extra: Mapping[str, Any] | None = None,
    retry_after: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """Return the answer. Retry-After is in whole seconds, rounded up, at least 1."""
    response = ProblemResponse(problem_body(problem, detail=detail, errors=errors, extra=extra), headers=headers)
    seconds = problem.retry_after if retry_after is None else retry_after
    if seconds is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(seconds)))
    if problem.status == 401:  # RFC 9110 wants a challenge with every 401
        response.headers.setdefault("WWW-Authenticate", 'Bearer realm="api"')
    return response


def response_for(error: BaseException) -> ProblemResponse | None:
    """Return the answer for an error, or None when nobody foresaw it."""
    problem = problem_for(error)
    if problem is None:
        return None
    if problem.status >= 500:
        logger.warning("%s: %s: %s", problem.code, type(error).__name__, error)
    errors = _errors_of(error, problem)
    challenge = getattr(error, "auth_header", None)
    return problem_response(
        problem,
        detail=_detail_of(error, errors),
        errors=errors,
        extra=getattr(error, "extra", None),
        retry_after=getattr(error, "retry_after", getattr(error, "wait", None)),
        headers={"WWW-Authenticate": challenge} if challenge and problem.status in (401, 403) else None,
    )


def _detail_of(error: BaseException, errors: list[FieldError]) -> str:
    if isinstance(error, (ValidationError, DjangoValidationError)):
        return " ".join(
            f"{item['field']}: {item['detail']}" if item["field"] else f"{item['detail']}" for item in errors
        )
    if isinstance(error, APIException) and isinstance(error.detail, dict):
        return str(error.detail.get("detail", ""))
    if isinstance(error, ObjectDoesNotExist):
        return ""  # Django's text names our classes; the title says it.
    return text_of(error)


def _errors_of(error: BaseException, problem: Problem) -> list[FieldError]:
    if isinstance(error, DjangoValidationError):
        return list(field_errors(get_error_detail(error)))
    if isinstance(error, ValidationError):
        return list(field_errors(error.detail))
    field = getattr(error, "field", None)
    if isinstance(field, str) and field:
        code = str(getattr(error, "code", problem.code))
        return [{"field": field, "code": code, "detail": _detail_of(error, [])}]
    return []


def field_errors(detail: Any, path: str = "") -> Iterator[FieldError]:
    """Flatten DRF's nested details: `items.0.amount`; the field is None when the whole request is meant."""
    if isinstance(detail, Mapping):
        for name, inside in detail.items():
            yield from field_errors(inside, path if name == "non_field_errors" else _join(path, name))
    elif isinstance(detail, (list, tuple)):
        for index, inside in enumerate(detail):
            nested = isinstance(inside, (Mapping, list, tuple))
            yield from field_errors(inside, _join(path, index) if nested else path)
    else:
        yield {"field": path or None, "code": getattr(detail, "code", "invalid"), "detail": _short(str(detail))}


def _short(text: str) -> str:
    return text if len(text) <= MAX_DETAIL else f"{text[:MAX_DETAIL]}…"


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)
