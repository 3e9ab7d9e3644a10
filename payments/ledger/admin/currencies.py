"""Currencies: opened together with the house's wallets, never removed."""

from typing import Any, cast

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from payments.ledger.models import Currency
from payments.ledger.services.currencies import change_currency, new_currency
from staff.columns import NumberColumn, Status, Word
from staff.service_forms import ServiceAdmin

STATES = {
    True: Word(_("In use"), "good", _("Wallets are opened in it, and prices are set in it.")),
    False: Word(_("Not in use"), "quiet", _("Nothing new is done in it. What there is stays.")),
}


@admin.register(Currency)
class CurrencyAdmin(ServiceAdmin):
    list_display = ("state", "code", "name", "places")
    list_display_links = ("code",)
    list_filter = ("is_active",)
    search_fields = ("code", "name")
    search_help_text = _("Code or name")
    export_fields = ("code", "name", "decimal_places", "is_active")
    state = Status(_("state"), "is_active", STATES, order="is_active")
    places = NumberColumn(_("decimals"), "decimal_places", order="decimal_places")
    empty_state = _("Add a currency first: the house's wallets are opened with it, and everything else refers to one.")

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Forms offer what is in use; only they name a model."""
        if "model_name" in request.GET:
            queryset = queryset.filter(is_active=True)
        return super().get_search_results(request, queryset, search_term)

    def get_fields(self, request: HttpRequest, obj: Currency | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return ("code", "name", "decimal_places", "is_active") if obj else ("code", "name", "decimal_places")

    def get_readonly_fields(self, request: HttpRequest, obj: Currency | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """What amounts are written in stays as it is."""
        return ("code", "decimal_places") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """The house has wallets in every currency."""
        return False

    def save_model(self, request: HttpRequest, obj: Currency, form: Any, change: bool) -> None:
        staff = cast("User", request.user)
        if not change:
            new_currency(code=obj.code, name=obj.name, decimal_places=obj.decimal_places, staff=staff)
        elif changed := {name: form.cleaned_data[name] for name in form.changed_data}:
            change_currency(code=obj.pk, staff=staff, **changed)
