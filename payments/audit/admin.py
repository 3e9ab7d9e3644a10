"""Results of check_ledger in /admin."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from payments.audit.models import LedgerCheck
from staff.columns import NumberColumn, Status, When, Word
from staff.read_only import ReadOnlyAdmin

RESULTS = {
    True: Word(_("Balanced"), "good", _("Every balance is the sum of its postings.")),
    False: Word(_("Differs"), "bad", _("The books do not balance: stop paying out, and look into it.")),
}


@admin.register(LedgerCheck)
class LedgerCheckAdmin(ReadOnlyAdmin):
    list_display = ("result", "time", "postings_checked", "differences_found")
    list_display_links = ("time",)
    date_hierarchy = "checked_at"
    export_fields = ("id", "checked_at", "postings", "differences")
    result = Status(_("result"), lambda check: check.differences == 0, RESULTS)
    time = When(_("checked (UTC)"), "checked_at", order="checked_at")
    postings_checked = NumberColumn(_("postings"), "postings", order="postings")
    differences_found = NumberColumn(_("differences"), "differences", order="differences")
    empty_state = _("Nobody has run manage.py check_ledger yet. It recomputes every balance; let a timer run it daily.")
