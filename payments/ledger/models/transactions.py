"""What was booked: immutable transactions and their postings. Only payments.ledger writes these tables."""

from django.db import models
from django.db.models import F, Q

from payments.ledger.models.fields import MoneyDomainField, MoneyField, NumberDomainField, TextDomainField
from payments.ledger.models.wallets import Currency, Wallet


class Transaction(models.Model):
    """One booked movement of money. PostgreSQL refuses UPDATE, DELETE and TRUNCATE."""

    class Kind(models.TextChoices):
        DEPOSIT = "deposit", "Deposit"
        WITHDRAWAL = "withdrawal", "Withdrawal"
        TRANSFER = "transfer", "Transfer"
        EXCHANGE = "exchange", "Exchange"
        PURCHASE = "purchase", "Purchase"
        REFUND = "refund", "Refund"
        REVERSAL = "reversal", "Reversal"
        ADJUSTMENT = "adjustment", "Adjustment"

    id = models.BigAutoField(primary_key=True)
    kind = TextDomainField(domain="till_transaction_kind", max_length=10, choices=Kind)
    reference = models.CharField(
        max_length=255, blank=True, help_text="Where it comes from, such as the provider's own transaction id."
    )
    created_at = models.DateTimeField(help_text="Given under the locks of the wallets: rises with their sequence.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{str(self.get_kind_display()).lower()} {self.pk}"


class Posting(models.Model):
    """One line of a transaction: a positive amount from a source to a destination of the same currency.

    Composite foreign keys (wallet, currency) are added by migrations/sql/ledger.sql. `*_sequence` and `*_balance` stand
    for each side that is a user's wallet: the gapless number of this line in that wallet, and its balance after it.
    """

    id = models.BigAutoField(primary_key=True)
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="postings")
    currency = models.ForeignKey(
        Currency, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    amount = MoneyDomainField(domain="till_amount")
    source = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="postings_out", db_index=False, db_constraint=False
    )
    destination = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="postings_in", db_index=False, db_constraint=False
    )
    source_sequence = NumberDomainField(domain="till_sequence", null=True)
    source_balance = MoneyField(null=True)
    destination_sequence = NumberDomainField(domain="till_sequence", null=True)
    destination_balance = MoneyField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(source=F("destination")), name="posting_sides_differ"),
            models.CheckConstraint(
                condition=Q(source_sequence__isnull=True, source_balance__isnull=True)
                | Q(source_sequence__isnull=False, source_balance__isnull=False),
                name="posting_source_numbered",
            ),
            models.CheckConstraint(
                condition=Q(destination_sequence__isnull=True, destination_balance__isnull=True)
                | Q(destination_sequence__isnull=False, destination_balance__isnull=False),
                name="posting_destination_numbered",
            ),
            models.UniqueConstraint(
                fields=["source", "source_sequence"],
                condition=Q(source_sequence__isnull=False),
                name="posting_source_sequence",
            ),
            models.UniqueConstraint(
                fields=["destination", "destination_sequence"],
                condition=Q(destination_sequence__isnull=False),
                name="posting_destination_sequence",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency_id}: {self.source_id} to {self.destination_id}"


class HouseCheckpoint(models.Model):
    """The balance of a house wallet over all postings up to and including `posting_id`: derived, may be rebuilt."""

    wallet = models.OneToOneField(Wallet, on_delete=models.PROTECT, primary_key=True, related_name="+")
    balance = MoneyField()
    posting_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.wallet_id} up to {self.posting_id}"


class HouseOpening(models.Model):
    """What a house wallet held when a month of UTC began: derived once from postings, may be deleted and rebuilt."""

    id = models.BigAutoField(primary_key=True)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+", db_index=False)
    month = models.DateField(help_text="Its first day.")
    balance = MoneyField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["wallet", "month"], name="house_opening_once")]

    def __str__(self) -> str:
        return f"{self.wallet_id} at {self.month}"
