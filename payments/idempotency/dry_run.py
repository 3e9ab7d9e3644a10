"""`?dry_run=true`: shows what would happen, by doing it and rolling it back."""

import functools
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

PARAMETER = OpenApiParameter(
    "dry_run",
    bool,
    description=(
        "`true`: answer 200 with what would be done, the commission too, and do nothing; `id` and `transaction` are"
        " null then, a wallet that would be opened has an id that stands for nothing, and no Idempotency-Key is asked"
        " for. Refusals are those of the real request."
    ),
)
#: Members that do not exist when everything is rolled back.
_UNBORN = ("id", "transaction")


def previewable(handler: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Offer `?dry_run=true` on a POST that is `@idempotent`: put it above. Each row it locks is free again at once."""

    @extend_schema(parameters=[PARAMETER])
    @functools.wraps(handler)
    def answer(view: APIView, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        if not is_set(request, PARAMETER.name):
            return handler(view, request, *args, **kwargs)
        act: Callable[..., Response] = handler.__wrapped__  # type: ignore[attr-defined]  # what @idempotent runs
        with transaction.atomic(durable=True):
            response = act(view, request, *args, **kwargs)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # checks what a commit would check
            transaction.set_rollback(True)
        unborn = {name: None for name in _UNBORN if name in response.data}
        return Response({**response.data, **unborn}, status.HTTP_200_OK)

    return answer


def is_set(request: Request, name: str) -> bool:
    """Tell whether a query parameter is `true`. Raises ValidationError when it is neither that nor `false`."""
    value = request.query_params.get(name, "false")
    if value not in ("true", "false"):
        raise ValidationError({name: ErrorDetail(_("Either true or false."), code="invalid")})
    return value == "true"
