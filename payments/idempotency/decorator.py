"""The header Idempotency-Key for views that move money: decorate the method with `@idempotent`."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from payments.idempotency import service as idempotency

KEY_PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    required=True,
    description=(
        "Chosen by you for this one request, such as a UUID. Whoever repeats the request with the same key gets the"
        " first answer again, and nothing moves twice; also a 409 and a 422 are given again, so try later with a"
        " new key. The same key with another request is 422 `idempotency_key_reused`."
    ),
    examples=[OpenApiExample("A UUID", "0b9f8f8c-6f0e-4c55-9a57-3a1f6f6f2f6e")],
)
REPLAYED_PARAMETER = OpenApiParameter(
    "Idempotent-Replayed",
    {"type": "string", "enum": ["true"]},
    OpenApiParameter.HEADER,
    response=True,
    description="Present when this is the stored answer to an earlier request with this key.",
)


def idempotent(handler: Callable[..., Response]) -> Callable[..., HttpResponse]:
    """Answer each Idempotency-Key of a user once. The handler runs in an atomic block that also keeps its answer.

    An exception of the handler goes through the view's own error handling, and everything it wrote is rolled back. The
    view's permissions must make sure that the user has signed in.
    """

    @extend_schema(parameters=[KEY_PARAMETER, REPLAYED_PARAMETER])
    @functools.wraps(handler)
    def once(view: APIView, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        handle = functools.partial(handler, view, request, *args, **kwargs)
        key = idempotency.check_key(request.headers.get("Idempotency-Key"))
        return answer_with_key(view, request, handle, key=key, data=request.data, write=_json_text)

    return once


def answer_with_key(
    view: APIView,
    request: Request,
    handle: Callable[[], Response],
    *,
    key: str,
    data: Any,
    write: Callable[[Any], str],
) -> HttpResponse:
    """Answer the key of the request's user once. `data` is what was sent, and `write` makes the answer's text."""
    attempt = _Attempt(view, handle, write)
    answer = idempotency.answer_once(
        user_id=cast("int", request.user.pk),
        key=key,
        request=idempotency.canonical(request.method or "", request.path, data),
        act=attempt.act,
        refuse=attempt.refuse,
    )
    return attempt.refusal if attempt.refusal and not answer.final else _response(answer)


def _json_text(data: Any) -> str:
    return bytes(JSONRenderer().render(data)).decode()


@dataclass(slots=True)
class _Attempt:
    """The first run of a request. `refusal` is the whole answer of a refusal, with its headers."""

    view: APIView
    handle: Callable[[], Response]
    write: Callable[[Any], str]
    refusal: HttpResponse | None = None

    def act(self) -> idempotency.RecordedAnswer:
        response = self.handle()
        return idempotency.RecordedAnswer(response.status_code, self.write(response.data))

    def refuse(self, error: Exception) -> idempotency.RecordedAnswer:
        """Return the answer to a refusal. Raises an unforeseen error again."""
        refusal = cast("HttpResponse", self.view.handle_exception(error))
        self.refusal = refusal
        final = refusal.status_code in idempotency.KEPT_REFUSALS
        return idempotency.RecordedAnswer(refusal.status_code, refusal.content.decode(), final)


def _response(answer: idempotency.RecordedAnswer) -> HttpResponse:
    kind = "problem+json" if answer.status >= status.HTTP_400_BAD_REQUEST else "json"
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    return HttpResponse(answer.body, f"application/{kind}", answer.status, headers=headers)
