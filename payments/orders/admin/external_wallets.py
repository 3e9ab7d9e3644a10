"""External wallets: where withdrawals go, read-only; only their owners add and delete them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from payments.ledger.queries import search
from payments.orders.admin.facts import details_html
from payments.orders.models import ExternalWallet
from staff.columns import Link, ListColumn, Status, Text, When, Word
from staff.read_only import ReadOnlyAdmin


class DeletedFilter(admin.SimpleListFilter):
    title = _("deleted by its owner")
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [("no", _("No")), ("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:  # noqa: ARG002
        return queryset.filter(deleted_at__isnull=self.value() == "no") if self.value() else queryset


STATES = {
    False: Word(_("In use"), "good", _("Its owner may withdraw to it.")),
    True: Word(_("Deleted"), "quiet", _("Its owner deleted it. Withdrawals that refer to it stay.")),
}


@admin.register(ExternalWallet)
class ExternalWalletAdmin(ReadOnlyAdmin):
    list_display = ("state", "time", "of_user", "short_label", "kind", "currency_code", "id")
    list_display_links = ("time", "short_label", "id")
    list_filter = ("kind", DeletedFilter, "currency")
    list_select_related = ("owner",)
    search_fields = ("id",)
    search_help_text = _("External wallet id, user id or email")
    fields = readonly_fields = (
        *("id", "label", "of_user", "kind", "currency_id", "account", "created_at", "deleted_at", "history"),
    )
    #: Without the details: whoever pays out reads them on the withdrawal.
    export_fields = ("id", "label", "owner_id", "owner__email", "kind", "currency_id", "created_at", "deleted_at")
    state = Status(_("state"), lambda account: account.deleted_at is not None, STATES)
    time = When(_("added (UTC)"), "created_at", order="id")
    of_user = Link(_("owner"), "owner", order="owner_id")
    short_label = Text(_("label"), "label", order="label")
    currency_code = ListColumn(_("currency"), "currency_id", order="currency")
    empty_state = _("Users add the bank accounts, cards and addresses to which they want to withdraw.")

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        return (queryset.filter(search.wallets(term)) if term else queryset), False

    @admin.display(description=_("account"))
    def account(self, external: ExternalWallet) -> str:
        return details_html(external)

    @admin.display(description=_("history"))
    def history(self, external: ExternalWallet) -> str:
        page = reverse("admin:payments_withdrawal_changelist")
        return format_html('<a href="{}?q={}">{}</a>', page, external.owner_id, gettext("Withdrawals of its owner"))
