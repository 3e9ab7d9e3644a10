"""Orders to bring money in or to take it out: pending until they are settled or cancelled, once and for ever."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from payments.commission.models import CommissionRule
from payments.ledger.models.fields import MoneyField
from payments.ledger.models.transactions import Transaction
from payments.ledger.models.wallets import Currency, Wallet
from payments.metadata.models import WithMetadata, metadata_indexes
from payments.money import EXACT
from payments.orders.models.external_wallets import ExternalWallet
from payments.webhooks.models.providers import Provider

#: What a bank prints on a statement has at most so many characters (SEPA).
BANK_REFERENCE_MAX_LENGTH = 140


class OrderStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    PAID = "paid", "Paid"
    REJECTED = "rejected", "Rejected"
    CANCELLED = "cancelled", "Cancelled"


def bank_reference_index(name: str) -> models.Index:
    """What staff search. An order without a reference is not in it."""
    return models.Index(fields=["bank_reference"], condition=~Q(bank_reference=""), name=f"{name}_bank_reference")


def order_constraints(name: str) -> list[models.BaseConstraint]:
    """The rules of both kinds of order; `name` begins each constraint's."""
    return [
        models.CheckConstraint(condition=Q(amount__gt=0), name=f"{name}_amount_positive"),
        models.CheckConstraint(
            condition=Q(commission__gte=0, commission__lte=F("amount")), name=f"{name}_commission_in_range"
        ),
        models.CheckConstraint(
            condition=Q(status="pending", settled_at__isnull=True, transaction__isnull=True)
            | Q(status="paid", settled_at__isnull=False, transaction__isnull=False)
            | Q(status="rejected", settled_at__isnull=False, transaction__isnull=True)
            | Q(
                status="cancelled",
                settled_at__isnull=False,
                transaction__isnull=True,
                settled_by__isnull=False,  # where it is, the next is neither true nor false, and would pass
                settled_by=F("user"),
            ),
            name=f"{name}_status_is_whole",
        ),
    ]


class Order(WithMetadata):
    """What deposits and withdrawals share. PostgreSQL refuses every change but the settlement of a pending one.

    The commission is decided when the order is made and never changes. Composite foreign keys (wallet, currency) are
    added by the migration of the guards.
    """

    Status = OrderStatus

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="%(class)ss", db_constraint=False)
    currency = models.ForeignKey(
        Currency, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    amount = MoneyField()
    commission = MoneyField(default=Decimal(0), help_text="Part of the amount.")
    rule = models.ForeignKey(CommissionRule, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="+", null=True, blank=True, help_text="Who is to settle it."
    )
    status = models.CharField(max_length=10, choices=OrderStatus, default=OrderStatus.PENDING)
    reason = models.CharField(max_length=200, blank=True, help_text="Why it was rejected.")
    bank_reference = models.CharField(
        max_length=BANK_REFERENCE_MAX_LENGTH,
        blank=True,
        default="",
        db_default="",
        help_text="The bank's own reference of the payment, as whoever settled it wrote it down.",
    )
    transaction = models.OneToOneField(
        Transaction, on_delete=models.PROTECT, related_name="%(class)s", null=True, blank=True
    )
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    settled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}: {self.amount.normalize():f} {self.currency_id}"

    @property
    def net(self) -> Decimal:
        """What reaches the other side: the amount less the commission."""
        return EXACT.subtract(self.amount, self.commission)


class Deposit(Order):
    class Meta(Order.Meta):
        indexes = [
            models.Index(fields=["user", "-id"], name="deposit_of_user"),
            models.Index(fields=["id"], condition=Q(status="pending"), name="deposit_pending"),
            models.Index(fields=["user"], condition=Q(status="pending"), name="deposit_pending_of_user"),
            *metadata_indexes("deposit"),
            bank_reference_index("deposit"),
        ]
        constraints = order_constraints("deposit")


class Withdrawal(Order):
    """While it is pending, its amount is held in the wallet: the sum over a wallet is its `held`."""

    external_wallet = models.ForeignKey(ExternalWallet, on_delete=models.PROTECT, related_name="withdrawals")

    class Meta(Order.Meta):
        indexes = [
            models.Index(fields=["user", "-id"], name="withdrawal_of_user"),
            models.Index(fields=["id"], condition=Q(status="pending"), name="withdrawal_pending"),
            models.Index(fields=["user"], condition=Q(status="pending"), name="withdrawal_pending_of_user"),
            models.Index(fields=["wallet"], condition=Q(status="pending"), name="withdrawal_holds"),
            *metadata_indexes("withdrawal"),
            bank_reference_index("withdrawal"),
        ]
        constraints = order_constraints("withdrawal")


class SettlementScope(models.Model):
    """What a service may settle: orders of this currency and this provider, where named, up to `max_amount`; or all.

    A service begins with everything. Without a scope it settles nothing.
    """

    id = models.BigAutoField(primary_key=True)
    service = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="settlement_scopes")
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    everything = models.BooleanField(default=False, help_text="Orders of every currency and every provider.")
    max_amount = MoneyField(null=True, blank=True, help_text="Of one order, in the scope's currency; none: no limit.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["service", "currency", "provider"], name="settlement_scope_once"),
            models.UniqueConstraint(
                fields=["service", "currency"],
                condition=Q(provider__isnull=True),
                name="settlement_scope_currency_once",
            ),
            models.UniqueConstraint(
                fields=["service", "provider"],
                condition=Q(currency__isnull=True),
                name="settlement_scope_provider_once",
            ),
            models.UniqueConstraint(
                fields=["service"], condition=Q(everything=True), name="settlement_scope_everything_once"
            ),
            models.CheckConstraint(
                condition=Q(everything=True, currency__isnull=True, provider__isnull=True)
                | Q(everything=False) & (Q(currency__isnull=False) | Q(provider__isnull=False)),
                name="settlement_scope_names_one",
            ),
            models.CheckConstraint(
                condition=Q(max_amount__isnull=True) | Q(max_amount__gt=0, currency__isnull=False),
                name="settlement_scope_limit_has_currency",
            ),
        ]

    def __str__(self) -> str:
        if self.everything:
            return "everything"
        limit = f"up to {self.max_amount.normalize():f}" if self.max_amount is not None else ""
        return " ".join(filter(None, (self.currency_id, str(self.provider or ""), limit)))
