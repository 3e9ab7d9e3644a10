"""Reversals of transactions."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from payments.ledger.models.transactions import Transaction


class Reversal(models.Model):
    """The opposite of a transaction, booked once by staff. PostgreSQL refuses UPDATE, DELETE and TRUNCATE."""

    id = models.BigAutoField(primary_key=True)
    original = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="reversal")
    transaction = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="reverses")
    reason = models.CharField(max_length=200)
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(original=F("transaction")), name="reversal_of_another"),
            models.CheckConstraint(condition=~Q(reason=""), name="reversal_reason_present"),
        ]

    def __str__(self) -> str:
        return f"reversal of transaction {self.original_id}"
