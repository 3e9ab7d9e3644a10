"""Transactions in /admin, read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from api.filters import id_or_none
from payments.ledger.admin.actions import ReverseAction, reversal_of
from payments.ledger.admin.display import money, wallet_label, wallet_name
from payments.ledger.admin.wallets import MAX_WALLETS
from payments.ledger.models import Posting, Reversal, Transaction, Wallet
from payments.ledger.queries import history, search
from payments.ledger.queries.history import Span
from payments.webhooks.queries.search import credited_transaction_ids
from staff.columns import Id, ListColumn, When, number, short_link
from staff.confirmed_actions import ConfirmedActionsMixin
from staff.period_filters import PeriodFilter
from staff.read_only import ReadOnlyAdmin, ReadOnlyInline, link, search_help


class PostingInline(ReadOnlyInline):
    model = Posting
    ordering = ("id",)
    fields = readonly_fields = (
        *("from_wallet", "to_wallet", "amount_moved", "balance_of_source", "balance_of_destination"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("currency", "source__owner", "destination__owner")

    @admin.display(description=_("source"))
    def from_wallet(self, posting: Posting) -> str:
        return link(posting.source, wallet_label(posting.source))

    @admin.display(description=_("destination"))
    def to_wallet(self, posting: Posting) -> str:
        return link(posting.destination, wallet_label(posting.destination))

    @admin.display(description=_("amount"))
    def amount_moved(self, posting: Posting) -> str:
        return money(posting.amount, posting.currency)

    @admin.display(description=_("source's balance after"))
    def balance_of_source(self, posting: Posting) -> str:
        return money(posting.source_balance, posting.currency)

    @admin.display(description=_("destination's balance after"))
    def balance_of_destination(self, posting: Posting) -> str:
        return money(posting.destination_balance, posting.currency)


class OfUserFilter(admin.SimpleListFilter):
    """One user's transactions: offered by the user's own page, not among thousands of names here."""

    title = _("user")
    parameter_name = "of_user"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        user = request.GET.get(self.parameter_name, "")
        return [(user, _("User %(id)s") % {"id": user})] if id_or_none(user) else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Transaction]) -> QuerySet[Transaction]:  # noqa: ARG002
        user = self.value()
        return queryset.filter(pk__in=of_user(int(user), limit=search.NEWEST)) if user else queryset


def of_user(user_id: int, *, limit: int) -> list[int]:
    """Return the ids of the user's newest transactions, found by the numbered lines of their wallets."""
    wallets = Wallet.objects.filter(owner_id=user_id).order_by("pk").values_list("pk", flat=True)
    return history.transaction_ids(list(wallets[:MAX_WALLETS]), Span(limit=limit))


MAX_POSTINGS = 3


def amounts_moved(transaction: Transaction) -> SafeString:
    """Return a line for each of the first postings."""
    postings = list(transaction.postings.all())[:MAX_POSTINGS]
    lines = [(number(money(posting.amount, posting.currency)),) for posting in postings]
    return format_html("<div>{}</div>", format_html_join("", '<div class="till-line">{}</div>', lines))


def wallets_between(transaction: Transaction) -> SafeString:
    """Return a line for each of the first postings, and how many more there are."""
    postings = list(transaction.postings.all())
    lines = [(_named(posting.source), _named(posting.destination)) for posting in postings[:MAX_POSTINGS]]
    pairs = format_html_join("", '<div class="till-line">{} → {}</div>', lines)
    more = len(postings) - MAX_POSTINGS
    text = ngettext("and %(count)s more", "and %(count)s more", more) % {"count": more}
    return format_html("<div>{}{}</div>", pairs, text if more > 0 else "")


def _named(wallet: Wallet) -> SafeString:
    return short_link(wallet, wallet_name(wallet))


@admin.register(Transaction)
class TransactionAdmin(ConfirmedActionsMixin, ReadOnlyAdmin):
    """No date hierarchy: it would ask for the oldest and newest time, which has no index, and read the whole table."""

    list_display = ("kind", "time", "moved", "between", "short_reference", "id")
    list_display_links = ("time", "id")
    list_filter = ("kind", PeriodFilter, OfUserFilter)
    search_fields = ("id",)
    search_help_text = search_help(_("Transaction id, wallet id, email, reference, or a provider's transaction id"))
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
    empty_state = _("Every movement of money stands here. The first comes with a provider's first notice.")

    time = When(_("time (UTC)"), "created_at", order="id")
    moved = ListColumn(_("amount"), amounts_moved)
    between = ListColumn(_("from, to"), wallets_between)
    short_reference = Id(_("reference"), "reference", order="reference")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        named = ("postings__currency", "postings__source__owner", "postings__destination__owner")
        return super().get_queryset(request).prefetch_related(*named)

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        if not term:
            return queryset, False
        credited = credited_transaction_ids(term.split(" ")[-1])
        return queryset.filter(pk__in=search.transaction_ids(term, credited=credited)), False

    @admin.display(description=_("reversed by"))
    def reversed_by(self, transaction: Transaction) -> str:
        reversal = reversal_of(transaction)
        return _describe(reversal.transaction, reversal) if reversal else ""

    @admin.display(description=_("takes back"))
    def takes_back(self, transaction: Transaction) -> str:
        reversal: Reversal | None = getattr(transaction, "reverses", None)
        return _describe(reversal.original, reversal) if reversal else ""


def _describe(other: Transaction, reversal: Reversal) -> str:
    """Name the other transaction, who reversed and why."""
    return format_html(
        gettext("{transaction}, by {staff}: {reason}"),
        transaction=link(other),
        staff=link(reversal.staff),
        reason=reversal.reason,
    )
