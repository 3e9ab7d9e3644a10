"""Results of check_ledger in /admin."""

from django.contrib import admin

from payments.audit.models import LedgerCheck
from staff.read_only import ReadOnlyAdmin


@admin.register(LedgerCheck)
class LedgerCheckAdmin(ReadOnlyAdmin):
    list_display = ("checked_at", "postings", "differences")
    date_hierarchy = "checked_at"
    export_fields = ("id", "checked_at", "postings", "differences")
    empty_state = "Nobody has run manage.py check_ledger yet. It recomputes every balance; let a timer run it daily."
