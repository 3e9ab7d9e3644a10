"""Reading money back: wallets, transactions, currencies, and the inbox of webhook events."""

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from accounts.models import Role, User
from accounts.permissions import IsAdmin
from accounts.views import checked, refuse_members
from payments.models import Transaction, WebhookEvent
from payments.queries import filters, transactions
from payments.queries.history import Span
from payments.serializers import reading as shapes
from payments.serializers import reading_examples as examples
from payments.serializers import webhooks as webhook_shapes
from payments.services import reversals, staff

ID_PATTERN = "[1-9][0-9]{0,18}"
ID = OpenApiParameter("id", int, OpenApiParameter.PATH)


class StrictWrites:
    """Refuses unknown query parameters of what writes as well: a misspelt dry_run must not act. Stands first."""

    request: Any

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]  # the APIView it is mixed into
        if request.method not in SAFE_METHODS:
            view: Any = self
            view.filter_queryset(view.queryset.none())

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    @property
    def for_staff(self) -> bool:
        """The schema describes what staff may ask."""
        return getattr(self, "swagger_fake_view", False) or self.user.role == Role.ADMIN


class Previewing(StrictWrites):
    """What can be created can be tried with `?dry_run=true`, and nothing else be asked of a write."""

    action: Any

    @property
    def query_parameters(self) -> tuple[str, ...]:
        return ("dry_run",) if self.action == "create" else ()


class ReadingViewSet(StrictWrites, ReadOnlyModelViewSet[Any]):
    lookup_value_regex = ID_PATTERN


@extend_schema(tags=["transactions"], examples=examples.TRANSACTION)
@extend_schema_view(
    list=extend_schema(
        operation_id="transactions_list",
        summary="My history",
        description="Newest first: what touched my wallets, with the postings there. Admins see everything.",
    ),
    retrieve=extend_schema(operation_id="transactions_retrieve", summary="One transaction", parameters=[ID]),
)
class TransactionViewSet(ReadingViewSet):
    queryset = Transaction.objects.none()
    serializer_class = shapes.TransactionSerializer

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
            "Books its opposite, once: 409 `already_reversed` after that, 409 `insufficient_funds` when the money is"
            " gone and the wallet may not be overdrawn, 409 `not_reversible` for purchases, which are refunded, and"
            " for what took something back itself, 403 `own_order` when a wallet of your own is concerned."
        ),
        parameters=[ID],
        request=shapes.ReverseSerializer,
        responses={201: shapes.TransactionSerializer},
        examples=examples.REVERSED,
    )
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, pk: str) -> Response:
        made = reversals.reverse(transaction_id=int(pk), staff=self.user, **checked(shapes.ReverseSerializer, request))
        booked = self.get_queryset().get(pk=made.transaction_id)
        return Response(shapes.TransactionSerializer(booked).data, status.HTTP_201_CREATED)

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """Refuse bad parameters as every list does, then find the page by the index."""
        queryset = super().filter_queryset(queryset)
        span = None if self.detail else self._span()
        if span is None:
            return queryset
        asked = self.filterset_class(self.request.query_params, queryset).asked()
        return transactions.page(self.user, asked, span)

    def _span(self) -> Span | None:
        """Return where the cursor stands; None for a made-up one, which the paginator is about to refuse."""
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


@extend_schema(tags=["webhook-events"])
@extend_schema_view(
    list=extend_schema(
        operation_id="webhook_events_list",
        summary="Authentic notices and their verdicts (admin)",
        description="Newest first. `verdict=unmatched` and `verdict=conflict` are those that need attention.",
        examples=examples.EVENT,
    ),
    retrieve=extend_schema(
        operation_id="webhook_events_retrieve",
        summary="One notice (admin)",
        parameters=[ID],
        examples=examples.EVENT,
    ),
)
class WebhookEventViewSet(ReadingViewSet):
    permission_classes = (IsAdmin,)
    queryset = WebhookEvent.objects.select_related("provider__currency")
    serializer_class = shapes.WebhookEventSerializer
    filterset_class = filters.WebhookEventFilters

    @extend_schema(
        operation_id="webhook_events_replay",
        summary="Try an unmatched notice again (admin)",
        description="Answers as the provider would be answered now. Safe to repeat: it is credited once. 403"
        " `own_order` when it is for you.",
        parameters=[ID],
        request=None,
        responses={200: webhook_shapes.CreditedSerializer},
        examples=examples.REPLAYED,
    )
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        refuse_members(request)
        credited = staff.replay_event(event=self.get_object(), staff=self.user)
        return Response(webhook_shapes.answer(credited))
