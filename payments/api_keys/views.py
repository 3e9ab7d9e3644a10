"""API keys: admins make and revoke them."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.models import ApiKey
from accounts.permissions import IsAdmin
from accounts.viewsets import StrictWrites
from api.path_parameters import ID, ID_PATTERN
from api.validation import checked, refuse_members
from payments.api_keys import examples, queries, serializers, services


@extend_schema(tags=["api-keys"], examples=examples.KEY)
@extend_schema_view(
    list=extend_schema(
        operation_id="api_keys_list",
        summary="API keys of services (admin)",
        description="Newest first, with those that were revoked or have expired. Of the key itself only the prefix.",
    ),
    retrieve=extend_schema(
        operation_id="api_keys_retrieve",
        summary="One API key (admin)",
        description="All but its secret, which was shown once.",
        parameters=[ID],
    ),
)
class ApiKeyViewSet(StrictWrites, ListModelMixin, RetrieveModelMixin, GenericViewSet[ApiKey]):
    lookup_value_regex = ID_PATTERN
    permission_classes = (IsAdmin,)
    queryset = ApiKey.objects.all()
    serializer_class = serializers.ApiKeySerializer
    filterset_class = queries.ApiKeyFilters

    @extend_schema(
        operation_id="api_keys_create",
        summary="Make an API key for a service (admin)",
        description=(
            "The service sends it as `Authorization: Bearer till_…`, in the place of an access token. The key may do"
            " what its scopes name, and settle only what its service may. This answer alone has the key. Each request"
            " makes another: after a lost answer, revoke the newest key and make one again."
        ),
        request=serializers.ApiKeyWriteSerializer,
        responses={201: serializers.NewApiKeySerializer, 404: examples.SERVICE_NOT_FOUND},
        examples=examples.KEY_MADE,
    )
    def create(self, request: Request) -> Response:
        new = services.add_key(staff=self.user, **checked(serializers.ApiKeyWriteSerializer, request))
        answer = serializers.new_key_answer(new.key, new.text)
        return Response(answer, status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="api_keys_revoke",
        summary="Revoke an API key (admin)",
        description="For ever, from the next request on. The key stays in the list. Safe to repeat.",
        parameters=[ID],
        responses={204: None},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        services.revoke_key(key_id=int(pk), staff=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
