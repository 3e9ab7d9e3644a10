"""Transfers in /admin."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from payments.metadata.admin import AttachedMixin
from payments.transfers.models import Transfer
from staff.columns import Amount, Link, Text
from staff.document_admin import DocumentAdmin
from staff.period_filters import PeriodFilter
from staff.read_only import search_help


@admin.register(Transfer)
class TransferAdmin(AttachedMixin, DocumentAdmin):
    id_columns = ("pk", "user_id", "recipient_id", "source_id", "destination_id", "transaction_id")
    user_columns = ("user", "recipient")
    text_columns = ("reference",)
    list_display = ("time", "amount_sent", "of_user", "sent_to", "short_note", "short_reference", "id")
    list_filter = (PeriodFilter, "currency")
    list_select_related = ("user", "recipient", "currency", "transaction")
    search_help_text = search_help(_("An id of transfer, user, wallet or transaction, an email, or a reference"))
    fields = readonly_fields = (
        *("id", "of_user", "sent_to", "from_wallet", "to_wallet", "amount_sent", "commission_taken", "by_rule"),
        *("note", "reference", "metadata_shown", "booked_as", "created_at"),
    )
    export_fields = (
        *("id", "user_id", "user__email", "recipient_id", "recipient__email", "source_id", "destination_id"),
        *("amount", "commission", "currency_id", "note", "reference", "metadata", "transaction_id", "created_at"),
    )
    amount_sent = Amount(_("amount"), "amount", order="amount")
    sent_to = Link(_("recipient"), "recipient", order="recipient_id")
    commission_taken = Amount(_("commission"), "commission", order="commission")
    short_note = Text(_("note"), "note")
    export_places = "currency__decimal_places"
    empty_state = _(
        "Nobody has sent anything yet. A transfer leads from a user's wallet to another of the same currency."
    )
