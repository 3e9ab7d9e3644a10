"""Query parameters of the ledger's lists: strict, each error naming its parameter."""

from django import forms
from django.db.models import QuerySet
from django_filters import rest_framework as filters

from api.fields import MAX_ID
from api.filters import UP_TO, CountField, CurrencyFilter, FilterSet, IdFilter, MomentField, MomentFilter
from payments.ledger.models import Transaction, Wallet
from payments.ledger.queries.transactions import TransactionCriteria

#: Of a page of a statement.
MAX_LINES = 200


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
    """Only reads the parameters: payments.ledger.queries.transactions finds the page by the `criteria`."""

    kind = filters.ChoiceFilter(choices=Transaction.Kind.choices, label="Only transactions of this kind.")
    wallet = IdFilter(label="Only transactions that touch this wallet.")
    currency = CurrencyFilter(label="Only transactions that touch a wallet in this currency.")
    locals()["from"] = MomentFilter(label="Only from this time on (RFC 3339).")
    to = MomentFilter(label=UP_TO, is_end=True)

    def filter_queryset(self, queryset: QuerySet[Transaction]) -> QuerySet[Transaction]:
        return queryset

    def criteria(self) -> TransactionCriteria:
        self.is_valid()
        values = {name: value or None for name, value in self.form.cleaned_data.items()}
        return TransactionCriteria(start=values.pop("from"), end=values.pop("to"), **values)


class PeriodForm(forms.Form):
    """The query parameters of a statement that is sent whole."""

    locals()["from"] = MomentField(required=False)
    to = MomentField(required=False, is_end=True)


class StatementForm(PeriodForm):
    """The query parameters of a statement in pages."""

    cursor = CountField(required=False, min_value=0, max_value=MAX_ID)
    limit = CountField(required=False, min_value=1, max_value=MAX_LINES)
    format = forms.ChoiceField(required=False, choices=[("json", "JSON"), ("csv", "CSV")])


class BalanceForm(forms.Form):
    """The query parameter of a balance: its moment."""

    at = MomentField(required=False, is_end=True)


class StaffTransactionFilters(TransactionFilters):
    user = IdFilter(label="Only transactions that touch this user's wallets (admin).")
