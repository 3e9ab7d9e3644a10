"""What `check_ledger` found, kept for the staff site's front page. Not part of the books."""

from django.db import transaction

from payments.audit import Report
from payments.audit.models import LedgerCheck

MAX_KEPT = 100


def remember(report: Report) -> LedgerCheck:
    """Keep the result, and the newest of those before. Raises Django's DatabaseError where nothing can be written."""
    with transaction.atomic():
        check = LedgerCheck.objects.create(
            postings=report.checked.get("postings", 0), differences=sum(report.totals.values())
        )
        newest = LedgerCheck.objects.order_by("-pk").values_list("pk", flat=True)[:MAX_KEPT]
        LedgerCheck.objects.exclude(pk__in=list(newest)).delete()
    return check
