"""Currencies: everybody reads them, admins open and name them."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsAdmin
from accounts.viewsets import ReadingViewSet
from api.validation import checked
from payments.ledger.models import Currency
from payments.ledger.serializers import currencies, examples
from payments.ledger.services.currencies import change_currency, new_currency


@extend_schema(tags=["currencies"])
@extend_schema_view(
    list=extend_schema(
        operation_id="currencies_list", summary="The currencies", description="By code.", examples=examples.CURRENCY
    ),
    retrieve=extend_schema(
        operation_id="currencies_retrieve",
        summary="One currency",
        description="Also one that is out of use.",
        examples=examples.CURRENCY,
    ),
)
class CurrencyViewSet(ReadingViewSet):
    lookup_field = "code"
    lookup_value_regex = "[A-Z][A-Z0-9]{2,9}"
    ordering = "code"
    location = "{path}/{code}"
    queryset = Currency.objects.all()
    serializer_class = currencies.CurrencySerializer

    def get_permissions(self) -> list[Any]:
        reads = self.action in ("list", "retrieve", "metadata")
        return list(super().get_permissions()) if reads else [IsAdmin()]

    @extend_schema(
        operation_id="currencies_open",
        summary="Open a currency (admin)",
        description="With the house's wallets in it. 409 `currency_exists` when there is one of this code.",
        request=currencies.NewCurrencySerializer,
        responses={201: currencies.CurrencySerializer},
        examples=examples.NEW_CURRENCY,
    )
    def create(self, request: Request) -> Response:
        currency = new_currency(**checked(currencies.NewCurrencySerializer, request), staff=self.user)
        return Response(currencies.CurrencySerializer(currency).data, status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="currencies_change",
        summary="Name a currency, or take it out of use (admin)",
        description=(
            "Its code and its decimals are fixed. What is out of use can be received by webhook, spent in the shop and"
            " withdrawn, but not deposited, transferred, priced or exchanged."
        ),
        request=currencies.CurrencyChangeSerializer,
        responses=currencies.CurrencySerializer,
        examples=examples.CURRENCY_CHANGE,
    )
    def partial_update(self, request: Request, code: str) -> Response:
        currency = change_currency(code=code, staff=self.user, **checked(currencies.CurrencyChangeSerializer, request))
        return Response(currencies.CurrencySerializer(currency).data)
