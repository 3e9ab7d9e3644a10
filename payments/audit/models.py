"""Results of check_ledger."""

from django.db import models
from django.db.models.functions import Now


class LedgerCheck(models.Model):
    """What `check_ledger` found at one time: for the front page of /admin. Not part of the books."""

    id = models.BigAutoField(primary_key=True)
    checked_at = models.DateTimeField(db_default=Now())
    postings = models.BigIntegerField(help_text="How many were recomputed.")
    differences = models.BigIntegerField(help_text="0: the books balance.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return "balanced" if not self.differences else f"{self.differences} differences"
