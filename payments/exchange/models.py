"""Rates, the quotes that promise one for a while, and the exchanges that were made."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from api.model_fields import FrozenField
from payments.commission.models import CommissionRule
from payments.exchange.conversion import MAX_RATE, RATE_DECIMAL_PLACES
from payments.ledger.models.fields import MoneyField
from payments.ledger.models.transactions import Transaction
from payments.ledger.models.wallets import Currency, Wallet
from payments.metadata.models import WithMetadata, metadata_indexes

_CURRENCY: dict[str, Any] = {"on_delete": models.PROTECT, "related_name": "+", "db_index": False}


class RateColumn(FrozenField, models.DecimalField):  # type: ignore[type-arg] # generic in the stubs only
    """numeric(28,10): units of the target for one unit of the source."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_digits"] = 18 + RATE_DECIMAL_PLACES
        kwargs["decimal_places"] = RATE_DECIMAL_PLACES
        super().__init__(*args, **kwargs)


class ExchangeRate(models.Model):
    """What one unit of the source buys of the target: one row for each direction. Exchanges keep the rate they used."""

    id = models.BigAutoField(primary_key=True)
    source_currency = models.ForeignKey(Currency, **_CURRENCY)
    target_currency = models.ForeignKey(Currency, **_CURRENCY)
    rate = RateColumn()
    origin = models.CharField(max_length=60, help_text="Who says so, such as ECB.")
    as_of = models.DateTimeField(help_text="When it was said; too old a rate is refused.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["source_currency", "target_currency"]
        constraints = [
            models.UniqueConstraint(fields=["source_currency", "target_currency"], name="exchange_rate_once"),
            models.CheckConstraint(condition=Q(rate__gt=0, rate__lte=MAX_RATE), name="exchange_rate_in_range"),
            models.CheckConstraint(
                condition=~Q(source_currency=F("target_currency")), name="exchange_rate_currencies_differ"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source_currency_id} to {self.target_currency_id}"


class Conversion(models.Model):
    """An amount at a rate: proceeds + remainder = amount x rate, exactly; the remainder stays with the house."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    source_currency = models.ForeignKey(Currency, **_CURRENCY)
    target_currency = models.ForeignKey(Currency, **_CURRENCY)
    amount = MoneyField(help_text="Of the source's currency.")
    rate = RateColumn()
    proceeds = MoneyField(help_text="Of the target's currency: ten decimals, rounded down.")
    commission = MoneyField(default=Decimal(0), help_text="Of the source's currency, on top of the amount.")
    rule = models.ForeignKey(CommissionRule, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True
        ordering = ["-id"]


def conversion_constraints(name: str) -> list[models.BaseConstraint]:
    return [
        models.CheckConstraint(condition=Q(amount__gt=0, proceeds__gt=0, rate__gt=0), name=f"{name}_positive"),
        models.CheckConstraint(
            condition=Q(commission__gte=0, commission__lte=F("amount")), name=f"{name}_commission_in_range"
        ),
        models.CheckConstraint(condition=~Q(source_currency=F("target_currency")), name=f"{name}_currencies_differ"),
    ]


class Quote(Conversion):
    """A rate that is promised to a user until `expires_at`, for one exchange. PostgreSQL refuses changes."""

    expires_at = models.DateTimeField()

    class Meta(Conversion.Meta):
        indexes = [models.Index(fields=["user", "-id"], name="quote_of_user")]
        constraints = [
            *conversion_constraints("quote"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="quote_expires_later"),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"


class Exchange(WithMetadata, Conversion):
    """Money of one currency that became another's, through the house's exchange wallets. Never changed."""

    source = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    destination = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    remainder = models.DecimalField(
        max_digits=20, decimal_places=20, help_text="What rounding the proceeds down left with the house."
    )
    quote = models.OneToOneField(Quote, on_delete=models.PROTECT, related_name="exchange", null=True, blank=True)
    transaction = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="exchange")

    class Meta(Conversion.Meta):
        indexes = [models.Index(fields=["user", "-id"], name="exchange_of_user"), *metadata_indexes("exchange")]
        constraints = [
            *conversion_constraints("exchange"),
            models.CheckConstraint(
                condition=Q(remainder__gte=0, remainder__lt=Decimal("1e-10")), name="exchange_remainder_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"
