"""Transactions in /admin, read-only."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from api.filters import id_or_none
from payments.ledger.admin.actions import ReverseAction, reversal_of
from payments.ledger.admin.display import money, wallet_label
from payments.ledger.admin.wallets import MAX_WALLETS
from payments.ledger.models import Posting, Reversal, Transaction, Wallet
from payments.ledger.queries import history, search
from payments.ledger.queries.history import Span
from payments.webhooks.queries.search import credited_transaction_ids
from staff.confirmed_actions import ConfirmedActionsMixin
from staff.period_filters import PeriodFilter
from staff.read_only import MAX_LISTED, ReadOnlyAdmin, ReadOnlyInline, link


class PostingInline(ReadOnlyInline):
    model = Posting
    ordering = ("id",)
    fields = readonly_fields = (
        *("from_wallet", "to_wallet", "amount_moved", "balance_of_source", "balance_of_destination"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("currency", "source__owner", "destination__owner")

    @admin.display(description="source")
    def from_wallet(self, posting: Posting) -> str:
        return link(posting.source, wallet_label(posting.source))

    @admin.display(description="destination")
    def to_wallet(self, posting: Posting) -> str:
        return link(posting.destination, wallet_label(posting.destination))

    @admin.display(description="amount")
    def amount_moved(self, posting: Posting) -> str:
        return money(posting.amount, posting.currency)

    @admin.display(description="source's balance after")
    def balance_of_source(self, posting: Posting) -> str:
        return money(posting.source_balance, posting.currency)

    @admin.display(description="destination's balance after")
    def balance_of_destination(self, posting: Posting) -> str:
        return money(posting.destination_balance, posting.currency)


class OfUserFilter(admin.SimpleListFilter):
    """One user's transactions: offered by the user's own page, not among thousands of names here."""

    title = "user"
    parameter_name = "of_user"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        user = request.GET.get(self.parameter_name, "")
        return [(user, f"User {user}")] if id_or_none(user) else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Transaction]) -> QuerySet[Transaction]:  # noqa: ARG002
        user = self.value()
        return queryset.filter(pk__in=of_user(int(user), limit=search.NEWEST)) if user else queryset


def of_user(user_id: int, *, limit: int) -> list[int]:
    """Return the ids of the user's newest transactions, found by the numbered lines of their wallets."""
    wallets = Wallet.objects.filter(owner_id=user_id).order_by("pk").values_list("pk", flat=True)
    return history.transaction_ids(list(wallets[:MAX_WALLETS]), Span(limit=limit))


@admin.register(Transaction)
class TransactionAdmin(ConfirmedActionsMixin, ReadOnlyAdmin):
    """No date hierarchy: it would ask for the oldest and newest time, which has no index, and read the whole table."""

    list_display = ("id", "kind", "moved", "reference", "created_at")
    list_filter = ("kind", PeriodFilter, OfUserFilter)
    search_fields = ("id",)
    search_help_text = (
        f"Transaction id, wallet id, email, reference, or a provider's transaction id (of more than {MAX_LISTED:,}, "
        "the newest are listed)"
    )
    fields = readonly_fields = ("id", "kind", "reference", "created_at", "reversed_by", "takes_back")
    confirmed_actions = (ReverseAction,)
    inlines = (PostingInline,)
    #: A line for each posting.
    export_fields = (
        *("id", "kind", "reference", "created_at", "postings__id", "postings__amount", "postings__currency_id"),
        *("postings__source_id", "postings__source_balance"),
        *("postings__destination_id", "postings__destination_balance"),
    )
    export_places = "postings__currency__decimal_places"
    empty_state = "Every movement of money stands here. The first comes with a provider's first notice."
    _MAX_POSTINGS: ClassVar[int] = 3

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("postings__currency")

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        if not term:
            return queryset, False
        credited = credited_transaction_ids(term.split(" ")[-1])
        return queryset.filter(pk__in=search.transaction_ids(term, credited=credited)), False

    @admin.display(description="reversed by")
    def reversed_by(self, transaction: Transaction) -> str:
        reversal = reversal_of(transaction)
        return _describe(reversal.transaction, reversal) if reversal else ""

    @admin.display(description="takes back")
    def takes_back(self, transaction: Transaction) -> str:
        reversal: Reversal | None = getattr(transaction, "reverses", None)
        return _describe(reversal.original, reversal) if reversal else ""

    @admin.display(description="postings")
    def moved(self, transaction: Transaction) -> str:
        postings = list(transaction.postings.all())
        lines = [
            (f"{money(posting.amount, posting.currency)}: {posting.source_id} to {posting.destination_id}",)
            for posting in postings[: self._MAX_POSTINGS]
        ]
        more = [(f"and {len(postings) - self._MAX_POSTINGS} more",)] if len(postings) > self._MAX_POSTINGS else []
        return format_html_join("", "<div>{}</div>", lines + more)


def _describe(other: Transaction, reversal: Reversal) -> str:
    """Name the other transaction, who reversed and why."""
    return format_html("{}, by {}: {}", link(other), link(reversal.staff), reversal.reason)
