"""Purchases and refunds: everything can be looked at; the only thing to do is to refund."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

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
from staff.confirmed_actions import ConfirmedAction, ConfirmedActionsMixin, ReasonForm
from staff.period_filters import PeriodFilter
from staff.read_only import MAX_LISTED, ReadOnlyAdmin, ReadOnlyInline, link
from staff.separation_of_duties import OwnOrder


class RefundForm(ReasonForm):
    amount = AmountFormField(required=False, help_text="Empty: all that is left.")
    #: What was refunded when this page was shown: the same page sent twice refunds once.
    refunded = AmountFormField(widget=forms.HiddenInput())
    field_order = ("amount", "reason")


class RefundAction(ConfirmedAction):
    name = "refund"
    title = "Refund"
    button = "Refund"
    explanation = "The money goes from the house's sales back to the wallet that paid. The buyer can read the reason."
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
        return f"{paid} paid from wallet {target.wallet_id} by {target.user}; {refunded} refunded, {left} left."

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
        return f"{money(refund.amount, target.currency)} refunded."


class RefundInline(ReadOnlyInline):
    model = Refund
    ordering = ("id",)
    fields = readonly_fields = ("id", "amount_refunded", "reason", "booked_as", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("purchase__currency", "transaction")

    @admin.display(description="amount")
    def amount_refunded(self, refund: Refund) -> str:
        return money(refund.amount, refund.purchase.currency)

    @admin.display(description="transaction")
    def booked_as(self, refund: Refund) -> str:
        return link(refund.transaction)


@admin.register(Purchase)
class PurchaseAdmin(AttachedMixin, ConfirmedActionsMixin, ReadOnlyAdmin):
    confirmed_actions = (RefundAction,)
    list_display = (
        *("id", "title", "quantity", "buyer", "amount_paid", "amount_refunded", "state", "reference", "created_at"),
    )
    list_display_links = ("id", "title")
    list_filter = (PeriodFilter, "currency")
    search_fields = ("id",)
    search_help_text = (
        "An id of purchase, user, wallet, product or transaction, an email, a reference, or a part of a product's text "
        f"(of more than {MAX_LISTED:,}, the newest are listed)"
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
    empty_state = "Nothing was bought yet. A purchase is made by a user, with a wallet that covers the price."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("currency", "user", "product", "wallet", "transaction")

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        return (queryset.filter(search.purchases(term)) if term else queryset), False

    @admin.display(description="buyer", ordering="user_id")
    def buyer(self, purchase: Purchase) -> str:
        return link(purchase.user)

    @admin.display(description="product")
    def bought(self, purchase: Purchase) -> str:
        return link(purchase.product)

    @admin.display(description="wallet")
    def paid_from(self, purchase: Purchase) -> str:
        return link(purchase.wallet)

    @admin.display(description="transaction")
    def booked_as(self, purchase: Purchase) -> str:
        return link(purchase.transaction)

    @admin.display(description="price of one")
    def price_of_one(self, purchase: Purchase) -> str:
        return money(purchase.unit_price, purchase.currency)

    @admin.display(description="paid", ordering="amount")
    def amount_paid(self, purchase: Purchase) -> str:
        return money(purchase.amount, purchase.currency)

    @admin.display(description="refunded", ordering="refunded")
    def amount_refunded(self, purchase: Purchase) -> str:
        return money(purchase.refunded, purchase.currency) if purchase.refunded else ""

    @admin.display(description="status")
    def state(self, purchase: Purchase) -> str:
        return purchase.status.label


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    list_display = ("id", "of_purchase", "amount_refunded", "reason", "created_at")
    list_filter = (PeriodFilter,)
    list_select_related = ("purchase__currency",)
    fields = readonly_fields = ("id", "of_purchase", "amount_refunded", "reason", "booked_as", "created_at")
    search_fields = ("=id", "=purchase__id", "=transaction__id")
    search_help_text = "An id of refund, purchase or transaction"
    export_fields = (
        *("id", "purchase_id", "purchase__user_id", "amount", "purchase__currency_id", "reason", "transaction_id"),
        "created_at",
    )
    export_places = "purchase__currency__decimal_places"
    empty_state = "Nothing was refunded yet. Refund a purchase from its page."

    @admin.display(description="purchase")
    def of_purchase(self, refund: Refund) -> str:
        return link(refund.purchase)

    @admin.display(description="amount")
    def amount_refunded(self, refund: Refund) -> str:
        return money(refund.amount, refund.purchase.currency)

    @admin.display(description="transaction")
    def booked_as(self, refund: Refund) -> str:
        return link(refund.transaction)
