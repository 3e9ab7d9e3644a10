"""Webhook events: authentic notices of the providers, each with what became of it."""

import re

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from payments.ledger.models.fields import MoneyDomainField, MoneyField, TextDomainField
from payments.ledger.models.transactions import Transaction
from payments.ledger.models.wallets import Currency
from payments.webhooks.models.providers import Provider

#: What could be used again by whoever reads it: a signature over fields, a payment's secret, a stored card.
_SECRETS = re.compile(r'("(signature|client_secret|authorization_code)"\s*+:\s*+)"(?:[^"\\]|\\.)*+"')


class WebhookEvent(models.Model):
    """An authentic notice, unique by provider and `external_id` (the notice's `transaction_id`), kept for ever.

    A later notice of the same id with other content is a row of its own with the status `conflict`. PostgreSQL refuses
    DELETE, and every UPDATE but that of an unmatched event.
    """

    class Status(models.TextChoices):
        CREDITED = "credited", "Credited"
        UNMATCHED = "unmatched", "Unmatched"
        CONFLICT = "conflict", "Conflict"

    id = models.BigAutoField(primary_key=True)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="events", db_index=False)
    external_id = models.CharField(max_length=200, help_text="The provider's transaction_id.")
    user_id = models.BigIntegerField(help_text="As the notice says; no such user need exist.")
    account_id = models.BigIntegerField(
        help_text="As the notice says; no such wallet need exist. 0: the user's first wallet in the currency."
    )
    amount = MoneyDomainField(domain="till_amount")
    verdict = TextDomainField(domain="till_verdict", max_length=10, choices=Status)
    reason = models.CharField(max_length=40, blank=True, help_text="The error code that the provider was answered.")
    transaction = models.ForeignKey(
        Transaction, on_delete=models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    balance = MoneyField(null=True, blank=True, help_text="The wallet's balance after the credit: the first result.")
    received_at = models.DateTimeField(db_default=Now())
    currency = models.ForeignKey(
        Currency,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
        db_constraint=False,
        help_text="Of a notice with a field map. Else null: the provider's.",
    )
    wallet_id = models.BigIntegerField(null=True, blank=True, help_text="What was credited, if the notice names none.")
    body = models.TextField(null=True, blank=True, help_text="The notice as it came.")  # noqa: DJ001 - older events
    headers = models.TextField(  # noqa: DJ001 - older events have none
        null=True, blank=True, help_text="Those that matter, a line each: never a secret."
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "external_id"], condition=~Q(verdict="conflict"), name="event_once"
            ),
            models.UniqueConstraint(
                fields=["provider", "external_id", "user_id", "account_id", "amount"],
                condition=Q(verdict="conflict"),
                name="event_conflict_once",
            ),
            models.CheckConstraint(
                condition=Q(verdict="credited", transaction__isnull=False, balance__isnull=False, reason="")
                | (Q(transaction__isnull=True, balance__isnull=True) & ~Q(verdict="credited") & ~Q(reason="")),
                name="event_verdict_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["-id"], condition=~Q(verdict="credited"), name="event_needs_attention"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.external_id}"

    @property
    def wallet(self) -> int | None:
        """The wallet that was credited, or that the notice names. None: neither."""
        return self.wallet_id or self.account_id or None

    @property
    def paid_in(self) -> Currency:
        return self.currency or self.provider.currency

    @property
    def kept_headers(self) -> dict[str, str]:
        lines = (line.partition(": ") for line in (self.headers or "").splitlines())
        return {name: value for name, _, value in lines}

    @property
    def shown_body(self) -> str:
        """The body as staff may see it, without secrets."""
        return _SECRETS.sub(r'\1"…"', self.body or "")
