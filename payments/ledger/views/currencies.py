"""Currencies: everybody reads them, admins open and name them."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsAdmin
from accounts.viewsets import ReadingViewSet
from api import etags
from api.validation import checked
from payments.ledger.models import Currency
from payments.ledger.serializers import currencies, examples
from payments.ledger.services.currencies import change_currency, currency_version, new_currency


@extend_schema(tags=["currencies"])
@extend_schema_view(
    list=extend_schema(
        operation_id="currencies_list", summary="The currencies", description="By code.", examples=examples.CURRENCY
    ),
    retrieve=extend_schema(
        operation_id="currencies_retrieve",
        summary="One currency",
        description="Also one that is out of use.",
        parameters=[etags.IF_NONE_MATCH, etags.ETAG],
        responses={200: currencies.CurrencySerializer, 304: etags.NOT_MODIFIED},
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

    def retrieve(self, request: Request, code: str) -> Response:  # noqa: ARG002  # the address names it
        currency = self.get_object()
        return etags.unless_current(request, currencies.CurrencySerializer(currency).data, currency_version(currency))

    @extend_schema(
        operation_id="currencies_open",
        summary="Open a currency (admin)",
        description="With the house's wallets in it. 409 `currency_exists` when there is one of this code.",
        parameters=[etags.ETAG],
        request=currencies.NewCurrencySerializer,
        responses={201: currencies.CurrencySerializer},
        examples=examples.NEW_CURRENCY,
    )
    def create(self, request: Request) -> Response:
        currency = new_currency(**checked(currencies.NewCurrencySerializer, request), staff=self.user)
        return _currency_response(currency, status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="currencies_change",
        summary="Name a currency, or take it out of use (admin)",
        description=(
            "Its code and its decimals are fixed. What is out of use can be received by webhook, spent in the shop and"
            " withdrawn, but not deposited, transferred, priced or exchanged."
        ),
        parameters=[etags.IF_MATCH, etags.ETAG],
        request=currencies.CurrencyChangeSerializer,
        responses={200: currencies.CurrencySerializer, 412: etags.STALE},
        examples=examples.CURRENCY_CHANGE,
    )
    def partial_update(self, request: Request, code: str) -> Response:
        data = checked(currencies.CurrencyChangeSerializer, request)
        versions = etags.expected_versions(request)
        return _currency_response(change_currency(code=code, staff=self.user, if_version=versions, **data))


def _currency_response(currency: Currency, code: int = status.HTTP_200_OK) -> Response:
    return etags.versioned(currencies.CurrencySerializer(currency).data, currency_version(currency), code)
