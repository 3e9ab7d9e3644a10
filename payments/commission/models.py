"""What the house charges, for which operation, in which currency, and from when until when."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from payments.commission import arithmetic
from payments.ledger.models.fields import MoneyField
from payments.ledger.models.wallets import Currency


class Operation(models.TextChoices):
    DEPOSIT = "deposit", "Deposit"
    WITHDRAWAL = "withdrawal", "Withdrawal"
    TRANSFER = "transfer", "Transfer"
    EXCHANGE = "exchange", "Exchange"


class CommissionRule(models.Model):
    """In force from `valid_from` up to before `valid_until`.

    An exclusion constraint (migrations/sql/commission.sql) refuses two rules of one operation and currency at one time.
    Once made, a rule can only be ended: orders refer to it.
    """

    id = models.BigAutoField(primary_key=True)
    operation = models.CharField(max_length=10, choices=Operation)
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+", db_index=False)
    percent = models.DecimalField(
        max_digits=13, decimal_places=10, default=Decimal(0), help_text="Of the amount: 1.5 is one and a half percent."
    )
    fixed = MoneyField(default=Decimal(0), help_text="Added to the percentage.")
    minimum = MoneyField(default=Decimal(0), help_text="At least this, but never more than the amount.")
    maximum = MoneyField(null=True, blank=True, help_text="At most this; empty for no limit.")
    valid_from = models.DateTimeField(db_default=Now(), help_text="Empty: from now on.")
    valid_until = models.DateTimeField(null=True, blank=True, help_text="Empty: until it is ended.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(operation__in=Operation.values), name="commission_operation_known"),
            models.CheckConstraint(condition=Q(percent__gte=0, percent__lte=100), name="commission_percent_in_range"),
            models.CheckConstraint(condition=Q(fixed__gte=0, minimum__gte=0), name="commission_not_negative"),
            models.CheckConstraint(
                condition=Q(maximum__isnull=True) | Q(maximum__gte=F("minimum")), name="commission_maximum_in_range"
            ),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")), name="commission_period"
            ),
        ]

    def __str__(self) -> str:
        operation = str(self.get_operation_display()).lower()
        return f"{operation} {self.currency_id}: {self.percent.normalize():f} % + {self.fixed.normalize():f}"

    @property
    def terms(self) -> arithmetic.Rule:
        return arithmetic.Rule(percent=self.percent, fixed=self.fixed, minimum=self.minimum, maximum=self.maximum)
