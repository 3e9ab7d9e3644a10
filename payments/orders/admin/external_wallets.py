"""External wallets: where withdrawals go, read-only; only their owners add and delete them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from payments.ledger.queries import search
from payments.orders.admin.facts import details_html
from payments.orders.models import ExternalWallet
from staff.read_only import ReadOnlyAdmin, link


class DeletedFilter(admin.SimpleListFilter):
    title = "deleted by its owner"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("no", "No"), ("yes", "Yes")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:  # noqa: ARG002
        return queryset.filter(deleted_at__isnull=self.value() == "no") if self.value() else queryset


@admin.register(ExternalWallet)
class ExternalWalletAdmin(ReadOnlyAdmin):
    list_display = ("id", "label", "of_user", "kind", "currency_id", "created_at", "deleted_at")
    list_display_links = ("id", "label")
    list_filter = ("kind", DeletedFilter, "currency")
    list_select_related = ("owner",)
    search_fields = ("id",)
    search_help_text = "External wallet id, user id or email"
    fields = readonly_fields = (
        *("id", "label", "of_user", "kind", "currency_id", "account", "created_at", "deleted_at", "history"),
    )
    #: Without the details: whoever pays out reads them on the withdrawal.
    export_fields = ("id", "label", "owner_id", "owner__email", "kind", "currency_id", "created_at", "deleted_at")
    empty_state = "Users add the bank accounts, cards and addresses to which they want to withdraw."

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        return (queryset.filter(search.wallets(term)) if term else queryset), False

    @admin.display(description="owner", ordering="owner_id")
    def of_user(self, external: ExternalWallet) -> str:
        return link(external.owner)

    @admin.display(description="account")
    def account(self, external: ExternalWallet) -> str:
        return details_html(external)

    @admin.display(description="history")
    def history(self, external: ExternalWallet) -> str:
        page = reverse("admin:payments_withdrawal_changelist")
        return format_html('<a href="{}?q={}">Withdrawals of its owner</a>', page, external.owner_id)
