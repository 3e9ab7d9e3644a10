"""Where withdrawals go: accounts outside this service."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from api.languages import is_english
from payments.ledger.models.wallets import Currency


class ExternalWallet(models.Model):
    """A user's account elsewhere. Deleted ones stay as rows (`deleted_at`): withdrawals refer to them."""

    class Kind(models.TextChoices):
        BANK = "bank", "Bank account"
        CARD = "card", "Card"
        CRYPTO = "crypto", "Crypto address"
        OTHER = "other", "Other"

    id = models.BigAutoField(primary_key=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="external_wallets", db_index=False
    )
    label = models.CharField(max_length=100)
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    details = models.JSONField(help_text="By kind, validated; of a card only the masked tail.")
    created_at = models.DateTimeField(db_default=Now())
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["owner", "-id"], name="external_wallet_of_owner")]
        constraints = [
            models.CheckConstraint(condition=~Q(label=""), name="external_wallet_label_present"),
            models.CheckConstraint(
                condition=Q(kind__in=["bank", "card", "crypto", "other"]), name="external_wallet_kind_known"
            ),
        ]

    def __str__(self) -> str:
        kind = self.kind if is_english() else self.get_kind_display()
        return f"{self.label} ({kind} {self.currency_id})"
