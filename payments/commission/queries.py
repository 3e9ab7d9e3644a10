"""Commission rules and their filters."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from api.filters import CurrencyFilter, FilterSet
from payments.commission.models import CommissionRule, Operation


def commission_rules() -> QuerySet[CommissionRule]:
    return CommissionRule.objects.select_related("currency")


class CommissionRuleFilters(FilterSet):
    operation = filters.ChoiceFilter(choices=Operation.choices, label="Only rules for this operation.")
    currency = CurrencyFilter(field_name="currency_id", label="Only rules in this currency.")
