"""Transactions and their postings, as the API shows them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.amount_fields import AmountField
from api.decimals import format_amount
from api.fields import PlainTextField
from api.serializers import RequestSerializer
from api.timestamps import timestamp
from payments.ledger.models import Posting, Reversal, Transaction


def posting_members(
    source: int,
    destination: int,
    currency: str,
    places: int,
    amount: Decimal,
    source_balance: Decimal | None,
    destination_balance: Decimal | None,
) -> dict[str, Any]:
    """Return a posting with the balances that its reader sees."""
    return {
        "source": source,
        "destination": destination,
        "currency": currency,
        "amount": format_amount(amount, places),
        "source_balance": None if source_balance is None else format_amount(source_balance, places),
        "destination_balance": None if destination_balance is None else format_amount(destination_balance, places),
    }


def transaction_members(
    id_: int,
    kind: str,
    reference: str,
    created_at: datetime,
    reverses: int | None,
    reversed_by: int | None,
    postings: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return a transaction with the postings that its reader may see."""
    return {
        "id": id_,
        "kind": kind,
        "status": "booked",
        "reference": reference,
        "reverses": reverses,
        "reversed_by": reversed_by,
        "postings": postings,
        "created_at": timestamp(created_at),
    }


def posting_answer(posting: Any) -> dict[str, Any]:
    """Return a posting with the `seen_source_balance` and the `seen_destination_balance` that its reader sees."""
    return posting_members(
        posting.source_id,
        posting.destination_id,
        posting.currency_id,
        posting.currency.decimal_places,
        posting.amount,
        posting.seen_source_balance,
        posting.seen_destination_balance,
    )


def transaction_answer(transaction: Any) -> dict[str, Any]:
    """Return a transaction with `seen_postings`, the postings that its reader may see."""
    reverses: Reversal | None = getattr(transaction, "reverses", None)
    reversal: Reversal | None = getattr(transaction, "reversal", None)
    return transaction_members(
        transaction.pk,
        str(transaction.kind),
        transaction.reference,
        transaction.created_at,
        reverses.original_id if reverses else None,
        reversal.transaction_id if reversal else None,
        [posting_answer(posting) for posting in transaction.seen_postings],
    )


class PostingSerializer(serializers.ModelSerializer[Posting]):
    source = serializers.IntegerField(  # type: ignore[assignment]  # the stubs mean Field.source
        source="source_id", read_only=True, help_text="The wallet that gave."
    )
    destination = serializers.IntegerField(
        source="destination_id", read_only=True, help_text="The wallet that received."
    )
    currency = serializers.CharField(source="currency_id", read_only=True)
    amount = AmountField(help_text="Always positive.")
    source_balance = AmountField(
        source="seen_source_balance",
        allow_null=True,
        help_text="The source's balance right after; null where the wallet is not yours.",
    )
    destination_balance = AmountField(
        source="seen_destination_balance",
        allow_null=True,
        help_text="The destination's balance right after; null where the wallet is not yours.",
    )

    class Meta:
        model = Posting
        fields = ("source", "destination", "currency", "amount", "source_balance", "destination_balance")
        read_only_fields = fields

    def to_representation(self, instance: Posting) -> dict[str, Any]:
        return posting_answer(instance)


class TransactionSerializer(serializers.ModelSerializer[Transaction]):
    reverses = serializers.IntegerField(
        source="reverses.original_id",
        default=None,
        read_only=True,
        allow_null=True,
        help_text="The transaction that this one takes back.",
    )
    reversed_by = serializers.IntegerField(
        source="reversal.transaction_id",
        default=None,
        read_only=True,
        allow_null=True,
        help_text="The transaction that took this one back.",
    )
    status = serializers.SerializerMethodField(help_text="Always `booked`: what is listed here has happened.")
    postings = PostingSerializer(
        source="seen_postings", many=True, read_only=True, help_text="Those on your wallets, in their order."
    )

    class Meta:
        model = Transaction
        fields = ("id", "kind", "status", "reference", "reverses", "reversed_by", "postings", "created_at")
        read_only_fields = fields

    def to_representation(self, instance: Transaction) -> dict[str, Any]:
        return transaction_answer(instance)

    @extend_schema_field({"type": "string", "enum": ["booked"]})
    def get_status(self, transaction: Transaction) -> str:  # noqa: ARG002
        return "booked"


class ReverseSerializer(RequestSerializer):
    reason = PlainTextField(max_length=200)
