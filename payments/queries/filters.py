"""What lists can be asked: query parameters, strict, each error naming its parameter."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from payments.models import Provider, Transaction, Wallet, WebhookEvent
from payments.notices import is_uuid
from payments.queries import moments
from payments.queries.history import MAX_ID
from payments.queries.transactions import Asked

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{2,9}", re.ASCII)


#: What every `to` says.
UP_TO = "Only before this time (RFC 3339), or up to and including this day."


class MomentField(forms.Field):
    """A moment as RFC 3339 writes it, with its offset; or a day (UTC), of which an end is the end.

    It is in UTC: PostgreSQL knows no offset of 16 hours or more. One that UTC has no date for is refused.
    """

    def __init__(self, *, is_end: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.is_end = is_end

    def to_python(self, value: str | None) -> datetime | None:
        if not value:
            return None
        try:
            if _MOMENT.fullmatch(value):
                return datetime.fromisoformat(value.upper()).astimezone(UTC)
            if _DAY.fullmatch(value):
                return datetime.fromisoformat(f"{value}T00:00:00Z") + timedelta(days=self.is_end)
        except (ValueError, OverflowError):
            pass
        raise forms.ValidationError(
            "A day such as 2026-01-31, or an RFC 3339 time such as 2026-01-31T12:00:00Z"
            " (a plus sign has to be URL-encoded).",
            "invalid",
        )


class IdField(forms.Field):
    def to_python(self, value: str | None) -> int | None:
        if not value:
            return None
        if number := id_or_none(value):
            return number
        raise forms.ValidationError(f"A whole number from 1 to {MAX_ID}.", "invalid")


def id_or_none(text: str) -> int | None:
    """Return the id that the text is, in canonical form, or None."""
    return int(text) if _ID.fullmatch(text) and int(text) <= MAX_ID else None


class CountField(forms.IntegerField):
    """Digits and nothing else, where Django would also read "+5", "5.0", " 5 " and other alphabets."""

    def to_python(self, value: str | None) -> int | None:
        if value and not _DIGITS.fullmatch(value):
            raise forms.ValidationError(self.error_messages["invalid"], "invalid")
        return super().to_python(value)


class CurrencyField(forms.Field):
    def to_python(self, value: str | None) -> str | None:
        if not value or _CURRENCY.fullmatch(value):
            return value or None
        raise forms.ValidationError("A currency's code in capital letters, such as USD.", "invalid")


class Filter(filters.Filter):  # type: ignore[misc]  # django-filter has no types
    """What the filters of our own fields share."""


class FilterSet(filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """What our sets of filters share."""


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentFilter(Filter):
    field_class = MomentField


@extend_schema_field({"type": "integer", "format": "int64", "minimum": 1})
class IdFilter(Filter):
    field_class = IdField


@extend_schema_field({"type": "string", "example": "USD"})
class CurrencyFilter(Filter):
    field_class = CurrencyField


class WalletFilters(FilterSet):
    currency = CurrencyFilter(field_name="currency_id", label="Only wallets in this currency.")


class StaffWalletFilters(WalletFilters):
    user = IdFilter(field_name="owner_id", label="Only this user's wallets (admin).")
    house = filters.ChoiceFilter(
        choices=Wallet.House.choices,
        label="The house's own wallets instead of the users' (admin).",
        method="only_house",
    )

    def filter_queryset(self, queryset: QuerySet[Wallet]) -> QuerySet[Wallet]:
        if not self.form.cleaned_data["house"]:
            queryset = queryset.filter(house__isnull=True)
        narrowed: QuerySet[Wallet] = super().filter_queryset(queryset)
        return narrowed

    def only_house(self, queryset: QuerySet[Wallet], name: str, value: str) -> QuerySet[Wallet]:  # noqa: ARG002
        return queryset.filter(house=value)


class TransactionFilters(FilterSet):
    """Only reads the parameters: payments.queries.transactions finds the page of what is `asked`."""

    kind = filters.ChoiceFilter(choices=Transaction.Kind.choices, label="Only transactions of this kind.")
    wallet = IdFilter(label="Only transactions that touch this wallet.")
    currency = CurrencyFilter(label="Only transactions that touch a wallet in this currency.")
    locals()["from"] = MomentFilter(label="Only from this time on (RFC 3339).")
    to = MomentFilter(label=UP_TO, is_end=True)

    def filter_queryset(self, queryset: QuerySet[Transaction]) -> QuerySet[Transaction]:
        return queryset

    def asked(self) -> Asked:
        self.is_valid()
        given = {name: value or None for name, value in self.form.cleaned_data.items()}
        return Asked(start=given.pop("from"), end=given.pop("to"), **given)


class PeriodForm(forms.Form):
    """What a statement is asked for."""

    locals()["from"] = MomentField(required=False)
    to = MomentField(required=False, is_end=True)
    cursor = CountField(required=False, min_value=0, max_value=MAX_ID)
    limit = CountField(required=False, min_value=1, max_value=200)
    format = forms.ChoiceField(required=False, choices=[("json", "JSON"), ("csv", "CSV")])


class MomentForm(forms.Form):
    """At which moment a balance is asked for."""

    at = MomentField(required=False, is_end=True)


class StaffTransactionFilters(TransactionFilters):
    user = IdFilter(label="Only transactions that touch this user's wallets (admin).")


class WebhookEventFilters(FilterSet):
    provider = filters.CharFilter(field_name="provider__slug", label="Only events of the provider with this slug.")
    verdict = filters.ChoiceFilter(choices=WebhookEvent.Verdict.choices, label="Only events with this verdict.")
    transaction_id = filters.CharFilter(method="of_transaction", label="The provider's own transaction id, exactly.")
    user = IdFilter(field_name="user_id", label="Only notices that name this user.")
    account = IdFilter(field_name="account_id", label="Only notices that name this wallet.")
    locals()["from"] = MomentFilter(label="Only received from this time on (RFC 3339).")
    to = MomentFilter(label="Only received before this time (RFC 3339), or up to this day.", is_end=True)

    def filter_queryset(self, queryset: QuerySet[WebhookEvent]) -> QuerySet[WebhookEvent]:
        asked: dict[str, Any] = self.form.cleaned_data
        start, end = asked.pop("from"), asked.pop("to")
        narrowed: QuerySet[WebhookEvent] = super().filter_queryset(queryset)
        return moments.between(narrowed, time="received_at", start=start, end=end)

    def of_transaction(
        self,
        queryset: QuerySet[WebhookEvent],
        name: str,  # noqa: ARG002
        value: str,
    ) -> QuerySet[WebhookEvent]:
        return queryset.filter(with_external_id(value))


def with_external_id(external_id: str) -> Q:
    """Events of any provider with this id, spelt so that PostgreSQL can use both unique indexes of the inbox."""
    external_id = external_id.lower() if is_uuid(external_id) else external_id
    same = Q(external_id=external_id, provider__in=list(Provider.objects.values_list("pk", flat=True)))
    return (same & ~Q(verdict="conflict")) | (same & Q(verdict="conflict"))
