"""Wallets: reading and opening them, their statements, and what they held at a moment."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.utils.urls import replace_query_param

from accounts.permissions import IsAdmin
from accounts.viewsets import ReadingViewSet
from api.csv_response import csv_response
from api.decimals import format_amount
from api.path_parameters import ID
from api.timestamps import timestamp
from api.validation import checked
from payments.ledger.models import Wallet
from payments.ledger.queries import filters, statements, wallets
from payments.ledger.serializers import examples
from payments.ledger.serializers import statements as statement_shapes
from payments.ledger.serializers import wallets as shapes
from payments.ledger.services import reversals
from payments.ledger.services.wallets import HouseWallet, open_wallet

ANY_WALLET = PolymorphicProxySerializer(
    component_name="AnyWallet",
    serializers=[shapes.StaffWalletSerializer, shapes.WalletSerializer],
    resource_type_field_name=None,
)
_PERIOD = [
    OpenApiParameter("from", OpenApiTypes.DATETIME, description="From this time (RFC 3339) or day (UTC) on."),
    OpenApiParameter("to", OpenApiTypes.DATETIME, description="Before this time, or up to and including this day."),
]
_PAGE = [
    OpenApiParameter("limit", int, description=f"How many lines a page holds, 1 to {filters.MAX_LINES} (default)."),
    OpenApiParameter("cursor", int, description="Where a page begins: taken from `next`."),
]
_AT = OpenApiParameter("at", OpenApiTypes.DATETIME, description="A time (RFC 3339) or the end of a day; else now.")
_PARAMETERS = {
    "statement": ("from", "to", "limit", "cursor", "format"),
    "statement_csv": ("from", "to"),
    "balance": ("at",),
}


class CsvRenderer(BaseRenderer):
    """Named in what a statement accepts; the rows are streamed by the view."""

    media_type, format, charset = "text/csv", "csv", "utf-8"

    def render(self, data: Any, *_: Any) -> bytes:
        """Write what is no statement, such as the answer to OPTIONS."""
        return bytes(JSONRenderer().render(data))


@extend_schema(tags=["wallets"])
@extend_schema_view(
    list=extend_schema(
        operation_id="wallets_list",
        summary="My wallets",
        description="Oldest first. Admins see every user's wallets, or the house's with `house`.",
        responses=ANY_WALLET,
        examples=examples.WALLET,
    ),
    retrieve=extend_schema(
        operation_id="wallets_retrieve",
        summary="One wallet",
        description="Yours; any, for admins, who see the owner and the house's purpose too.",
        parameters=[ID],
        responses=ANY_WALLET,
        examples=examples.WALLET,
    ),
)
class WalletViewSet(ReadingViewSet):
    ordering = "id"
    queryset = Wallet.objects.none()

    @property
    def filterset_class(self) -> type[Any]:
        return filters.StaffWalletFilters if self.for_staff else filters.WalletFilters

    def get_queryset(self) -> QuerySet[Wallet]:
        return wallets.visible_to(self.user)

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return shapes.StaffWalletSerializer if self.for_staff else shapes.WalletSerializer

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        instances = args[0] if kwargs.get("many") else args[:1]
        kwargs["context"] = {
            **self.get_serializer_context(),
            "derived_balances": wallets.derived_balances(instances),
        }
        return self.get_serializer_class()(*args, **kwargs)

    def get_permissions(self) -> list[Any]:
        return [IsAdmin()] if self.action == "partial_update" else list(super().get_permissions())

    @property
    def query_parameters(self) -> tuple[str, ...]:
        """The query parameters of a single wallet's pages; the list has filters."""
        return _PARAMETERS.get(self.action or "", ())

    @extend_schema(
        operation_id="wallets_open",
        summary="Open a wallet",
        description=(
            "Empty, with an id of the service's own; you may have several in one currency. 422 `currency_unavailable`,"
            " and 409 `too_many_wallets` beyond a hundred in all."
        ),
        request=shapes.NewWalletSerializer,
        responses={201: shapes.WalletSerializer},
        examples=examples.OPENED,
    )
    def create(self, request: Request) -> Response:
        data = checked(shapes.NewWalletSerializer, request)
        wallet = open_wallet(owner_id=self.user.pk, currency=data["currency"])
        return Response(shapes.WalletSerializer(wallet).data, status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="wallets_allow_overdraft",
        summary="Let reversals overdraw a wallet, or not (admin)",
        description="409 `wallet_overdrawn`, with what is `available` and `missing`, when it is below zero and may"
        " not be any more, 403 `own_order` for your own.",
        parameters=[ID],
        request=shapes.OverdraftSerializer,
        responses=shapes.StaffWalletSerializer,
        examples=examples.OVERDRAFT,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        data = checked(shapes.OverdraftSerializer, request)
        wallet = reversals.allow_overdraft(wallet_id=int(pk), allowed=data["may_overdraw"], staff=self.user)
        return Response(shapes.StaffWalletSerializer(wallet).data)

    @extend_schema(
        operation_id="wallets_statement",
        summary="A wallet's statement",
        description=(
            "Every line between two moments in the order in which it was booked, with the balance right after it;"
            " the opening balance, all amounts and the closing balance add up exactly. In pages: follow `next`. As CSV"
            " it is at `statement.csv`."
        ),
        parameters=[ID, *_PERIOD, *_PAGE],
        responses={200: statement_shapes.StatementSerializer, 422: examples.HOUSE_WALLET},
        examples=[statement_shapes.STATEMENT],
        filters=False,
    )
    @action(detail=True, methods=["get"], renderer_classes=[JSONRenderer, CsvRenderer], pagination_class=None)
    def statement(self, request: Request, pk: str) -> HttpResponseBase:
        query = _query(filters.StatementForm, request)
        if getattr(request, "accepted_renderer").format == CsvRenderer.format:  # noqa: B009 - set by DRF
            return self._csv(query, pk)
        return Response(_page(self._period(query), query, request.build_absolute_uri()))

    @extend_schema(
        operation_id="wallets_statement_csv",
        summary="A wallet's statement, for a spreadsheet",
        description="The whole period, with a line for the opening balance and one for the closing balance.",
        parameters=[ID, *_PERIOD],
        responses={(200, "text/csv"): OpenApiTypes.STR, 422: examples.HOUSE_WALLET},
        examples=[statement_shapes.STATEMENT_CSV],
        filters=False,
    )
    @action(
        detail=True, methods=["get"], url_path=r"statement\.csv", renderer_classes=[CsvRenderer], pagination_class=None
    )
    def statement_csv(self, request: Request, pk: str) -> HttpResponseBase:
        return self._csv(_query(filters.PeriodForm, request), pk)

    def _csv(self, query: dict[str, Any], pk: str) -> HttpResponseBase:
        name = f"statement-{int(pk)}.csv"
        return csv_response(lambda: _rows(self._period(query)), name=name, user_id=self.user.pk)

    @extend_schema(
        operation_id="wallets_balance",
        summary="What a wallet held at a moment",
        description="With everything that was booked up to that moment.",
        parameters=[ID, _AT],
        responses={200: statement_shapes.BalanceSerializer, 422: examples.HOUSE_WALLET},
        examples=[statement_shapes.BALANCE],
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def balance(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        wallet = self._users_wallet()
        moment = _query(filters.BalanceForm, request)["at"] or timezone.now()
        return Response(
            {
                "wallet": wallet.pk,
                "currency": wallet.currency_id,
                "at": timestamp(moment),
                "balance": format_amount(statements.balance_at(wallet, moment), wallet.currency.decimal_places),
            }
        )

    def _period(self, query: dict[str, Any]) -> statements.Period:
        return statements.period_of(self._users_wallet(), start=query["from"], end=query["to"])

    def _users_wallet(self) -> Wallet:
        """The house's wallets have no numbered lines."""
        wallet: Wallet = self.get_object()
        if wallet.house:
            raise HouseWallet
        return wallet


def _query(form_class: Callable[..., forms.Form], request: Request) -> dict[str, Any]:
    form = form_class(request.query_params)
    if not form.is_valid():
        raise ValidationError({name: list(map(str, errors)) for name, errors in form.errors.items()})
    return form.cleaned_data


def _page(period: statements.Period, query: dict[str, Any], address: str) -> dict[str, Any]:
    low = min(max(period.low, query["cursor"] or 0), period.high)
    high = min(low + (query["limit"] or filters.MAX_LINES), period.high)
    return statement_shapes.statement_answer(
        period,
        statements.lines(period.wallet.pk, low=low, high=high),
        start=query["from"],
        end=query["to"],
        next_page=replace_query_param(address, "cursor", high) if high < period.high else None,
    )


def _rows(period: statements.Period) -> Iterable[Sequence[object]]:
    """A line for the opening balance, each line of the period, a line for the closing balance."""
    places = period.wallet.currency.decimal_places
    return chain(
        [statement_shapes.COLUMNS, _balance_row("opening balance", format_amount(period.opening_balance, places))],
        statement_shapes.csv_rows(statements.all_lines(period), places),
        [_balance_row("closing balance", format_amount(period.closing_balance, places))],
    )


def _balance_row(name: str, balance: str) -> list[object]:
    return [name if column == "kind" else balance if column == "balance" else "" for column in statement_shapes.COLUMNS]
