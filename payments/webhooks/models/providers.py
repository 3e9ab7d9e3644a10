"""Who may credit wallets through signed webhooks."""

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from payments.ledger.models.fields import MoneyField
from payments.ledger.models.wallets import Currency
from payments.webhooks import signatures
from payments.webhooks.models.fields import EncryptedField


class Provider(models.Model):
    class Scheme(models.TextChoices):
        SHA1_COLON = "sha1_colon", "SHA-1 over fields joined by colons"
        SHA256_CONCAT = "sha256_concat", "SHA-256 over fields glued together"
        STANDARD_WEBHOOKS = "standard_webhooks", "Standard Webhooks (HMAC-SHA256 over the body)"

    slug = models.CharField(
        max_length=50,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9_-]*\Z", "Lower-case letters, digits, hyphen and underscore.")],
        help_text="Stands in the address: /api/v1/webhooks/{slug}.",
    )
    scheme = models.CharField(max_length=20, choices=Scheme)
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+")
    secret = EncryptedField(max_length=255, help_text="The active secret. Never shown again.")
    previous_secret = EncryptedField(
        max_length=255, blank=True, help_text="Accepted as well while a secret is being rotated."
    )
    requires_uuid = models.BooleanField(
        default=False,
        verbose_name="requires UUID transaction ids",
        help_text="Refuse transaction ids that are no UUID; protects the glued scheme from shifted digits.",
    )
    max_amount = MoneyField(null=True, blank=True, help_text="Refuse a single notice above this amount.")
    is_active = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True, help_text="Tells workers that their copy is out of date.")

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(condition=~Q(secret=""), name="provider_secret_present"),
            models.CheckConstraint(
                condition=Q(max_amount__isnull=True) | Q(max_amount__gt=0), name="provider_max_amount_positive"
            ),
            models.CheckConstraint(
                condition=Q(scheme__in=["sha1_colon", "sha256_concat", "standard_webhooks"]),
                name="provider_scheme_known",
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    def clean(self) -> None:
        if self.scheme != self.Scheme.STANDARD_WEBHOOKS:
            return
        for field in ("secret", "previous_secret"):
            if value := getattr(self, field):
                try:
                    signatures.standard_key(value)
                except ValueError as error:
                    raise ValidationError({field: str(error)}) from error
