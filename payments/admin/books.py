"""Wallets and transactions, read-only."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from payments import ledger
from payments.admin.corrections import AllowOverdraft, Reverse, StopOverdraft, reversal_of
from payments.admin.deeds import Deeds
from payments.admin.periods import PeriodFilter
from payments.admin.showing import MOST_LISTED, ReadOnlyAdmin, ReadOnlyInline, link, money, whose
from payments.models import LedgerCheck, OrderStatus, Posting, Reversal, Transaction, Wallet
from payments.queries import history, search
from payments.queries.filters import id_or_none
from payments.queries.history import Span
from payments.queries.wallets import derived_balances

#: Providers may open any number of wallets for a user; what is shown together looks at the first.
MOST_WALLETS = 100
MOST_HOLDS = 50


class WhoseFilter(admin.SimpleListFilter):
    title = "owner"
    parameter_name = "of"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("users", "Users"), ("house", "The house")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> QuerySet[Wallet]:  # noqa: ARG002
        if self.value() is None:
            return queryset
        return queryset.filter(house__isnull=self.value() == "users")


class WalletList(ChangeList):
    """Derives the balances of the house's wallets on a page, all at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        derive(self.result_list)


def derive(wallets: list[Wallet]) -> None:
    balances = derived_balances(wallets)
    for wallet in wallets:
        vars(wallet)["derived_balance"] = balances.get(wallet.pk)


@admin.register(Wallet)
class WalletAdmin(Deeds, ReadOnlyAdmin):
    deeds = (AllowOverdraft, StopOverdraft)
    ordering = ("id",)  # the house's wallets have the highest
    list_display = ("id", "owner_or_house", "balance_now", "held_now", "available_now", "created_at")
    list_filter = (WhoseFilter, "currency", "created_at")
    list_select_related = ("owner", "currency")
    search_fields = ("id",)
    search_help_text = "Wallet id, user id or email"
    fields = readonly_fields = (
        *("id", "owner_or_house", "currency_id", "balance_now", "held_now", "available_now", "sequence", "created_at"),
        *("holds", "may_overdraw", "history"),
    )
    export_fields = (
        *("id", "owner_id", "owner__email", "house", "currency_id", "balance", "held", "sequence", "created_at"),
    )
    export_places = "currency__decimal_places"
    empty_state = "A wallet is opened with a new user, by a user himself, or by a provider's first notice for it."

    def export_values(self, rows: QuerySet[Any]) -> Iterator[tuple[Sequence[Any], int]]:
        """The house's wallets store no balance: theirs is derived, once for the whole list."""
        house = {wallet.wallet_id: wallet.balance for wallet in ledger.house_balances()}
        place = self.export_fields.index("balance")
        for values, places in super().export_values(rows):
            balance = house.get(values[0], values[place])
            yield [*values[:place], balance, *values[place + 1 :]], places

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:  # noqa: ARG002
        return WalletList

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        return (queryset.filter(search.wallets(term)) if term else queryset), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Wallet | None:
        wallet: Wallet | None = super().get_object(request, object_id, from_field)
        if wallet:
            derive([wallet])
        return wallet

    @admin.display(description="owner", ordering="owner")
    def owner_or_house(self, wallet: Wallet) -> str:
        return f"The house: {wallet.get_house_display()}" if wallet.house else link(wallet.owner)

    @admin.display(description="balance", ordering="balance")
    def balance_now(self, wallet: Wallet) -> str:
        derived = vars(wallet)["derived_balance"]
        return money(wallet.balance if derived is None else derived, wallet.currency)

    @admin.display(description="held", ordering="held")
    def held_now(self, wallet: Wallet) -> str:
        return money(wallet.held, wallet.currency)

    @admin.display(description="available")
    def available_now(self, wallet: Wallet) -> str:
        return "" if wallet.house else money(wallet.available, wallet.currency)

    @admin.display(description="held by")
    def holds(self, wallet: Wallet) -> str:
        """The pending withdrawals whose sum is held: PostgreSQL sees to that."""
        pending = wallet.withdrawals.filter(status=OrderStatus.PENDING).order_by("pk")[: MOST_HOLDS + 1]
        lines = [(link(withdrawal),) for withdrawal in pending[:MOST_HOLDS]]
        more = [("and more",)] if len(pending) > MOST_HOLDS else []
        return format_html_join("", "<div>{}</div>", lines + more)

    @admin.display(description="history")
    def history(self, wallet: Wallet) -> str:
        if wallet.house:
            return "On almost every transaction."
        return format_html(
            '<a href="{}?q={}">Its transactions</a>', reverse("admin:payments_transaction_changelist"), wallet.pk
        )


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
        return link(posting.source, whose(posting.source))

    @admin.display(description="destination")
    def to_wallet(self, posting: Posting) -> str:
        return link(posting.destination, whose(posting.destination))

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
    """Return the ids of the user's newest transactions, found by the numbered lines of his wallets."""
    wallets = Wallet.objects.filter(owner_id=user_id).order_by("pk").values_list("pk", flat=True)
    return history.transaction_ids(list(wallets[:MOST_WALLETS]), Span(limit=limit))


@admin.register(Transaction)
class TransactionAdmin(Deeds, ReadOnlyAdmin):
    """No date hierarchy: it would ask for the oldest and newest time, which has no index, and read the whole table."""

    list_display = ("id", "kind", "moved", "reference", "created_at")
    list_filter = ("kind", PeriodFilter, OfUserFilter)
    search_fields = ("id",)
    search_help_text = (
        f"Transaction id, wallet id, email, reference, or a provider's transaction id (of more than {MOST_LISTED:,}, "
        "the newest are listed)"
    )
    fields = readonly_fields = ("id", "kind", "reference", "created_at", "reversed_by", "takes_back")
    deeds = (Reverse,)
    inlines = (PostingInline,)
    #: A line for each posting.
    export_fields = (
        *("id", "kind", "reference", "created_at", "postings__id", "postings__amount", "postings__currency_id"),
        *("postings__source_id", "postings__source_balance"),
        *("postings__destination_id", "postings__destination_balance"),
    )
    export_places = "postings__currency__decimal_places"
    empty_state = "Every movement of money stands here. The first comes with a provider's first notice."
    _LINES: ClassVar[int] = 3

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("postings__currency")

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        return (queryset.filter(pk__in=search.transaction_ids(term)) if term else queryset), False

    @admin.display(description="reversed by")
    def reversed_by(self, transaction: Transaction) -> str:
        reversal = reversal_of(transaction)
        return _said(reversal.transaction, reversal) if reversal else ""

    @admin.display(description="takes back")
    def takes_back(self, transaction: Transaction) -> str:
        reversal: Reversal | None = getattr(transaction, "reverses", None)
        return _said(reversal.original, reversal) if reversal else ""

    @admin.display(description="postings")
    def moved(self, transaction: Transaction) -> str:
        postings = list(transaction.postings.all())
        lines = [
            (f"{money(posting.amount, posting.currency)}: {posting.source_id} to {posting.destination_id}",)
            for posting in postings[: self._LINES]
        ]
        more = [(f"and {len(postings) - self._LINES} more",)] if len(postings) > self._LINES else []
        return format_html_join("", "<div>{}</div>", lines + more)


def _said(other: Transaction, reversal: Reversal) -> str:
    """Name the other transaction, who reversed and why."""
    return format_html("{}, by {}: {}", link(other), link(reversal.staff), reversal.reason)


@admin.register(LedgerCheck)
class LedgerCheckAdmin(ReadOnlyAdmin):
    list_display = ("checked_at", "postings", "differences")
    date_hierarchy = "checked_at"
    export_fields = ("id", "checked_at", "postings", "differences")
    empty_state = "Nobody has run manage.py check_ledger yet. It recomputes every balance; let a timer run it daily."
