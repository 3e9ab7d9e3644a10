"""Lists come in pages, each found by index from where the last one ended. Nobody counts all rows."""

import base64
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView

MAX_LIMIT = 200


class LimitedCursorPagination(CursorPagination):
    """`{"next", "previous", "results"}`; a view's `ordering` (unique, indexed) replaces `-id`."""

    page_size = 50
    max_page_size = MAX_LIMIT
    page_size_query_param = "limit"
    page_size_query_description = f"How many results a page holds, 1 to {MAX_LIMIT}."
    cursor_query_description = "Where a page begins: taken from `next` or `previous`, never made up."
    ordering = "-id"

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        ordering = getattr(view, "ordering", None)
        if ordering is None:
            return super().get_ordering(request, queryset, view)
        return (ordering,) if isinstance(ordering, str) else tuple(ordering)

    def get_page_size(self, request: Request) -> int:
        text = request.query_params.get("limit")
        if text is None:
            return 50
        if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
            raise ValidationError(
                {
                    "limit": ErrorDetail(
                        _("A whole number from 1 to %(maximum)s.") % {"maximum": MAX_LIMIT}, code="invalid"
                    )
                }
            )
        return int(text)

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any] | None:
        """Raise ValidationError naming `limit` or `cursor`."""
        cursor = request.query_params.get("cursor")
        if cursor is None:
            return super().paginate_queryset(queryset, request, view)
        refuse_foreign_cursor(cursor)
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, ValueError, OverflowError, DjangoValidationError):
            # DRF reads no such cursor, or its position is no value of the ordering's field.
            raise invalid_cursor() from None

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == "limit":
                parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 50}
        return parameters

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        example = "https://till.example.com/api/v1/...?cursor=cD00Mg%3D%3D"
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": link | {"example": example},
                "previous": link | {"example": None},
                "results": schema,
            },
        }


def first_page(url: str, answers: Sequence[dict[str, Any]], limit: int) -> dict[str, Any]:
    """Return the first page of a list that goes by id, as LimitedCursorPagination answers a request for this URL.

    `answers` has one more than the page, if there is another page.
    """
    page, following = answers[:limit], None
    if len(answers) > limit:
        paginator = LimitedCursorPagination()
        paginator.base_url = url
        following = paginator.encode_cursor(Cursor(offset=0, reverse=False, position=page[-1]["id"]))
    return {"next": following, "previous": None, "results": page}


def refuse_foreign_cursor(text: str) -> None:
    """DRF reads any text as some cursor, and answers with the first page; raise ValidationError instead."""
    try:
        inside = base64.b64decode(text.encode("ascii"), validate=True).decode("ascii")
        keys = parse_qs(inside, keep_blank_values=True, strict_parsing=True).keys()
    except ValueError:
        raise invalid_cursor() from None
    if not keys <= {"o", "r", "p"}:
        raise invalid_cursor()


def invalid_cursor() -> ValidationError:
    return ValidationError({"cursor": ErrorDetail(_("This cursor was not given by this list."), code="invalid")})
