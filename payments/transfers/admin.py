"""Transfers in /admin."""

from django.contrib import admin

from payments.ledger.admin.display import money
from payments.metadata.admin import AttachedMixin
from payments.transfers.models import Transfer
from staff.document_admin import DocumentAdmin
from staff.period_filters import PeriodFilter
from staff.read_only import MAX_LISTED, link


@admin.register(Transfer)
class TransferAdmin(AttachedMixin, DocumentAdmin):
    id_columns = ("pk", "user_id", "recipient_id", "source_id", "destination_id", "transaction_id")
    user_columns = ("user", "recipient")
    text_columns = ("reference",)
    list_display = (
        *("id", "of_user", "sent_to", "amount_sent", "commission_taken", "note", "reference", "booked_as"),
        "created_at",
    )
    list_filter = (PeriodFilter, "currency")
    list_select_related = ("user", "recipient", "currency", "transaction")
    search_help_text = (
        f"An id of transfer, user, wallet or transaction, an email, or a reference (of more than {MAX_LISTED:,}, "
        "the newest are listed)"
    )
    fields = readonly_fields = (
        *("id", "of_user", "sent_to", "from_wallet", "to_wallet", "amount_sent", "commission_taken", "by_rule"),
        *("note", "reference", "metadata_shown", "booked_as", "created_at"),
    )
    export_fields = (
        *("id", "user_id", "user__email", "recipient_id", "recipient__email", "source_id", "destination_id"),
        *("amount", "commission", "currency_id", "note", "reference", "metadata", "transaction_id", "created_at"),
    )
    export_places = "currency__decimal_places"
    empty_state = "Nobody has sent anything yet. A transfer leads from a user's wallet to another of the same currency."

    @admin.display(description="recipient", ordering="recipient_id")
    def sent_to(self, transfer: Transfer) -> str:
        return link(transfer.recipient)

    @admin.display(description="amount", ordering="amount")
    def amount_sent(self, transfer: Transfer) -> str:
        return money(transfer.amount, transfer.currency)

    @admin.display(description="commission", ordering="commission")
    def commission_taken(self, transfer: Transfer) -> str:
        return money(transfer.commission, transfer.currency)
