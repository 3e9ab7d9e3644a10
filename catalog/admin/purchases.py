"""Purchases and refunds: everything can be looked at; the only thing to do is to refund."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from api.decimals import format_amount
from catalog import services
from catalog.models import Purchase, Refund
from catalog.queries import search
from payments.ledger import booking
from payments.ledger.admin.display import money
from payments.metadata.admin import AttachedMixin
from payments.money import InvalidAmount
from staff.amount_field import AmountFormField
from staff.columns import Amount, Id, Link, Prose, Status, Text, When, Word
from staff.confirmed_actions import ConfirmedAction, ConfirmedActionsMixin, ReasonForm
from staff.period_filters import PeriodFilter
from staff.read_only import ReadOnlyAdmin, ReadOnlyInline, link, search_help
from staff.separation_of_duties import OwnOrder


class RefundForm(ReasonForm):
    amount = AmountFormField(required=False, help_text=_("Empty: all that is left."))
    #: What was refunded when this page was shown: the same page sent twice refunds once.
    refunded = AmountFormField(widget=forms.HiddenInput())
    field_order = ("amount", "reason")


class RefundAction(ConfirmedAction):
    name = "refund"
    title = _("Refund")
    button = _("Refund")
    explanation = _(
        "The money goes from the house's sales back to the wallet that paid. The buyer can read the reason."
    )
    form_class = RefundForm
    one_at_a_time = True
    refusals = (
        OwnOrder,
        InvalidAmount,
        services.RefundExceedsPurchase,
        services.RefundedMeanwhile,
        booking.LedgerError,
    )

    def is_available(self, target: Purchase) -> bool:
        return target.refundable > 0

    def describe(self, target: Purchase) -> str:
        paid, refunded, left = (
            money(amount, target.currency) for amount in (target.amount, target.refunded, target.refundable)
        )
        return gettext("%(paid)s paid from wallet %(wallet)s by %(user)s; %(refunded)s refunded, %(left)s left.") % {
            "paid": paid,
            "wallet": target.wallet_id,
            "user": target.user,
            "refunded": refunded,
            "left": left,
        }

    def initial(self, targets: Any) -> dict[str, Any]:
        return {"refunded": format_amount(targets[0].refunded, targets[0].currency.decimal_places)}

    def perform(self, *, target: Purchase, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        refund = services.refund(
            purchase_id=target.pk,
            amount=data["amount"],
            reason=data["reason"],
            by=staff,
            seen_refunded=data["refunded"],
        )
        return gettext("%(amount)s refunded.") % {"amount": money(refund.amount, target.currency)}


class RefundInline(ReadOnlyInline):
    model = Refund
    ordering = ("id",)
    fields = readonly_fields = ("id", "amount_refunded", "reason", "booked_as", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("purchase__currency", "transaction")

    @admin.display(description=_("amount"))
    def amount_refunded(self, refund: Refund) -> str:
        return money(refund.amount, refund.purchase.currency)

    @admin.display(description=_("transaction"))
    def booked_as(self, refund: Refund) -> str:
        return link(refund.transaction)


STATUSES = {
    Purchase.Status.PAID: Word(_("Paid"), "good", _("Nothing of it was paid back.")),
    Purchase.Status.PARTIALLY_REFUNDED: Word(_("Partly refunded"), "quiet", _("A part of it was paid back.")),
    Purchase.Status.REFUNDED: Word(_("Refunded"), "quiet", _("All of it was paid back.")),
}


@admin.register(Purchase)
class PurchaseAdmin(AttachedMixin, ConfirmedActionsMixin, ReadOnlyAdmin):
    confirmed_actions = (RefundAction,)
    list_display = (
        *("state", "time", "amount_paid", "amount_refunded", "buyer", "short_title", "short_reference", "id"),
    )
    list_display_links = ("time", "id")
    list_filter = (PeriodFilter, "currency")
    search_fields = ("id",)
    search_help_text = search_help(
        _(
            "An id of purchase, user, wallet, product or transaction, an email, a reference, "
            "or a part of a product's text"
        )
    )
    fields = readonly_fields = (
        *("id", "title", "bought", "quantity", "price_of_one", "amount_paid", "amount_refunded", "state"),
        *("buyer", "paid_from", "reference", "metadata_shown", "booked_as", "created_at"),
    )
    inlines = (RefundInline,)
    export_fields = (
        *("id", "user_id", "user__email", "product_id", "title", "wallet_id", "quantity", "unit_price", "amount"),
        *("refunded", "currency_id", "reference", "metadata", "transaction_id", "created_at"),
    )
    export_places = "currency__decimal_places"
    state = Status(_("status"), "status", STATUSES)
    time = When(_("time (UTC)"), "created_at", order="id")
    amount_paid = Amount(_("paid"), "amount", order="amount")
    amount_refunded = Amount(_("refunded"), lambda purchase: purchase.refunded or None, order="refunded")
    price_of_one = Amount(_("price of one"), "unit_price")
    buyer = Link(_("buyer"), "user", order="user_id")
    bought = Link(_("product"), "product")
    short_title = Text(_("product"), "title", order="title")
    paid_from = Link(_("wallet"), "wallet")
    booked_as = Link(_("transaction"), "transaction")
    short_reference = Id(_("reference"), "reference")
    empty_state = _("Nothing was bought yet. A purchase is made by a user, with a wallet that covers the price.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("currency", "user", "product", "wallet", "transaction")

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        return (queryset.filter(search.purchases(term)) if term else queryset), False


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    list_display = ("time", "amount_refunded", "buyer", "of_purchase", "why", "id")
    list_display_links = ("time", "id")
    list_filter = (PeriodFilter,)
    list_select_related = ("purchase__currency", "purchase__user")
    fields = readonly_fields = ("id", "of_purchase", "amount_refunded", "reason", "booked_as", "created_at")
    search_fields = ("=id", "=purchase__id", "=transaction__id")
    search_help_text = _("An id of refund, purchase or transaction")
    export_fields = (
        *("id", "purchase_id", "purchase__user_id", "amount", "purchase__currency_id", "reason", "transaction_id"),
        "created_at",
    )
    export_places = "purchase__currency__decimal_places"
    time = When(_("time (UTC)"), "created_at", order="id")
    amount_refunded = Amount(_("amount"), "amount", currency="purchase.currency", order="amount")
    buyer = Link(_("buyer"), "purchase.user")
    of_purchase = Link(_("purchase"), "purchase")
    why = Prose(_("reason"), "reason")
    booked_as = Link(_("transaction"), "transaction")
    empty_state = _("Nothing was refunded yet. Refund a purchase from its page.")
