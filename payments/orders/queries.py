"""Who sees which orders, external wallets and commission rules, and what their lists can be asked."""

from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet
from django_filters import rest_framework as filters

from accounts.models import Role, User
from api import time_ranges
from api.filters import UP_TO, CurrencyFilter, FilterSet, IdFilter, MomentFilter
from payments.metadata.filters import MetadataFilters
from payments.orders.models import ExternalWallet, Order, OrderStatus, SettlementScope

AnOrder = TypeVar("AnOrder", bound=Order)


def visible_to(user: User, kind: type[AnOrder]) -> QuerySet[AnOrder]:
    """A user's own; for admins all; for a service what its scopes name."""
    orders = kind._default_manager.select_related("currency", "provider")
    if user.role == Role.ADMIN:
        return orders
    return orders.filter(_within_scopes(user) if user.role == Role.SERVICE else Q(user=user))


def _within_scopes(service: User) -> Q:
    matching = SettlementScope.objects.filter(
        Q(currency__isnull=True) | Q(currency=OuterRef("currency")),
        Q(provider__isnull=True) | Q(provider=OuterRef("provider")),
        Q(max_amount__isnull=True) | Q(max_amount__gte=OuterRef("amount")),
        service=service,
    )
    return Q(Exists(matching))


def external_wallets(user: User) -> QuerySet[ExternalWallet]:
    """A user's own, for admins everybody's; never those that were deleted."""
    live = ExternalWallet.objects.filter(deleted_at__isnull=True)
    return live if user.role == Role.ADMIN else live.filter(owner=user)


class OrderFilters(MetadataFilters):
    status = filters.ChoiceFilter(choices=OrderStatus.choices, label="Only orders with this status.")
    wallet = IdFilter(field_name="wallet_id", label="Only orders of this wallet.")
    currency = CurrencyFilter(field_name="currency_id", label="Only orders in this currency.")
    provider = filters.CharFilter(field_name="provider__slug", label="Only orders for the provider with this slug.")
    locals()["from"] = MomentFilter(field_name="created_at", label="Only made from this time on (RFC 3339).")
    to = MomentFilter(field_name="created_at", label=UP_TO, is_end=True)

    def filter_queryset(self, queryset: QuerySet[Order]) -> QuerySet[Order]:
        data: dict[str, Any] = self.form.cleaned_data
        start, end = data.pop("from"), data.pop("to")
        narrowed: QuerySet[Order] = super().filter_queryset(queryset)
        return time_ranges.between(narrowed, time="created_at", start=start, end=end)


class StaffOrderFilters(OrderFilters):
    user = IdFilter(field_name="user_id", label="Only this user's orders (admin).")


class ExternalWalletFilters(FilterSet):
    currency = CurrencyFilter(field_name="currency_id", label="Only external wallets in this currency.")
    kind = filters.ChoiceFilter(choices=ExternalWallet.Kind.choices, label="Only external wallets of this kind.")


class StaffExternalWalletFilters(ExternalWalletFilters):
    user = IdFilter(field_name="owner_id", label="Only this user's external wallets (admin).")


class ScopeFilters(FilterSet):
    service = IdFilter(field_name="service_id", label="Only the scopes of this service.")
