"""Webhooks over HTTP: the raw body goes to the service as it came; nobody signs in, the signature is the credential."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar

from django.http import JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from payments.webhooks import addresses, notices, receiving
from payments.webhooks.serializers import notices as shapes

#: DRF's own markers of these statuses are for operations that have a path parameter or permissions.
_PROBLEMS = {
    400: "`malformed_event`: the body is not a notice; `errors` names the field. Do not repeat it unchanged.",
    401: "`invalid_signature`: missing, wrong or too old, or the provider is unknown. Nothing was stored.",
    404: "`user_not_found` or `wallet_not_found`: kept for staff; a later repeat can succeed.",
    405: "`method_not_allowed`: only POST.",
    409: "`transaction_id_conflict` or `wallet_owner_mismatch`: nothing moved; kept for staff.",
    413: "`body_too_large`: more than 64 KiB.",
    415: "`unsupported_media_type`: the body is not application/json in UTF-8.",
    422: "`invalid_notice`: the amount or an id breaks a rule; or `currency_mismatch`, `balance_too_large`.",
    503: "`database_unavailable` or `database_busy`: nothing is half done; repeat after Retry-After seconds.",
}
_RESPONSES: dict[int, Any] = {
    200: shapes.CreditedSerializer,
    **{
        status: OpenApiResponse(OpenApiTypes.OBJECT, description=description)
        for status, description in _PROBLEMS.items()
    },
}
_CREDITED_OR_IGNORED = PolymorphicProxySerializer(
    component_name="NoticeAnswer",
    serializers={"credited": shapes.CreditedSerializer, "ignored": shapes.IgnoredSerializer},
    resource_type_field_name="status",
)


View = TypeVar("View", bound=Callable[..., JsonResponse])


def _described(
    *,
    operation_id: str,
    signed: list[str],
    summary: str,
    description: str,
    body: Any,
    examples: list[OpenApiExample],
    success: Any = None,
) -> Callable[[View], View]:
    return extend_schema(
        operation_id=operation_id,
        tags=["webhooks"],
        summary=summary,
        description=f"{description} A repeat answers the first result and moves nothing. See docs/webhooks.md.",
        request={"application/json": body},
        responses=_RESPONSES | ({200: success} if success else {}),
        examples=examples,
        auth=[{name: []} for name in signed],  # type: ignore[misc]  # its types say names, and it writes what it gets
    )


class _AnyAccept(BaseContentNegotiation):
    """Senders of webhooks say anything in Accept; the answer is JSON."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> None:
        """No parser: the signature is over the body as it came."""

    def select_renderer(
        self,
        request: Request,  # noqa: ARG002
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,  # noqa: ARG002
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class WebhookView(APIView):
    """What the three addresses share. `form`: which fields this address takes, whoever is the provider."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = ()
    content_negotiation_class = _AnyAccept
    http_method_names = ("post",)
    form: ClassVar[str] = addresses.ANY_FORM

    def receive(self, request: Request, slug: str) -> JsonResponse:
        """Refuse by the announced length before a byte is read, then hand over to the service."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        notices.check_content(headers.get("content-type", ""), int(headers.get("content-length") or 0))
        credited = receiving.receive(slug=slug, headers=headers, body=request.body, form=self.form)
        return JsonResponse(shapes.answer(credited))


class Sha1ColonWebhookView(WebhookView):
    form = "sha1_colon"

    @_described(
        operation_id="webhook_sha1_colon",
        signed=["sha1_colon"],
        summary="Credit a wallet: SHA-1 over fields joined by colons",
        description="`signature` is the SHA-1 of `{private_key}:{transaction_id}:{user_id}:{bill_id}:{amount}`.",
        body=shapes.Sha1ColonNoticeSerializer,
        examples=shapes.SHA1_COLON_EXAMPLES,
    )
    def post(self, request: Request) -> JsonResponse:
        return self.receive(request, self.form)


class Sha256ConcatWebhookView(WebhookView):
    form = "sha256_concat"

    @_described(
        operation_id="webhook_sha256_concat",
        signed=["sha256_concat"],
        summary="Credit a wallet: SHA-256 over fields glued together",
        description="`signature` is the SHA-256 of `{account_id}{amount}{transaction_id}{user_id}{secret_key}`.",
        body=shapes.Sha256ConcatNoticeSerializer,
        examples=shapes.SHA256_CONCAT_EXAMPLES,
    )
    def post(self, request: Request) -> JsonResponse:
        return self.receive(request, self.form)


class ProviderWebhookView(WebhookView):
    @_described(
        operation_id="webhook",
        signed=["standard_webhooks", "stripe", "hmac_body", "sha1_colon", "sha256_concat"],
        summary="Credit a wallet: any configured provider",
        description=(
            "The provider's scheme says how to sign. `standard_webhooks`: the headers below, HMAC-SHA256 of "
            "`{webhook-id}.{webhook-timestamp}.{body}`, at most five minutes old. `stripe`: the header "
            "`Stripe-Signature` with `t=` and `v1=`, HMAC-SHA256 of `{t}.{body}`, at most five minutes old. "
            "`hmac_body`: HMAC-SHA256 or HMAC-SHA512 of the body, in a header that the provider's settings name. "
            "These two send documents of their own, and the settings say where the fields stand. Events of types "
            "that credit nobody are answered `ignored`. The older schemes: the body of their fixed address, with its "
            "`signature`. What the body must have is said after a valid signature only."
        ),
        body=shapes.NoticeSerializer,
        examples=shapes.STANDARD_EXAMPLES,
        success=_CREDITED_OR_IGNORED,
    )
    @extend_schema(
        parameters=[
            OpenApiParameter("webhook-id", str, OpenApiParameter.HEADER, description="The message's id."),
            OpenApiParameter("webhook-timestamp", int, OpenApiParameter.HEADER, description="Unix time in seconds."),
            OpenApiParameter("webhook-signature", str, OpenApiParameter.HEADER, description="`v1,` and base64."),
            OpenApiParameter("stripe-signature", str, OpenApiParameter.HEADER, description="`t=…,v1=…`, of Stripe."),
        ]
    )
    def post(self, request: Request, provider: str) -> JsonResponse:
        return self.receive(request, provider)
