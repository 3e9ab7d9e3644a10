"""Money that went from one user's wallet to another's, and transactions that were reversed."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from payments.commission.models import CommissionRule
from payments.ledger.models.fields import MoneyField
from payments.ledger.models.transactions import Transaction
from payments.ledger.models.wallets import Currency, Wallet
from payments.metadata.members import NOTHING, Attached
from payments.metadata.models import WithMetadata, metadata_indexes


class Transfer(WithMetadata):
    """Never changed. Composite foreign keys hold the currency of both wallets."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False, help_text="Who sent it."
    )
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    destination = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    currency = models.ForeignKey(
        Currency, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    amount = MoneyField()
    commission = MoneyField(default=Decimal(0), help_text="On top of the amount.")
    rule = models.ForeignKey(CommissionRule, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)
    transaction = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="transfer")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "-id"], name="transfer_of_user"),
            models.Index(fields=["recipient", "-id"], name="transfer_of_recipient"),
            *metadata_indexes("transfer"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_amount_positive"),
            models.CheckConstraint(
                condition=Q(commission__gte=0, commission__lte=F("amount")), name="transfer_commission_in_range"
            ),
            models.CheckConstraint(condition=~Q(source=F("destination")), name="transfer_wallets_differ"),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"

    @property
    def seen_attached(self) -> Attached:
        """What the sender attached, for its reader. The recipient, who sees no commission, does not see it either."""
        return NOTHING if vars(self)["seen_commission"] is None else Attached(self.reference, self.metadata)
