"""Transactions and their postings, as the API shows them."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.amount_fields import AmountField
from api.fields import PlainTextField
from api.serializers import RequestSerializer
from payments.ledger.models import Posting, Reversal, Transaction


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


class TransactionSerializer(serializers.ModelSerializer[Transaction]):
    reverses = serializers.SerializerMethodField(help_text="The transaction that this one takes back.")
    reversed_by = serializers.SerializerMethodField(help_text="The transaction that took this one back.")
    status = serializers.SerializerMethodField(help_text="Always `booked`: what is listed here has happened.")
    postings = PostingSerializer(
        source="seen_postings", many=True, read_only=True, help_text="Those on your wallets, in their order."
    )

    class Meta:
        model = Transaction
        fields = ("id", "kind", "status", "reference", "reverses", "reversed_by", "postings", "created_at")
        read_only_fields = fields

    def get_reverses(self, transaction: Transaction) -> int | None:
        reversal: Reversal | None = getattr(transaction, "reverses", None)
        return reversal.original_id if reversal else None

    def get_reversed_by(self, transaction: Transaction) -> int | None:
        reversal: Reversal | None = getattr(transaction, "reversal", None)
        return reversal.transaction_id if reversal else None

    @extend_schema_field({"type": "string", "enum": ["booked"]})
    def get_status(self, transaction: Transaction) -> str:  # noqa: ARG002
        return "booked"


class ReverseSerializer(RequestSerializer):
    reason = PlainTextField(max_length=200)
