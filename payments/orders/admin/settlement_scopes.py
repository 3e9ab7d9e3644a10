"""Settlement scopes: which orders a service may settle. Given and taken away, never edited."""

from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User
from accounts.services import UnknownUser
from payments.ledger.services.currencies import CurrencyUnavailable
from payments.money import InvalidAmount
from payments.orders import services
from payments.orders.models import SettlementScope
from staff.amount_field import AmountFormField
from staff.columns import Amount, Link, ListColumn, Text
from staff.service_forms import ServiceAdmin, ServiceForm


class ScopeForm(ServiceForm):
    max_amount = AmountFormField(required=False, help_text=_("Of one order, in the currency; empty: no limit."))
    refusals = (
        InvalidAmount,
        services.InvalidScope,
        UnknownUser,
        services.NotAService,
        services.ProviderUnavailable,
        CurrencyUnavailable,
    )

    class Meta:
        model = SettlementScope
        fields = ("service", "currency", "provider", "max_amount", "everything")

    def carry_out(self) -> SettlementScope:
        currency, provider = self.cleaned_data["currency"], self.cleaned_data["provider"]
        return services.add_scope(
            service_id=self.cleaned_data["service"].pk,
            currency=currency and currency.pk,
            provider=provider and provider.slug,
            everything=self.cleaned_data["everything"],
            max_amount=self.cleaned_data["max_amount"],
            staff=self.staff,
        )


@admin.register(SettlementScope)
class SettlementScopeAdmin(ServiceAdmin):
    form = ScopeForm
    list_display = ("of_service", "which_currency", "which_provider", "limit", "id")
    list_display_links = ("id",)
    list_filter = ("everything", "currency", "provider")
    list_select_related = ("service", "currency", "provider")
    list_per_page = 50
    ordering = ("service_id", "id")
    search_fields = ("=service__id", "service__email")
    search_help_text = _("The service's id or email")
    autocomplete_fields = ("currency",)  # not the provider: where no number was sent, Django asks for it all the same
    export_fields = ("id", "service_id", "service__email", "currency_id", "provider__slug", "max_amount", "everything")
    export_places = "currency__decimal_places"
    of_service = Link(_("service"), "service", order="service_id")
    which_currency = ListColumn(_("currency"), lambda scope: scope.currency_id or _("all"), order="currency")
    which_provider = Text(_("provider"), lambda scope: scope.provider or _("all"), order="provider")
    limit = Amount(_("limit of one order"), "max_amount", order="max_amount")
    empty_state = _(
        "No service settles anything yet. A scope lets one settle a currency's orders, a provider's, or everything."
    )

    def get_fields(self, request: HttpRequest, obj: SettlementScope | None = None) -> tuple[str, ...]:  # noqa: ARG002
        if obj:
            return ("of_service", "currency", "provider", "limit", "everything")
        return ("service", "currency", "provider", "max_amount", "everything")

    def get_readonly_fields(self, request: HttpRequest, obj: SettlementScope | None = None) -> tuple[str, ...]:
        return self.get_fields(request, obj) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "service":
            kwargs["queryset"] = User.objects.filter(role=Role.SERVICE).order_by("email")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def delete_model(self, request: HttpRequest, obj: SettlementScope) -> None:
        with suppress(SettlementScope.DoesNotExist):  # somebody else was faster
            services.remove_scope(scope_id=obj.pk, staff=request.user)  # type: ignore[arg-type]  # staff is signed in
