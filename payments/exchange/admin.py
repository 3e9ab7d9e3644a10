"""Exchange rates, set and removed through their service; quotes, exchanges and transfers, read-only."""

from contextlib import suppress
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.plain_text import validate_plain_text
from payments.exchange import services
from payments.exchange.models import Exchange, ExchangeRate, Quote
from payments.exchange.services.rates import STAFF_ORIGIN
from payments.ledger.services.currencies import CurrencyUnavailable
from payments.metadata.admin import AttachedMixin
from staff.amount_field import AmountFormField
from staff.columns import Amount, Link, ListColumn, Status, Text, When, Word, number
from staff.document_admin import DocumentAdmin
from staff.formats import plain_decimal
from staff.period_filters import PeriodFilter
from staff.read_only import link_to, search_help
from staff.service_forms import InstructionField, ServiceAdmin, ServiceForm

# --- rates ----------------------------------------------------------------------------------------------------


class RateExists(Exception):
    """There is a rate for this direction already: change that one."""

    field = "target"


class RateForm(ServiceForm):
    rate = AmountFormField(
        help_text=_("Units of the target for one unit of the source. Saved, it holds from that moment.")
    )
    origin = forms.CharField(
        max_length=60,
        initial=STAFF_ORIGIN,
        validators=[validate_plain_text],
        help_text=_("Who says so."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    confirm = InstructionField(
        required=False,
        label=_("It moves by more than 10 %"),
        help_text=_("Needed only then: the last rate is shown first."),
    )
    refusals = (services.InvalidRate, services.ConfirmationRequired, CurrencyUnavailable, RateExists)
    names: ClassVar[dict[str, str]] = {"source": "source_currency", "target": "target_currency"}

    class Meta:
        model = ExchangeRate
        fields = ("source_currency", "target_currency", "rate", "origin")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:  # whoever changes a rate is its origin from now on
            self.initial["origin"] = STAFF_ORIGIN

    def carry_out(self) -> ExchangeRate:
        source, target = self._pair()
        typed = {name: self.cleaned_data[name] for name in ("rate", "origin", "confirm")}
        return services.set_rate(source=source, target=target, staff=self.staff, **typed)

    def _pair(self) -> tuple[str, str]:
        if self.instance.pk:
            return self.instance.source_currency_id, self.instance.target_currency_id
        pair = self.cleaned_data["source_currency"].pk, self.cleaned_data["target_currency"].pk
        if ExchangeRate.objects.filter(source_currency=pair[0], target_currency=pair[1]).exists():
            raise RateExists
        return pair


RATE_STATES = {
    False: Word(_("Usable"), "good", _("Exchanges are made at it.")),
    True: Word(_("Stale"), "wait", _("It is too old: nothing is exchanged at it.")),
}


class Rate(ListColumn):
    def show(self, value: Decimal, row: Any) -> str:  # noqa: ARG002
        return number(plain_decimal(value))


class AgeFilter(admin.SimpleListFilter):
    title = _("age")
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [("usable", _("Usable")), ("stale", _("Stale: nothing is exchanged at it"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ExchangeRate]) -> QuerySet[ExchangeRate]:  # noqa: ARG002
        if self.value() is None:
            return queryset
        stale = {"as_of__lt": services.oldest_in_use()}
        return queryset.filter(**stale) if self.value() == "stale" else queryset.exclude(**stale)


@admin.register(ExchangeRate)
class ExchangeRateAdmin(ServiceAdmin):
    form = RateForm
    compared = ("as_of",)
    list_display = ("usable", "pair", "rate_now", "since", "origin_text")
    list_display_links = ("pair",)
    list_filter = (AgeFilter, "source_currency", "target_currency")
    list_per_page = 50
    search_fields = ("=source_currency__code", "=target_currency__code")
    search_help_text = _("One or two currency codes, such as USD EUR")
    autocomplete_fields = ("source_currency", "target_currency")
    export_fields = ("id", "source_currency_id", "target_currency_id", "rate", "origin", "as_of", "updated_at")

    usable = Status(_("state"), services.is_stale, RATE_STATES)
    pair = ListColumn(_("from, to"), str, order="source_currency")
    rate_now = Rate(_("rate"), "rate", order="rate")
    since = When(_("as of (UTC)"), "as_of", order="as_of")
    origin_text = Text(_("who says so"), "origin", order="origin")
    empty_state = _("Add a rate for each direction, or load the European Central Bank's with manage.py load_rates.")

    def get_fields(self, request: HttpRequest, obj: ExchangeRate | None = None) -> tuple[str, ...]:  # noqa: ARG002
        read_only = ("usable", "as_of", "updated_at") if obj else ()
        return ("source_currency", "target_currency", "rate", "origin", "confirm", *read_only)

    def get_readonly_fields(self, request: HttpRequest, obj: ExchangeRate | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return ("source_currency", "target_currency", "usable", "as_of", "updated_at") if obj else ()

    def save_model(self, request: HttpRequest, obj: ExchangeRate, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if back := services.gaining_back(obj):
            gain = gettext("%(pair)s and back gains, at the house's cost: the way back is %(rate)s.")
            self.message_user(request, gain % {"pair": obj, "rate": plain_decimal(back.rate)}, messages.WARNING)

    def delete_model(self, request: HttpRequest, obj: ExchangeRate) -> None:
        pair = {"source": obj.source_currency_id, "target": obj.target_currency_id}
        with suppress(ExchangeRate.DoesNotExist):  # somebody else was faster
            services.remove_rate(staff=request.user, **pair)  # type: ignore[arg-type]  # staff is signed in


# --- what was promised, exchanged and sent --------------------------------------------------------------------


class ConversionAdmin(DocumentAdmin):
    list_filter = (PeriodFilter, "source_currency", "target_currency")
    list_select_related: ClassVar[tuple[str, ...]] = ("user", "source_currency", "target_currency")
    export_places = "source_currency__decimal_places"

    amount_given = Amount(_("amount"), "amount", currency="source_currency", order="amount")
    rate_used = Rate(_("rate"), "rate", order="rate")
    amount_bought = Amount(_("proceeds"), "proceeds", currency="target_currency", order="proceeds")
    commission_taken = Amount(_("commission"), "commission", currency="source_currency", order="commission")


_TERMS = ("amount_given", "rate_used", "amount_bought", "commission_taken")
_TERMS_EXPORTED = (
    *("id", "user_id", "user__email", "source_currency_id", "target_currency_id", "amount", "rate", "proceeds"),
    "commission",
)


QUOTE_STATES = {
    "used": Word(_("Used"), "good", _("An exchange was made at its rate.")),
    "open": Word(_("Open"), "wait", _("Its rate is promised until it expires.")),
    "expired": Word(_("Expired"), "quiet", _("It was not used in time, and promises nothing any more.")),
}


def exchange_of(quote: Quote) -> Exchange | None:
    return getattr(quote, "exchange", None)


def quote_state(quote: Quote) -> str:
    if exchange_of(quote):
        return "used"
    return "open" if quote.expires_at > timezone.now() else "expired"


@admin.register(Quote)
class QuoteAdmin(ConversionAdmin):
    id_columns = ("pk", "user_id")
    list_display = ("state", "time", "amount_given", "amount_bought", "rate_used", "of_user", "id")
    list_select_related = (*ConversionAdmin.list_select_related, "exchange")
    search_help_text = search_help(_("Quote id, user id or email"))
    fields = readonly_fields = ("id", "of_user", *_TERMS, "by_rule", "used_by", "created_at", "expires_at")
    export_fields = (*_TERMS_EXPORTED, "exchange__id", "created_at", "expires_at")
    empty_state = _("A quote promises a user a rate for a while. Nobody has asked for one yet.")

    state = Status(_("state"), quote_state, QUOTE_STATES)
    used_by = Link(_("served"), exchange_of)


@admin.register(Exchange)
class ExchangeAdmin(AttachedMixin, ConversionAdmin):
    id_columns = ("pk", "user_id", "source_id", "destination_id", "transaction_id", "quote_id")
    text_columns = ("reference",)
    list_display = ("time", "amount_given", "amount_bought", "rate_used", "of_user", "short_reference", "id")
    search_help_text = search_help(_("An id of exchange, user, wallet, transaction or quote, an email, or a reference"))
    fields = readonly_fields = (
        *("id", "of_user", "from_wallet", "to_wallet", *_TERMS, "remainder_kept", "by_rule", "promised_by"),
        *("reference", "metadata_shown", "booked_as", "created_at"),
    )
    export_fields = (
        *(*_TERMS_EXPORTED, "remainder", "source_id", "destination_id", "quote_id", "reference", "metadata"),
        *("transaction_id", "created_at"),
    )
    empty_state = _("Nobody has exchanged anything yet. It needs a rate, and wallets in two currencies.")

    @admin.display(description=_("remainder, kept by the house"))
    def remainder_kept(self, row: Exchange) -> str:
        return f"{plain_decimal(row.remainder)} {row.target_currency_id}"

    @admin.display(description=_("quote"))
    def promised_by(self, row: Exchange) -> str:
        name = gettext("quote %(id)s") % {"id": row.quote_id}
        return link_to("payments_quote", row.quote_id, name) if row.quote_id else ""
