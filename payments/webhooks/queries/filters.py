"""Filters of webhook events."""

from typing import Any

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from api import time_ranges
from api.filters import FilterSet, IdFilter, MomentFilter
from payments.webhooks.models import Provider, WebhookEvent
from payments.webhooks.notices import is_uuid


class WebhookEventFilters(FilterSet):
    provider = filters.CharFilter(field_name="provider__slug", label="Only events of the provider with this slug.")
    verdict = filters.ChoiceFilter(choices=WebhookEvent.Status.choices, label="Only events with this verdict.")
    transaction_id = filters.CharFilter(method="of_transaction", label="The provider's own transaction id, exactly.")
    user = IdFilter(field_name="user_id", label="Only notices that name this user.")
    account = IdFilter(method="of_wallet", label="Only notices that name this wallet, or were credited to it.")
    locals()["from"] = MomentFilter(label="Only received from this time on (RFC 3339).")
    to = MomentFilter(label="Only received before this time (RFC 3339), or up to this day.", is_end=True)

    def filter_queryset(self, queryset: QuerySet[WebhookEvent]) -> QuerySet[WebhookEvent]:
        data: dict[str, Any] = self.form.cleaned_data
        start, end = data.pop("from"), data.pop("to")
        filtered: QuerySet[WebhookEvent] = super().filter_queryset(queryset)
        return time_ranges.between(filtered, time="received_at", start=start, end=end)

    def of_transaction(
        self,
        queryset: QuerySet[WebhookEvent],
        name: str,  # noqa: ARG002
        value: str,
    ) -> QuerySet[WebhookEvent]:
        return queryset.filter(with_external_id(value))

    def of_wallet(
        self,
        queryset: QuerySet[WebhookEvent],
        name: str,  # noqa: ARG002
        value: int,
    ) -> QuerySet[WebhookEvent]:
        return queryset.filter(Q(account_id=value) | Q(wallet_id=value))


def with_external_id(external_id: str) -> Q:
    """Events of any provider with this id, spelt so that PostgreSQL can use both unique indexes of events."""
    external_id = external_id.lower() if is_uuid(external_id) else external_id
    same = Q(external_id=external_id, provider__in=list(Provider.objects.values_list("pk", flat=True)))
    return (same & ~Q(verdict="conflict")) | (same & Q(verdict="conflict"))
