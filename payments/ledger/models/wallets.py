"""Currencies and the wallets that hold them."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from payments.ledger.models.fields import MoneyDomainField
from payments.money import DECIMAL_PLACES, EXACT

#: Wallet ids below this one are chosen by providers, from it on by the service: the two never collide.
FIRST_OWN_WALLET_ID = 10**15


class Currency(models.Model):
    code = models.CharField(
        max_length=10,
        primary_key=True,
        validators=[RegexValidator(r"^[A-Z][A-Z0-9]{2,9}\Z", "3 to 10 capital letters or digits.")],
        help_text="ISO 4217 where there is one, such as USD.",
    )
    name = models.CharField(max_length=60)
    decimal_places = models.PositiveSmallIntegerField(
        validators=[MaxValueValidator(DECIMAL_PLACES)],
        help_text="Digits after the point that may cross the edge of the system, 0 to 10. Fixed once chosen.",
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "currencies"
        constraints = [
            models.CheckConstraint(condition=Q(decimal_places__lte=DECIMAL_PLACES), name="currency_decimal_places"),
            models.CheckConstraint(condition=Q(code__regex=r"^[A-Z][A-Z0-9]{2,9}$"), name="currency_code"),
        ]

    def __str__(self) -> str:
        return self.code


class Wallet(models.Model):
    """A ledger account. Only payments.ledger writes `balance`, `held` and `sequence`.

    A house wallet's `balance` and `sequence` stay at zero: it is on every transaction, and a row that all of them
    update would make them wait. Its balance is derived from the postings (payments.ledger.booking.house). The
    constraints here hold for what changes; triggers check a new wallet (migrations/sql/ledger.sql).
    """

    class House(models.TextChoices):
        CLEARING = "clearing", "Clearing (the outside world)"
        SALES = "sales", "Sales"
        COMMISSION = "commission", "Commission"
        EXCHANGE = "exchange", "Exchange"
        SUSPENSE = "suspense", "Suspense"

    id = models.BigAutoField(primary_key=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="wallets"
    )
    house = models.CharField(max_length=10, choices=House, null=True, blank=True)  # noqa: DJ001 - null: a user's
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="wallets", db_index=False)
    balance = MoneyDomainField(domain="till_balance", default=Decimal(0), editable=False)
    held = MoneyDomainField(domain="till_held", default=Decimal(0), editable=False)
    sequence = models.BigIntegerField(default=0, editable=False)
    may_overdraw = models.BooleanField(
        db_default=False,
        default=False,
        help_text="Staff may reverse what came in even when it is spent: the balance then falls below zero.",
    )
    moved_at = models.DateTimeField(
        db_default=Now(),
        editable=False,
        help_text="No transaction of this wallet is later: the next is not earlier, whatever the clock says.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["id", "currency"], name="wallet_id_currency"),
            models.UniqueConstraint(
                fields=["house", "currency"], condition=Q(house__isnull=False), name="wallet_house"
            ),
            models.CheckConstraint(
                condition=Q(balance__gte=F("held")) | Q(may_overdraw=True), name="wallet_balance_covers_held"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.house} {self.currency_id}" if self.house else f"{self.pk} {self.currency_id}"

    @property
    def available(self) -> Decimal:
        return EXACT.subtract(self.balance, self.held)
