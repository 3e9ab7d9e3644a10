"""Providers and their filters."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from api.filters import CurrencyFilter, FilterSet
from payments.webhooks.models import Provider


def providers() -> QuerySet[Provider]:
    return Provider.objects.select_related("currency")


class ProviderFilters(FilterSet):
    slug = filters.CharFilter(label="Only the provider with this slug.", max_length=50)
    scheme = filters.ChoiceFilter(choices=Provider.Scheme.choices, label="Only providers that sign like this.")
    currency = CurrencyFilter(field_name="currency_id", label="Only providers of this currency.")
    is_active = filters.ChoiceFilter(
        choices=[("true", "in use"), ("false", "switched off")],
        method="active",
        label="Only providers in use, or switched off.",
    )

    def active(self, queryset: QuerySet[Provider], name: str, value: str) -> QuerySet[Provider]:  # noqa: ARG002
        return queryset.filter(is_active=value == "true")
