"""Rates, quotes and exchanges."""

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.models import User
from accounts.permissions import IsAdmin, IsNotService
from accounts.viewsets import Previewing, StrictWrites
from api.path_parameters import ID, ID_PATTERN
from api.validation import checked, refuse_members
from payments.exchange import examples, queries, serializers, services
from payments.exchange.models import Exchange, ExchangeRate, Quote
from payments.idempotency.decorator import idempotent
from payments.idempotency.dry_run import previewable


@extend_schema(tags=["exchange"])
class RatesView(ListAPIView[ExchangeRate]):
    queryset = ExchangeRate.objects.none()
    serializer_class = serializers.RateSerializer
    filterset_class = queries.RateFilters
    ordering = "id"

    def get_queryset(self) -> QuerySet[ExchangeRate]:
        return queries.rates()

    @extend_schema(
        operation_id="rates_list",
        summary="The exchange rates",
        description="One for each direction, the oldest pair first.",
        examples=examples.RATE,
    )
    def get(self, request: Request) -> Response:
        return self.list(request)


@extend_schema(
    tags=["exchange"],
    parameters=[
        OpenApiParameter("source", {"type": "string", "example": "USD"}, OpenApiParameter.PATH),
        OpenApiParameter("target", {"type": "string", "example": "EUR"}, OpenApiParameter.PATH),
    ],
)
class RateView(GenericAPIView[ExchangeRate]):
    """One direction: everybody reads it, admins set and remove it."""

    queryset = ExchangeRate.objects.none()
    serializer_class = serializers.RateSerializer
    detail = True

    def get_permissions(self) -> list[BasePermission]:
        reads = self.request.method in SAFE_METHODS
        return [IsNotService()] if reads else [IsAdmin()]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse unknown query parameters."""
        super().initial(request, *args, **kwargs)
        self.filter_queryset(self.get_queryset())

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    def get_object(self) -> ExchangeRate:
        return queries.rates().get(source_currency=self.kwargs["source"], target_currency=self.kwargs["target"])

    @extend_schema(
        operation_id="rates_retrieve",
        summary="One exchange rate",
        description="In this direction: the other has a rate of its own.",
        examples=examples.RATE,
    )
    def get(self, request: Request, source: str, target: str) -> Response:  # noqa: ARG002
        return Response(serializers.RateSerializer(self.get_object()).data)

    @extend_schema(
        operation_id="rates_set",
        summary="Set an exchange rate (admin)",
        description=(
            "Makes it or replaces it, and notes it in its history. `warnings` says when there and back would gain;"
            " the rate is set all the same. 409 `confirm_required` when it moves by more than 10 % against the last"
            " one, or where there is none against the way back, and `confirm` is not true."
        ),
        request=serializers.RateWriteSerializer,
        responses={200: serializers.RateSetSerializer, 409: examples.CONFIRM_REQUIRED},
        examples=examples.RATE_SET,
    )
    def put(self, request: Request, source: str, target: str) -> Response:
        wanted = checked(serializers.RateWriteSerializer, request)
        rate = services.set_rate(source=source, target=target, staff=self.user, **wanted)
        return Response(serializers.RateSetSerializer(rate).data)

    @extend_schema(
        operation_id="rates_remove",
        summary="Remove an exchange rate (admin)",
        description="Nothing is exchanged in this direction any more; quotes keep what they promised.",
        responses={204: None},
    )
    def delete(self, request: Request, source: str, target: str) -> Response:
        refuse_members(request)
        services.remove_rate(source=source, target=target, staff=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["exchange"])
@extend_schema_view(
    retrieve=extend_schema(
        operation_id="quotes_retrieve",
        summary="One of my quotes",
        description="Also one that was used or has expired.",
        parameters=[ID],
        examples=examples.QUOTE,
    ),
)
class QuoteViewSet(StrictWrites, RetrieveModelMixin, GenericViewSet[Quote]):
    lookup_value_regex = ID_PATTERN
    queryset = Quote.objects.none()
    serializer_class = serializers.QuoteSerializer

    def get_queryset(self) -> QuerySet[Quote]:
        return queries.quotes_of(cast("User", self.request.user))

    @extend_schema(
        operation_id="quotes_create",
        summary="Ask what an amount is worth, with a promise",
        description=(
            "Promises the rate and the commission until `expires_at`, for one exchange. Moves and reserves nothing,"
            " so no Idempotency-Key is asked for. 422 `rate_unavailable` when the rate is missing or too old, 409"
            " `too_many_quotes` when your newest ones are all unused."
        ),
        request=serializers.QuoteWriteSerializer,
        responses={201: serializers.QuoteSerializer},
        examples=examples.QUOTED,
    )
    def create(self, request: Request) -> Response:
        data = checked(serializers.QuoteWriteSerializer, request)
        quote = services.quote(
            user_id=cast("int", request.user.pk),
            source=data["source_currency"],
            target=data["target_currency"],
            amount=data["amount"],
        )
        return Response(serializers.QuoteSerializer(quote).data, status.HTTP_201_CREATED)


@extend_schema(tags=["exchange"])
@extend_schema_view(
    list=extend_schema(
        operation_id="exchanges_list",
        summary="What I have exchanged",
        description="Newest first. Admins see everybody's.",
        examples=examples.EXCHANGE,
    ),
    retrieve=extend_schema(
        operation_id="exchanges_retrieve",
        summary="One exchange",
        description="Yours; any, for admins.",
        parameters=[ID],
        examples=examples.EXCHANGE,
    ),
)
class ExchangeViewSet(Previewing, ListModelMixin, RetrieveModelMixin, GenericViewSet[Exchange]):
    lookup_value_regex = ID_PATTERN
    queryset = Exchange.objects.none()
    serializer_class = serializers.ExchangeSerializer

    @property
    def filterset_class(self) -> type[Any]:
        return queries.StaffExchangeFilters if self.for_staff else queries.ExchangeFilters

    def get_queryset(self) -> QuerySet[Exchange]:
        return queries.visible_to(self.user)

    @extend_schema(
        operation_id="exchanges_create",
        summary="Exchange",
        description=(
            "From one of your wallets to another of another currency: with `quote`, at what was promised; with"
            " `amount`, at the rate of this moment. The commission comes on top of the amount. Each currency goes"
            " through the house's exchange wallet. 404 `quote_not_found` or `wallet_not_found`, 422"
            " `rate_unavailable`, `same_currency` or `currency_mismatch`."
        ),
        request=serializers.ExchangeWriteSerializer,
        responses={
            200: serializers.ExchangeSerializer,
            201: serializers.ExchangeSerializer,
            404: examples.EXCHANGE_NOT_FOUND,
            409: examples.EXCHANGE_CONFLICT,
        },
        examples=examples.EXCHANGED,
    )
    @previewable
    @idempotent
    def create(self, request: Request) -> Response:
        exchange = _exchange(self.user.pk, checked(serializers.ExchangeWriteSerializer, request))
        return Response(serializers.ExchangeSerializer(exchange).data, status.HTTP_201_CREATED)


def _exchange(user_id: int, data: dict[str, Any]) -> Exchange:
    common = {"user_id": user_id, "source_id": data["source"], "destination_id": data["destination"]}
    common["attached"] = data["attached"]
    if "quote" in data:
        return services.exchange_quoted(**common, quote_id=data["quote"])
    expected = None
    if "expected_rate" in data:
        expected = services.ExpectedRate(data["expected_rate"], data["max_slippage"])
    return services.exchange(**common, amount=data["amount"], expected=expected)
