"""What was bought, and what of it was paid back. Only catalog.services writes these tables."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from catalog.models.products import TITLE_MAX_LENGTH, Product
from payments.ledger.models.fields import MoneyField
from payments.metadata.models import WithMetadata, metadata_indexes
from payments.models import Currency, Transaction, Wallet

MAX_QUANTITY = 1000


class Purchase(WithMetadata):
    """A product as it was when it was bought. PostgreSQL refuses every change but a rise of `refunded`.

    Composite foreign keys (migrations/sql/purchases.sql) hold the currency of both the product and the wallet. They are
    also what fixes the currency of a product that was sold.
    """

    class Status(models.TextChoices):
        PAID = "paid", "Paid"
        PARTIALLY_REFUNDED = "partially_refunded", "Partially refunded"
        REFUNDED = "refunded", "Refunded"

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="purchases", db_index=False
    )
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="purchases", db_constraint=False)
    title = models.CharField(max_length=TITLE_MAX_LENGTH)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="purchases", db_constraint=False)
    quantity = models.PositiveSmallIntegerField()
    unit_price = MoneyField()
    amount = MoneyField(help_text="What was paid: the unit price times the quantity.")
    currency = models.ForeignKey(
        Currency, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    refunded = MoneyField(default=Decimal(0), help_text="The sum of its refunds.")
    transaction = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="purchase")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["user", "-id"], name="purchase_of_user"), *metadata_indexes("purchase")]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__range=(1, MAX_QUANTITY)), name="purchase_quantity_in_range"),
            models.CheckConstraint(condition=Q(unit_price__gt=0), name="purchase_price_positive"),
            models.CheckConstraint(condition=Q(amount=F("unit_price") * F("quantity")), name="purchase_adds_up"),
            models.CheckConstraint(
                condition=Q(refunded__gte=0, refunded__lte=F("amount")), name="purchase_refunded_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}: {self.quantity} x {self.title}"

    @property
    def status(self) -> Status:
        if not self.refunded:
            return self.Status.PAID
        return self.Status.REFUNDED if self.refunded == self.amount else self.Status.PARTIALLY_REFUNDED

    @property
    def refundable(self) -> Decimal:
        left: Decimal = self.amount - self.refunded
        return left


class Refund(models.Model):
    """Money of a purchase that went back to its wallet. PostgreSQL refuses UPDATE, DELETE and TRUNCATE."""

    id = models.BigAutoField(primary_key=True)
    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="refunds")
    amount = MoneyField()
    reason = models.CharField(max_length=200, blank=True)
    transaction = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="refund")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive")]

    def __str__(self) -> str:
        return f"refund {self.pk} of purchase {self.purchase_id}"
