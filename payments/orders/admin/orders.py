"""Deposits and withdrawals: queues of what is pending, and what staff settle, once and for ever."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from payments.metadata.admin import AttachedMixin
from payments.orders.admin.facts import details_html
from payments.orders.admin.settlement import (
    ApproveDepositAction,
    ApproveWithdrawalAction,
    RejectDepositAction,
    RejectWithdrawalAction,
)
from payments.orders.models import Deposit, Order, OrderStatus, Withdrawal
from staff.columns import Amount, Explained, Link, Status, Word
from staff.confirmed_actions import ConfirmedActionsMixin
from staff.document_admin import DocumentAdmin
from staff.period_filters import PeriodFilter
from staff.read_only import link, search_help

ALL = "all"


def requested_status(request: HttpRequest) -> str:
    """Return which orders the list shows: what is pending, unless it is told or something is searched for."""
    return request.GET.get("status") or (ALL if request.GET.get("q") else OrderStatus.PENDING)


class StatusFilter(admin.SimpleListFilter):
    title = _("status")
    parameter_name = "status"

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(request, *args)
        self.requested = requested_status(request)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [*((status.value, word.text) for status, word in STATUSES.items()), (ALL, _("All"))]

    def choices(self, changelist: Any) -> Any:
        """Without a choice for no choice."""
        for status, title in self.lookup_choices:
            url = changelist.get_query_string({self.parameter_name: status})
            yield {"selected": status == self.requested, "query_string": url, "display": title}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        if self.requested not in dict(self.lookup_choices):
            raise IncorrectLookupParameters
        return queryset if self.requested == ALL else queryset.filter(status=self.requested)


STATUSES = {
    OrderStatus.PENDING: Word(_("Pending"), "wait", _("It waits for somebody who approves or rejects it.")),
    OrderStatus.PAID: Word(_("Paid"), "good", _("It was approved, and is booked.")),
    OrderStatus.REJECTED: Word(_("Rejected"), "bad", _("It was refused. No money has moved.")),
    OrderStatus.CANCELLED: Word(_("Cancelled"), "quiet", _("Its owner took it back. No money has moved.")),
}


def owner_text(user: User) -> str:
    return user.email if user.is_active else _("%(email)s (disabled)") % {"email": user.email}


_FIELDS = (
    *(
        "id",
        "state_explained",
        "reason",
        "bank_reference",
        "owner",
        "of_wallet",
        "amount_asked",
        "commission_taken",
        "amount_net",
        "by_rule",
    ),
    *("provider", "reference", "metadata_shown", "booked_as", "by_whom", "settled_at", "created_at"),
)


class OrderAdmin(AttachedMixin, ConfirmedActionsMixin, DocumentAdmin):
    """A queue: what has waited longest comes first."""

    id_columns = ("pk", "user_id", "wallet_id", "transaction_id")
    text_columns = ("reference", "bank_reference")
    list_filter = (StatusFilter, PeriodFilter, "currency", "provider")
    search_help_text = search_help(
        _("An id of order, user, wallet or transaction, an email, or a reference, whatever the status")
    )
    export_fields: ClassVar[tuple[str, ...]] = (
        *("id", "user_id", "user__email", "wallet_id", "amount", "commission", "currency_id", "status", "reason"),
        "bank_reference",
        *("provider__slug", "reference", "metadata", "transaction_id", "settled_by_id", "settled_at", "created_at"),
    )
    export_places = "currency__decimal_places"

    state = Status(_("status"), "status", STATUSES)
    state_explained = Explained(_("status"), "status", STATUSES)
    owner = Link(_("owner"), "user", text=owner_text, order="user_id")
    amount_asked = Amount(_("amount"), "amount", order="amount")
    commission_taken = Amount(_("commission"), "commission", order="commission")
    amount_net = Amount(_("net"), "net")
    by_whom = Link(_("settled by"), "settled_by")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("id",) if requested_status(request) == OrderStatus.PENDING else ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        named = ("currency", "user", "wallet", "provider", "rule", "transaction", "settled_by")
        return super().get_queryset(request).select_related(*named)

    @admin.display(description=_("wallet"), ordering="wallet_id")
    def of_wallet(self, order: Order) -> str:
        return link(order.wallet, str(order.wallet_id))


@admin.register(Deposit)
class DepositAdmin(OrderAdmin):
    confirmed_actions = (ApproveDepositAction, RejectDepositAction)
    list_display = ("state", "time", "amount_asked", "amount_net", "owner", "short_reference", "id")
    fields = readonly_fields = _FIELDS
    empty_state = _("No deposit waits for a verdict. Those that have theirs are under Paid, Rejected and Cancelled.")


@admin.register(Withdrawal)
class WithdrawalAdmin(OrderAdmin):
    confirmed_actions = (ApproveWithdrawalAction, RejectWithdrawalAction)
    list_display = ("state", "time", "amount_net", "owner", "goes_to", "short_reference", "id")
    fields = readonly_fields = (*_FIELDS[:9], "goes_to", "account", *_FIELDS[9:])
    export_fields = (
        *OrderAdmin.export_fields,
        *("external_wallet_id", "external_wallet__kind", "external_wallet__label"),
    )
    empty_state = _("No withdrawal waits for a verdict. Those that have theirs are under Paid, Rejected and Cancelled.")

    goes_to = Link(_("goes to"), "external_wallet", order="external_wallet_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("external_wallet")

    @admin.display(description=_("account"))
    def account(self, withdrawal: Withdrawal) -> str:
        return details_html(withdrawal.external_wallet)
