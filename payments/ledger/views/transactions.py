"""Transactions: the history, and taking one back."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsAdmin
from accounts.viewsets import ReadingViewSet
from api.path_parameters import ID
from api.validation import checked
from payments.ledger.models import Transaction
from payments.ledger.queries import filters, transactions
from payments.ledger.queries.history import Span
from payments.ledger.serializers import examples
from payments.ledger.serializers import transactions as shapes
from payments.ledger.services import reversals


@extend_schema(tags=["transactions"], examples=examples.TRANSACTION)
@extend_schema_view(
    list=extend_schema(
        operation_id="transactions_list",
        summary="My history",
        description="Newest first: what touched my wallets, with the postings there. Admins see everything.",
    ),
    retrieve=extend_schema(
        operation_id="transactions_retrieve",
        summary="One transaction",
        description="With the postings that touch your wallets; with all, for admins.",
        parameters=[ID],
    ),
)
class TransactionViewSet(ReadingViewSet):
    queryset = Transaction.objects.none()
    serializer_class = shapes.TransactionSerializer
    location = "/api/v1/transactions/{id}"

    @property
    def filterset_class(self) -> type[Any]:
        return filters.StaffTransactionFilters if self.for_staff else filters.TransactionFilters

    def get_queryset(self) -> QuerySet[Transaction]:
        return transactions.visible_to(self.user)

    def get_permissions(self) -> list[Any]:
        return [IsAdmin()] if self.action == "reverse" else list(super().get_permissions())

    @extend_schema(
        operation_id="transactions_reverse",
        summary="Take a transaction back (admin)",
        description=(
            "Books its opposite, once: 409 `already_reversed` after that. 409 `insufficient_funds`, with what is"
            " `available` and `missing`, when the money is gone and the wallet may not be overdrawn. 409"
            " `not_reversible` for purchases, which are refunded, and for what took something back itself. 403"
            " `own_order` when a wallet of your own is concerned."
        ),
        parameters=[ID],
        request=shapes.ReverseSerializer,
        responses={201: shapes.TransactionSerializer},
        examples=examples.REVERSED,
    )
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, pk: str) -> Response:
        data = checked(shapes.ReverseSerializer, request)
        reversal = reversals.reverse(transaction_id=int(pk), staff=self.user, **data)
        booked = self.get_queryset().get(pk=reversal.transaction_id)
        return Response(shapes.TransactionSerializer(booked).data, status.HTTP_201_CREATED)

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """Refuse bad parameters as every list does, then find the page by the index."""
        queryset = super().filter_queryset(queryset)
        span = None if self.detail else self._span()
        if span is None:
            return queryset
        criteria = self.filterset_class(self.request.query_params, queryset).criteria()
        return transactions.page(self.user, criteria, span)

    def _span(self) -> Span | None:
        """Return where the cursor stands; None for an invented one, which the paginator is about to refuse."""
        paginator: Any = self.paginator
        limit = paginator.get_page_size(self.request) + 1
        try:
            cursor = paginator.decode_cursor(self.request)
            position = int(cursor.position) if cursor and cursor.position is not None else None
        except (APIException, ValueError):
            return None
        reverse = bool(cursor and cursor.reverse)
        limit += cursor.offset if cursor else 0
        if position is None or not 0 <= position < 2**63:
            return Span(limit=limit, newest_first=not reverse)
        if reverse:
            return Span(limit=limit, newest_first=False, after=position)
        return Span(limit=limit, before=position)
