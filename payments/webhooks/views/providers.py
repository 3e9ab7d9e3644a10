"""The API of providers, for admins."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.permissions import IsAdmin
from accounts.viewsets import StrictWrites
from api import etags
from api.path_parameters import ID, ID_PATTERN
from api.validation import checked, refuse_members
from payments.webhooks import services
from payments.webhooks.models import Provider
from payments.webhooks.queries import providers as queries
from payments.webhooks.serializers import examples
from payments.webhooks.serializers import providers as shapes


@extend_schema(tags=["providers"])
@extend_schema_view(
    list=extend_schema(
        operation_id="providers_list",
        summary="Who may send notices of payments (admin)",
        description="By slug, those that are switched off too. None shows a secret.",
        examples=examples.PROVIDER,
    ),
    retrieve=extend_schema(
        operation_id="providers_retrieve",
        summary="One provider (admin)",
        description="Without its secrets.",
        parameters=[ID, etags.IF_NONE_MATCH, etags.ETAG],
        responses={200: shapes.ProviderSerializer, 304: etags.NOT_MODIFIED},
        examples=examples.PROVIDER,
    ),
)
class ProviderViewSet(StrictWrites, ListModelMixin, GenericViewSet[Provider]):
    lookup_value_regex = ID_PATTERN
    permission_classes = (IsAdmin,)
    queryset = queries.providers()
    serializer_class = shapes.ProviderSerializer
    filterset_class = queries.ProviderFilters
    ordering = "slug"

    def retrieve(self, request: Request, pk: str) -> Response:  # noqa: ARG002  # the address names it
        provider = self.get_object()
        data = shapes.ProviderSerializer(provider).data
        return etags.unless_current(request, data, services.provider_version(provider), keep=False)

    @extend_schema(
        operation_id="providers_create",
        summary="Add a provider (admin)",
        description=(
            "Its notices are taken at `/api/v1/webhooks/{slug}` within seconds, by every worker. A `preset` fills in"
            " what a known provider needs. The schemes `stripe` and `hmac_body` need pointers to the fields, and the"
            " others know none."
        ),
        parameters=[etags.ETAG],
        request=shapes.NewProviderSerializer,
        responses={201: shapes.ProviderSerializer},
        examples=examples.PROVIDER_ADDED,
    )
    def create(self, request: Request) -> Response:
        data = checked(shapes.NewProviderSerializer, request)
        return _response(services.new_provider(staff=self.user, **_secret_apart(data)), status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="providers_change",
        summary="Change a provider, or give it a new secret (admin)",
        description=(
            "What is left out stays as it is. A `secret` begins a rotation: it is active at once, and the one before is"
            " accepted as well until the rotation is ended, unless `keep_old` is false."
        ),
        parameters=[ID, etags.IF_MATCH, etags.ETAG],
        request=shapes.ProviderChangeSerializer,
        responses={200: shapes.ProviderSerializer, 412: etags.STALE},
        examples=examples.PROVIDER_CHANGED,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        data = checked(shapes.ProviderChangeSerializer, request)
        versions = etags.expected_versions(request)
        return _response(
            services.amend_provider(provider_id=int(pk), staff=self.user, if_version=versions, **_secret_apart(data))
        )

    @extend_schema(
        operation_id="providers_delete",
        summary="Delete a provider that never sent a notice (admin)",
        description="One that did is 409 `provider_in_use`: switch it off.",
        parameters=[ID, etags.IF_MATCH],
        responses={204: None, 409: examples.PROVIDER_IN_USE, 412: etags.STALE},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        versions = etags.expected_versions(request)
        services.remove_provider(provider_id=int(pk), staff=self.user, if_version=versions)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="providers_end_rotation",
        summary="End the rotation of a provider's secret (admin)",
        description="Only the active secret is accepted from now on. Safe to repeat.",
        parameters=[ID, etags.IF_MATCH, etags.ETAG],
        request=None,
        responses={200: shapes.ProviderSerializer, 412: etags.STALE},
        examples=examples.PROVIDER,
    )
    @action(detail=True, methods=["post"], url_path="end-rotation")
    def end_rotation(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        versions = etags.expected_versions(request)
        services.end_rotation(provider_id=int(pk), staff=self.user, if_version=versions)
        return _response(queries.providers().get(pk=pk))


def _secret_apart(data: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a service: what is no setting stands by itself."""
    apart = {"secret", "keep_old", "preset"} & data.keys()
    fields = {name: value for name, value in data.items() if name not in apart}
    return {"fields": fields, **{name: data[name] for name in apart}}


def _response(provider: Provider, code: int = status.HTTP_200_OK) -> Response:
    data = shapes.ProviderSerializer(provider).data
    return etags.versioned(data, services.provider_version(provider), code, keep=False)
