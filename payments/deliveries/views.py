"""The API of endpoints and deliveries, for admins."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.permissions import IsAdmin
from accounts.viewsets import StrictWrites
from api.path_parameters import ID, ID_PATTERN
from api.validation import checked, refuse_members
from payments.deliveries import examples, queries, serializers, services
from payments.deliveries.models import EventDelivery, EventEndpoint


@extend_schema(tags=["webhook-endpoints"])
@extend_schema_view(
    list=extend_schema(
        operation_id="webhook_endpoints_list",
        summary="Endpoints that events are sent to (admin)",
        description="Newest first. None shows its secret.",
        examples=examples.ENDPOINT,
    ),
    retrieve=extend_schema(
        operation_id="webhook_endpoints_retrieve",
        summary="One endpoint (admin)",
        description="Without its secret, which is shown once.",
        parameters=[ID],
        examples=examples.ENDPOINT,
    ),
)
class EventEndpointViewSet(StrictWrites, ListModelMixin, RetrieveModelMixin, GenericViewSet[EventEndpoint]):
    lookup_value_regex = ID_PATTERN
    permission_classes = (IsAdmin,)
    queryset = queries.endpoints()
    serializer_class = serializers.EndpointSerializer

    @extend_schema(
        operation_id="webhook_endpoints_create",
        summary="Add an endpoint (admin)",
        description=(
            "Events from now on are sent there, each in a POST signed after the Standard Webhooks specification. The"
            " `secret` is in this answer alone. Addresses that are not public are refused, here or when the name"
            " resolves to one."
        ),
        request=serializers.EndpointWriteSerializer,
        responses={201: serializers.EndpointSecretSerializer, 409: examples.TOO_MANY_ENDPOINTS},
        examples=examples.ENDPOINT_ADDED,
    )
    def create(self, request: Request) -> Response:
        data = checked(serializers.EndpointWriteSerializer, request)
        endpoint = services.add_endpoint(staff=self.user, **data)
        return Response(serializers.EndpointSecretSerializer(endpoint).data, status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="webhook_endpoints_change",
        summary="Change an endpoint (admin)",
        description="Switched off, it is sent nothing. Switched on again, it gets what it missed.",
        parameters=[ID],
        request=serializers.EndpointChangeSerializer,
        responses=serializers.EndpointSerializer,
        examples=examples.ENDPOINT_CHANGED,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        data = checked(serializers.EndpointChangeSerializer, request)
        endpoint = services.change_endpoint(endpoint_id=int(pk), data=data, staff=self.user)
        return Response(serializers.EndpointSerializer(endpoint).data)

    @extend_schema(
        operation_id="webhook_endpoints_delete",
        summary="Delete an endpoint (admin)",
        description="With its deliveries. The events stay in the feed.",
        parameters=[ID],
        responses={204: None},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        services.remove_endpoint(endpoint_id=int(pk), staff=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="webhook_endpoints_rotate_secret",
        summary="Give an endpoint a new secret (admin)",
        description="Shown in this answer alone. For 24 hours each delivery has a signature of both secrets.",
        parameters=[ID],
        request=None,
        responses=serializers.EndpointSecretSerializer,
        examples=examples.SECRET_ROTATED,
    )
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        endpoint = services.rotate_secret(endpoint_id=int(pk), staff=self.user)
        return Response(serializers.EndpointSecretSerializer(endpoint).data)

    @extend_schema(
        operation_id="webhook_endpoints_test",
        summary="Send a test event (admin)",
        description="Of the type `endpoint.test`, whatever types the endpoint wants. The worker sends it.",
        parameters=[ID],
        request=None,
        responses={202: serializers.DeliverySerializer, 409: examples.ENDPOINT_INACTIVE},
        examples=examples.TESTED,
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        delivery = services.send_test(endpoint_id=int(pk), staff=self.user)
        return Response(serializers.DeliverySerializer(delivery).data, status.HTTP_202_ACCEPTED)

    @extend_schema(
        operation_id="webhook_endpoints_redeliver",
        summary="Send events again (admin)",
        description=(
            "One event, or a range of a thousand positions at most, as far as the endpoint wants their types. They"
            " have the same ids and bodies as before. The worker sends them."
        ),
        parameters=[ID],
        request=serializers.RedeliverySerializer,
        responses={202: serializers.RedeliveredSerializer, 409: examples.ENDPOINT_INACTIVE},
        examples=examples.REDELIVERED,
    )
    @action(detail=True, methods=["post"])
    def redeliver(self, request: Request, pk: str) -> Response:
        data = checked(serializers.RedeliverySerializer, request)
        count = services.redeliver(endpoint_id=int(pk), staff=self.user, **data)
        return Response({"count": count}, status.HTTP_202_ACCEPTED)


@extend_schema(tags=["webhook-endpoints"], parameters=[ID], examples=examples.DELIVERY)
@extend_schema_view(
    list=extend_schema(
        operation_id="webhook_endpoints_deliveries",
        summary="Deliveries to an endpoint (admin)",
        description="Newest first, each with its last twenty attempts.",
    )
)
class EventDeliveryViewSet(StrictWrites, ListModelMixin, GenericViewSet[EventDelivery]):
    permission_classes = (IsAdmin,)
    queryset = EventDelivery.objects.none()
    serializer_class = serializers.DeliverySerializer
    filterset_class = queries.DeliveryFilters

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return queries.deliveries(int(self.kwargs["id"]))
