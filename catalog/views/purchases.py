"""Buying, and paying back."""

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.models import User
from accounts.permissions import IsAdmin, IsNotService
from accounts.viewsets import Previewing
from api.locations import Located
from api.path_parameters import ID, ID_PATTERN
from api.validation import checked
from catalog import services
from catalog.models import Purchase, Refund
from catalog.queries import filters, purchases
from catalog.serializers import examples
from catalog.serializers.purchases import (
    BuySerializer,
    PurchaseSerializer,
    RefundSerializer,
    RefundWriteSerializer,
)
from payments.idempotency.decorator import idempotent
from payments.idempotency.dry_run import previewable


@extend_schema(tags=["purchases"], examples=examples.PURCHASE)
@extend_schema_view(
    list=extend_schema(
        operation_id="purchases_list",
        summary="What I have bought",
        description="Newest first. Admins see everybody's.",
    ),
    retrieve=extend_schema(
        operation_id="purchases_retrieve",
        summary="One purchase",
        description="Yours; any, for admins.",
        parameters=[ID],
    ),
)
class PurchaseViewSet(Previewing, ListModelMixin, RetrieveModelMixin, GenericViewSet[Purchase]):
    lookup_value_regex = ID_PATTERN
    queryset = Purchase.objects.none()
    serializer_class = PurchaseSerializer

    @property
    def filterset_class(self) -> type[Any]:
        return filters.StaffPurchaseFilters if self.for_staff else filters.PurchaseFilters

    def get_queryset(self) -> QuerySet[Purchase]:
        return purchases.visible_to(self.user)

    @extend_schema(
        operation_id="purchases_create",
        summary="Buy",
        description=(
            "Pays from one of your wallets in the product's currency, at the price that holds at this moment:"
            " 409 `price_changed` when `expected_price` is another, 409 `out_of_stock`, 409 `insufficient_funds`"
            " with what is `available` and `missing`, 422 `currency_mismatch`, 404 `product_not_found` or"
            " `wallet_not_found`."
        ),
        request=BuySerializer,
        responses={
            200: PurchaseSerializer,
            201: PurchaseSerializer,
            404: examples.PRODUCT_NOT_FOUND,
            409: examples.INSUFFICIENT_FUNDS,
        },
        examples=examples.BOUGHT,
    )
    @previewable
    @idempotent
    def create(self, request: Request) -> Response:
        data = checked(BuySerializer, request)
        purchase = services.buy(user_id=self.user.pk, **data)
        return Response(PurchaseSerializer(purchase).data, status.HTTP_201_CREATED)


@extend_schema(tags=["purchases"])
class RefundsView(Located, ListModelMixin, GenericAPIView[Refund]):
    """The refunds of one purchase: its buyer reads, admins write."""

    queryset = Refund.objects.none()
    serializer_class = RefundSerializer
    location = "/api/v1/transactions/{transaction}"

    def get_permissions(self) -> list[BasePermission]:
        writes = self.request.method == "POST"
        return [IsAdmin()] if writes else [IsNotService()]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse unknown query parameters, of what writes as well."""
        super().initial(request, *args, **kwargs)
        self.filter_queryset(Refund.objects.none())

    def get_queryset(self) -> QuerySet[Refund]:
        user = cast("User", self.request.user)
        return purchases.refunds_of(purchases.visible_to(user).get(pk=self.kwargs["purchase_id"]))

    @extend_schema(
        operation_id="purchases_refunds_list",
        summary="What was paid back of a purchase",
        description="Newest first.",
        examples=examples.REFUND,
    )
    def get(self, request: Request, purchase_id: int) -> Response:  # noqa: ARG002
        return self.list(request)

    @extend_schema(
        operation_id="purchases_refund",
        summary="Pay back a purchase, whole or in part (admin)",
        description="The wallet that paid is credited from the house's sales. The stock stays as it is. 403"
        " `own_order` for your own.",
        request=RefundWriteSerializer,
        responses={201: RefundSerializer, 409: examples.REFUND_EXCEEDS_PURCHASE},
        examples=examples.REFUNDED,
    )
    @idempotent
    def post(self, request: Request, purchase_id: int) -> Response:
        staff = cast("User", request.user)
        refund = services.refund(purchase_id=purchase_id, by=staff, **checked(RefundWriteSerializer, request))
        return Response(RefundSerializer(refund).data, status.HTTP_201_CREATED)
