"""The shapes of transfers."""

from typing import Any

from rest_framework import serializers

from accounts.validators import EMAIL_MAX_LENGTH
from api.amount_fields import AmountField, AmountInputField
from api.decimals import format_amount
from api.fields import IdField, PlainTextField
from api.serializers import refuse_unless_one_of
from api.timestamps import timestamp
from payments.metadata.members import attached_answer
from payments.metadata.serializers import AttachingSerializer, MetadataAnswerField
from payments.transfers.models import Transfer
from payments.transfers.queries import DIRECTIONS, recipient_name

NOTE_MAX_LENGTH = 200


def transfer_answer(transfer: Any) -> dict[str, Any]:
    """Return a transfer with the `direction` and the `seen_commission` that its reader sees."""
    places, commission = transfer.currency.decimal_places, transfer.seen_commission
    return {
        "id": transfer.pk,
        "direction": transfer.direction,
        "sender": transfer.user.email,
        "source": transfer.source_id,
        "destination": transfer.destination_id,
        "currency": transfer.currency_id,
        "amount": format_amount(transfer.amount, places),
        "commission": None if commission is None else format_amount(commission, places),
        "note": transfer.note,
        **attached_answer(transfer.seen_attached),
        "transaction": transfer.transaction_id,
        "created_at": timestamp(transfer.created_at),
    }


class TransferSerializer(serializers.ModelSerializer[Transfer]):
    """Of a transfer that `queries.transfers` read: it knows who looks."""

    direction = serializers.ChoiceField(
        choices=DIRECTIONS, read_only=True, help_text="As you see it; `sent` for admins who look at others' transfers."
    )
    sender = serializers.CharField(source="user.email", read_only=True, help_text="The email of who sent it.")
    source = serializers.IntegerField(  # type: ignore[assignment]  # the stubs mean Field.source
        source="source_id", read_only=True, help_text="The wallet that gave."
    )
    destination = serializers.IntegerField(
        source="destination_id", read_only=True, help_text="The wallet that received."
    )
    currency = serializers.CharField(source="currency_id", read_only=True)
    amount = AmountField(help_text="What the destination received.")
    commission = AmountField(
        source="seen_commission",
        allow_null=True,
        help_text="Paid by the sender, on top of `amount`; null for the recipient.",
    )
    reference = serializers.CharField(
        source="seen_attached.reference", read_only=True, help_text="The sender's own; empty for the recipient."
    )
    metadata = MetadataAnswerField(
        source="seen_attached.metadata", read_only=True, help_text="The sender's own; empty for the recipient."
    )
    transaction = serializers.IntegerField(source="transaction_id", read_only=True)

    class Meta:
        model = Transfer
        fields: tuple[str, ...] = (
            "id", "direction", "sender", "source", "destination", "currency", "amount", "commission", "note",
            "reference", "metadata", "transaction", "created_at",
        )  # fmt: skip
        read_only_fields = fields

    def to_representation(self, instance: Transfer) -> dict[str, Any]:
        return transfer_answer(instance)


class TransferPreviewSerializer(TransferSerializer):
    """Of a transfer that a dry run made, with the name of who would receive it."""

    recipient_name = serializers.CharField(
        read_only=True,
        allow_null=True,
        help_text="The first letters of the recipient's name, as `A*** C***`. null: a user without a name, or yourself"
        " (`direction` is `own`).",
    )

    class Meta(TransferSerializer.Meta):
        fields = (*TransferSerializer.Meta.fields, "recipient_name")
        read_only_fields = fields

    def to_representation(self, instance: Transfer) -> dict[str, Any]:
        return {**super().to_representation(instance), "recipient_name": recipient_name(instance)}


class TransferWriteSerializer(AttachingSerializer):
    source = IdField(  # type: ignore[assignment]  # the stubs mean Field.source
        source="source_id", help_text="One of your own wallets."
    )
    amount = AmountInputField(help_text="What arrives; a commission comes on top. Must fit the currency's decimals.")
    destination = IdField(
        source="destination_id",
        required=False,
        help_text="A wallet of the same currency, your own or another's. Either this or `recipient`.",
    )
    recipient = PlainTextField(
        required=False, max_length=EMAIL_MAX_LENGTH, help_text="Somebody's email. Either this or `destination`."
    )
    note = PlainTextField(max_length=NOTE_MAX_LENGTH, allow_blank=True, default="", help_text="Both sides see it.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        refuse_unless_one_of(self.initial_data, "destination", "recipient")
        return attrs
