"""Which rates, quotes and exchanges somebody sees, and what their lists can be asked."""

from django.db.models import Q, QuerySet

from accounts.models import Role, User
from api import time_ranges
from api.filters import UP_TO, CurrencyFilter, FilterSet, IdFilter, MomentFilter
from payments.exchange.models import Exchange, ExchangeRate, Quote
from payments.metadata.filters import MetadataFilters


def rates() -> QuerySet[ExchangeRate]:
    """Everybody's to see."""
    return ExchangeRate.objects.all()


def quotes_of(user: User) -> QuerySet[Quote]:
    return Quote.objects.select_related("source_currency", "target_currency").filter(user=user)


def visible_to(user: User) -> QuerySet[Exchange]:
    """A user's own; all of them for admins."""
    exchanges = Exchange.objects.select_related("source_currency", "target_currency")
    return exchanges if user.role == Role.ADMIN else exchanges.filter(user=user)


class RateFilters(FilterSet):
    source_currency = CurrencyFilter(field_name="source_currency_id", label="Only rates from this currency.")
    target_currency = CurrencyFilter(field_name="target_currency_id", label="Only rates to this currency.")


class ExchangeFilters(MetadataFilters):
    wallet = IdFilter(method="of_wallet", label="Only exchanges from or to this wallet.")
    source_currency = CurrencyFilter(field_name="source_currency_id", label="Only from this currency.")
    target_currency = CurrencyFilter(field_name="target_currency_id", label="Only to this currency.")
    locals()["from"] = MomentFilter(label="Only from this time on (RFC 3339).")
    to = MomentFilter(label=UP_TO, is_end=True)

    def filter_queryset(self, queryset: QuerySet[Exchange]) -> QuerySet[Exchange]:
        start, end = self.form.cleaned_data.pop("from"), self.form.cleaned_data.pop("to")
        narrowed: QuerySet[Exchange] = super().filter_queryset(queryset)
        return time_ranges.between(narrowed, time="created_at", start=start, end=end)

    def of_wallet(
        self,
        queryset: QuerySet[Exchange],
        name: str,  # noqa: ARG002
        value: int | None,
    ) -> QuerySet[Exchange]:
        return queryset.filter(Q(source=value) | Q(destination=value))


class StaffExchangeFilters(ExchangeFilters):
    user = IdFilter(field_name="user_id", label="Only this user's exchanges (admin).")
