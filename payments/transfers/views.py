"""Sending money to another wallet."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.throttling import WindowThrottle, WriteThrottle
from accounts.viewsets import Previewing
from api.path_parameters import ID, ID_PATTERN
from api.validation import checked
from payments.idempotency.decorator import idempotent
from payments.idempotency.dry_run import PARAMETER, is_set, previewable
from payments.transfers import examples, queries, services
from payments.transfers.models import Transfer
from payments.transfers.serializers import TransferPreviewSerializer, TransferSerializer, TransferWriteSerializer


class RecipientThrottle(WindowThrottle):
    """Look-ups by email, each of which tells whether somebody has an account; and dry runs, which show a name."""

    def scope(self, request: Request, view: APIView) -> str | None:  # noqa: ARG002
        if request.method != "POST":
            return None
        names_recipient = isinstance(request.data, dict) and "recipient" in request.data
        return "recipients" if names_recipient or "dry_run" in request.query_params else None


@extend_schema(tags=["transfers"])
@extend_schema_view(
    list=extend_schema(
        operation_id="transfers_list",
        summary="What I have sent and received",
        description="Newest first. Admins see everybody's.",
        examples=examples.TRANSFER,
    ),
    retrieve=extend_schema(
        operation_id="transfers_retrieve",
        summary="One transfer",
        description="Sent or received by you; any, for admins.",
        parameters=[ID],
        examples=examples.TRANSFER,
    ),
)
class TransferViewSet(Previewing, ListModelMixin, RetrieveModelMixin, GenericViewSet[Transfer]):
    lookup_value_regex = ID_PATTERN
    queryset = Transfer.objects.none()
    serializer_class = TransferSerializer
    throttle_classes = (WriteThrottle, RecipientThrottle)

    @property
    def filterset_class(self) -> type[Any]:
        return queries.StaffTransferFilters if self.for_staff else queries.TransferFilters

    def get_queryset(self) -> QuerySet[Transfer]:
        return queries.visible_to(self.user)

    @extend_schema(
        operation_id="transfers_create",
        summary="Send money",
        description=(
            "To a wallet of the same currency, your own or another's, or to a person by email: to the first wallet in"
            " that currency, which is opened if there is none. A commission comes on top, from you. Whatever is wrong"
            " with the other side, the answer is the same 404 `recipient_not_found`. A dry run shows the first letters"
            " of the recipient's name, so that a mistyped wallet is noticed. It is counted as a look-up by email is."
        ),
        request=TransferWriteSerializer,
        responses={
            200: TransferPreviewSerializer,
            201: TransferSerializer,
            404: examples.RECIPIENT_NOT_FOUND,
            409: examples.TRANSFER_CONFLICT,
        },
        examples=examples.TRANSFERRED,
    )
    @previewable
    @idempotent
    def create(self, request: Request) -> Response:
        data = checked(TransferWriteSerializer, request)
        sent = services.transfer(user_id=self.user.pk, **data)
        sent.user = self.user
        if is_set(request, PARAMETER.name):
            return Response(TransferPreviewSerializer(sent).data)
        return Response(TransferSerializer(sent).data, status.HTTP_201_CREATED)
