"""Deposits and withdrawals: users make them, services settle them."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.permissions import CanSettle, HasRole, IsAdmin, IsNotService
from accounts.viewsets import Previewing, StrictWrites
from api.path_parameters import ID, ID_PATTERN
from api.validation import checked, refuse_members
from payments.idempotency.decorator import idempotent
from payments.idempotency.dry_run import previewable
from payments.orders import queries, services
from payments.orders.models import Deposit, SettlementScope, Withdrawal
from payments.orders.serializers import examples
from payments.orders.serializers import orders as serializers

_WHO_SEES = "Newest first. Admins see everybody's; a service what it may settle."
_CANCEL = (
    "Your own, while nobody has settled it; for ever. Cancelling it again answers 200 and changes nothing, so no"
    " Idempotency-Key is asked for. 409 `already_settled` when it is paid or rejected."
)
_SETTLE = (
    "Once, for ever: the same status again answers 200 and moves nothing, another is 409 `already_settled`. An order"
    " that the service may not settle is 404, one of your own 403 `own_order`."
)


class OrderViewSet(Previewing, ListModelMixin, RetrieveModelMixin, GenericViewSet[Any]):
    lookup_value_regex = ID_PATTERN
    permissions: ClassVar[dict[str, type[BasePermission]]] = {
        "create": IsNotService,
        "cancel": IsNotService,
        "settle": CanSettle,
    }

    @property
    def filterset_class(self) -> type[Any]:
        return queries.StaffOrderFilters if self.for_staff else queries.OrderFilters

    def get_permissions(self) -> list[BasePermission]:
        return [self.permissions.get(self.action or "", HasRole)()]


def _settlement(request: Request) -> dict[str, Any]:
    body = checked(serializers.SettlementSerializer, request)
    return {"settlement": body.pop("status"), **body}


@extend_schema(tags=["deposits"], examples=examples.DEPOSIT)
@extend_schema_view(
    list=extend_schema(operation_id="deposits_list", summary="My deposits", description=_WHO_SEES),
    retrieve=extend_schema(
        operation_id="deposits_retrieve",
        summary="One deposit",
        description="Yours; any, for admins; those that its scopes cover, for a service.",
        parameters=[ID],
    ),
)
class DepositViewSet(OrderViewSet):
    queryset = Deposit.objects.none()
    serializer_class = serializers.DepositSerializer

    def get_queryset(self) -> QuerySet[Deposit]:
        return queries.visible_to(self.user, Deposit)

    @extend_schema(
        operation_id="deposits_create",
        summary="Ask to bring money in",
        description=(
            "Nothing moves until a service says `paid`: then the amount comes, and its commission goes. 409"
            " `too_many_pending_orders` when too many of your deposits and withdrawals are pending."
        ),
        request=serializers.DepositWriteSerializer,
        responses={
            200: serializers.DepositSerializer,
            201: serializers.DepositSerializer,
            404: examples.WALLET_NOT_FOUND,
        },
        examples=examples.DEPOSIT_MADE,
    )
    @previewable
    @idempotent
    def create(self, request: Request) -> Response:
        data = checked(serializers.DepositWriteSerializer, request)
        deposit = services.request_deposit(user_id=self.user.pk, **data)
        return Response(serializers.DepositSerializer(deposit).data, status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="deposits_settle",
        summary="Settle a deposit (service)",
        description=_SETTLE,
        parameters=[ID],
        request=serializers.SettlementSerializer,
        responses={200: serializers.DepositSerializer, 409: examples.ALREADY_SETTLED},
        examples=examples.DEPOSIT_SETTLED,
    )
    @action(detail=True, methods=["put"], url_path="status")
    def settle(self, request: Request, pk: str) -> Response:
        settled = services.settle_deposit(deposit_id=int(pk), by=self.user, **_settlement(request))
        return Response(serializers.DepositSerializer(settled).data)

    @extend_schema(
        operation_id="deposits_cancel",
        summary="Cancel a deposit that is pending",
        description=_CANCEL,
        parameters=[ID],
        request=None,
        responses={200: serializers.DepositSerializer, 409: examples.ALREADY_PAID},
        examples=examples.DEPOSIT_CANCELLED,
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        cancelled = services.cancel_deposit(deposit_id=int(pk), user_id=self.user.pk)
        return Response(serializers.DepositSerializer(cancelled).data)


@extend_schema(tags=["withdrawals"], examples=examples.WITHDRAWAL)
@extend_schema_view(
    list=extend_schema(operation_id="withdrawals_list", summary="My withdrawals", description=_WHO_SEES),
    retrieve=extend_schema(
        operation_id="withdrawals_retrieve",
        summary="One withdrawal",
        description="Yours; any, for admins; those that its scopes cover, for a service.",
        parameters=[ID],
    ),
)
class WithdrawalViewSet(OrderViewSet):
    queryset = Withdrawal.objects.none()
    serializer_class = serializers.WithdrawalSerializer

    def get_queryset(self) -> QuerySet[Withdrawal]:
        return queries.visible_to(self.user, Withdrawal).select_related(
            "currency", "provider", "external_wallet", "user"
        )

    @extend_schema(
        operation_id="withdrawals_create",
        summary="Ask to take money out",
        description=(
            "The amount is held at once: it cannot be spent, moved or withdrawn again. `paid` takes it out less the"
            " commission; `rejected` gives it back, and so does cancelling it. 409 `too_many_pending_orders` when too"
            " many are pending."
        ),
        request=serializers.WithdrawalWriteSerializer,
        responses={
            200: serializers.WithdrawalSerializer,
            201: serializers.WithdrawalSerializer,
            404: examples.WITHDRAWAL_NOT_FOUND,
            409: examples.INSUFFICIENT_FUNDS,
        },
        examples=examples.WITHDRAWAL_MADE,
    )
    @previewable
    @idempotent
    def create(self, request: Request) -> Response:
        data = checked(serializers.WithdrawalWriteSerializer, request)
        withdrawal = services.request_withdrawal(user_id=self.user.pk, **data)
        return Response(serializers.WithdrawalSerializer(withdrawal).data, status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="withdrawals_settle",
        summary="Settle a withdrawal (service)",
        description=_SETTLE,
        parameters=[ID],
        request=serializers.SettlementSerializer,
        responses={200: serializers.WithdrawalSerializer, 409: examples.ALREADY_SETTLED},
        examples=examples.WITHDRAWAL_SETTLED,
    )
    @action(detail=True, methods=["put"], url_path="status")
    def settle(self, request: Request, pk: str) -> Response:
        settled = services.settle_withdrawal(withdrawal_id=int(pk), by=self.user, **_settlement(request))
        return Response(serializers.WithdrawalSerializer(settled).data)

    @extend_schema(
        operation_id="withdrawals_cancel",
        summary="Cancel a withdrawal that is pending",
        description=_CANCEL + " What it holds is free again.",
        parameters=[ID],
        request=None,
        responses={200: serializers.WithdrawalSerializer, 409: examples.ALREADY_PAID},
        examples=examples.WITHDRAWAL_CANCELLED,
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        cancelled = services.cancel_withdrawal(withdrawal_id=int(pk), user_id=self.user.pk)
        return Response(serializers.WithdrawalSerializer(cancelled).data)


@extend_schema(tags=["settlement-scopes"], examples=examples.SCOPE)
@extend_schema_view(
    list=extend_schema(
        operation_id="settlement_scopes_list",
        summary="What services may settle (admin)",
        description="Newest first. A service without any settles nothing.",
    ),
    retrieve=extend_schema(
        operation_id="settlement_scopes_retrieve",
        summary="One scope (admin)",
        description="What one service may settle, and up to which amount.",
        parameters=[ID],
    ),
)
class ScopeViewSet(StrictWrites, ListModelMixin, RetrieveModelMixin, GenericViewSet[SettlementScope]):
    lookup_value_regex = ID_PATTERN
    permission_classes = (IsAdmin,)
    queryset = SettlementScope.objects.select_related("provider", "currency")
    serializer_class = serializers.ScopeSerializer
    filterset_class = queries.ScopeFilters

    @extend_schema(
        operation_id="settlement_scopes_create",
        summary="Let a service settle orders (admin)",
        description=(
            "Those of a currency, of a provider, or of both together, each of at most `max_amount`; or `everything`."
            " Orders that no scope covers are 404 to the service. Safe to repeat; another `max_amount` replaces the"
            " last."
        ),
        request=serializers.ScopeWriteSerializer,
        responses={201: serializers.ScopeSerializer, 404: examples.SERVICE_NOT_FOUND},
        examples=examples.SCOPE_ADDED,
    )
    def create(self, request: Request) -> Response:
        data = checked(serializers.ScopeWriteSerializer, request)
        scope = services.add_scope(staff=self.user, **data)
        return Response(serializers.ScopeSerializer(scope).data, status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="settlement_scopes_delete",
        summary="Remove a scope (admin)",
        description="Without its last scope a service settles nothing.",
        parameters=[ID],
        responses={204: None},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        services.remove_scope(scope_id=int(pk), staff=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
