"""Wallets and transactions, read-only."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from payments.ledger import booking
from payments.ledger.admin.actions import AllowOverdraftAction, StopOverdraftAction
from payments.ledger.models import Wallet
from payments.ledger.queries import search
from payments.ledger.queries.wallets import derived_balances
from staff.columns import Amount, ListColumn, When, short_link, short_text
from staff.confirmed_actions import ConfirmedActionsMixin
from staff.lists import StaffList
from staff.read_only import ReadOnlyAdmin, link

#: Providers may open any number of wallets for a user; what is shown together looks at the first.
MAX_WALLETS = 100
MAX_HOLDS = 50


class OwnerFilter(admin.SimpleListFilter):
    title = _("owner")
    parameter_name = "of"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [("users", _("Users")), ("house", _("The house"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> QuerySet[Wallet]:  # noqa: ARG002
        if self.value() is None:
            return queryset
        return queryset.filter(house__isnull=self.value() == "users")


class WalletList(StaffList):
    """Derives the balances of the house's wallets on a page, all at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        derive(self.result_list)


def derive(wallets: list[Wallet]) -> None:
    balances = derived_balances(wallets)
    for wallet in wallets:
        vars(wallet)["derived_balance"] = balances.get(wallet.pk)


def owner_of(wallet: Wallet) -> Any:
    if wallet.house:
        return short_text(_("The house: %(name)s") % {"name": wallet.get_house_display()})
    return short_link(wallet.owner)


def balance_of(wallet: Wallet) -> Decimal:
    derived: Decimal | None = vars(wallet)["derived_balance"]
    return wallet.balance if derived is None else derived


@admin.register(Wallet)
class WalletAdmin(ConfirmedActionsMixin, ReadOnlyAdmin):
    confirmed_actions = (AllowOverdraftAction, StopOverdraftAction)
    ordering = ("id",)  # the house's wallets have the highest
    list_display = ("owner_or_house", "balance_now", "held_now", "available_now", "time", "id")
    list_display_links = ("time", "id")
    list_filter = (OwnerFilter, "currency", "created_at")
    list_select_related = ("owner", "currency")
    search_fields = ("id",)
    search_help_text = _("Wallet id, user id or email")
    fields = readonly_fields = (
        *("id", "owner_or_house", "currency_id", "balance_now", "held_now", "available_now", "sequence", "created_at"),
        *("holds", "may_overdraw", "history"),
    )
    export_fields = (
        *("id", "owner_id", "owner__email", "house", "currency_id", "balance", "held", "sequence", "created_at"),
    )
    export_places = "currency__decimal_places"
    owner_or_house = ListColumn(_("owner"), owner_of, order="owner")
    balance_now = Amount(_("balance"), balance_of, order="balance")
    held_now = Amount(_("held"), "held", order="held")
    available_now = Amount(_("available"), lambda wallet: None if wallet.house else wallet.available)
    time = When(_("opened (UTC)"), "created_at", order="created_at")
    empty_state = _("A wallet is opened with a new user, by a user himself, or by a provider's first notice for it.")

    def export_values(self, rows: QuerySet[Any]) -> Iterator[tuple[Sequence[Any], int]]:
        """The house's wallets store no balance: theirs is derived, once for the whole list."""
        house = {wallet.wallet_id: wallet.balance for wallet in booking.house_balances()}
        place = self.export_fields.index("balance")
        for values, places in super().export_values(rows):
            balance = house.get(values[0], values[place])
            yield [*values[:place], balance, *values[place + 1 :]], places

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[StaffList]:  # noqa: ARG002
        return WalletList

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        return (queryset.filter(search.wallets(term)) if term else queryset), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Wallet | None:
        wallet: Wallet | None = super().get_object(request, object_id, from_field)
        if wallet:
            derive([wallet])
        return wallet

    @admin.display(description=_("held by"))
    def holds(self, wallet: Wallet) -> str:
        """The pending withdrawals whose sum is held: PostgreSQL sees to that."""
        pending = wallet.withdrawals.filter(status="pending").order_by("pk")[: MAX_HOLDS + 1]
        lines = [(link(withdrawal),) for withdrawal in pending[:MAX_HOLDS]]
        more = [(gettext("and more"),)] if len(pending) > MAX_HOLDS else []
        return format_html_join("", "<div>{}</div>", lines + more)

    @admin.display(description=_("history"))
    def history(self, wallet: Wallet) -> str:
        if wallet.house:
            return gettext("On almost every transaction.")
        return format_html(
            '<a href="{}?q={}">{}</a>',
            reverse("admin:payments_transaction_changelist"),
            wallet.pk,
            gettext("Its transactions"),
        )
