"""Accounts elsewhere, where withdrawals go."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.viewsets import StrictWrites
from api.path_parameters import ID, ID_PATTERN
from api.validation import checked, refuse_members
from payments.orders import queries
from payments.orders.models import ExternalWallet
from payments.orders.serializers import examples
from payments.orders.serializers import external_wallets as serializers
from payments.orders.services import external_wallets


@extend_schema(tags=["external-wallets"], examples=examples.EXTERNAL_WALLET)
@extend_schema_view(
    list=extend_schema(
        operation_id="external_wallets_list",
        summary="My external wallets",
        description="Newest first, without those that were deleted. Admins see everybody's.",
    ),
    retrieve=extend_schema(
        operation_id="external_wallets_retrieve",
        summary="One external wallet",
        description="Yours; any, for admins.",
        parameters=[ID],
    ),
)
class ExternalWalletViewSet(StrictWrites, ListModelMixin, RetrieveModelMixin, GenericViewSet[ExternalWallet]):
    lookup_value_regex = ID_PATTERN
    queryset = ExternalWallet.objects.none()
    serializer_class = serializers.ExternalWalletSerializer

    @property
    def filterset_class(self) -> type[Any]:
        return queries.StaffExternalWalletFilters if self.for_staff else queries.ExternalWalletFilters

    def get_queryset(self) -> QuerySet[ExternalWallet]:
        return queries.external_wallets(self.user)

    @extend_schema(
        operation_id="external_wallets_create",
        summary="Add an external wallet",
        description=(
            "For withdrawals. An IBAN's check digits must be right. A card's number is never taken, in no field, only"
            " its last four digits. What is given cannot be changed: delete it and add another."
        ),
        request=serializers.ExternalWalletWriteSerializer,
        responses={201: serializers.ExternalWalletSerializer, 422: examples.CARD_NUMBER_REFUSED},
        examples=examples.EXTERNAL_WALLET_ADDED,
    )
    def create(self, request: Request) -> Response:
        data = checked(serializers.ExternalWalletWriteSerializer, request)
        external = external_wallets.add_external_wallet(owner_id=self.user.pk, **data)
        return Response(serializers.ExternalWalletSerializer(external).data, status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="external_wallets_delete",
        summary="Delete an external wallet of mine",
        description="Not while a pending withdrawal goes there. Withdrawals that went there still show it.",
        parameters=[ID],
        responses={204: None, 409: examples.EXTERNAL_WALLET_IN_USE},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        external_wallets.delete_external_wallet(external_wallet_id=int(pk), owner_id=self.user.pk)
        return Response(status=status.HTTP_204_NO_CONTENT)
