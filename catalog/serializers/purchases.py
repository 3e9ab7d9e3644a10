"""The shapes of purchases and refunds."""

from typing import Any

from rest_framework import serializers

from api.amount_fields import AmountField, AmountInputField
from api.decimals import format_amount
from api.fields import IdField, PlainTextField, WholeNumberField
from api.serializers import RequestSerializer
from api.timestamps import timestamp
from catalog.models import Purchase, Refund
from catalog.models.purchases import MAX_QUANTITY
from payments.metadata.members import attached_answer
from payments.metadata.serializers import AttachingSerializer, MetadataAnswerField


def purchase_answer(purchase: Purchase) -> dict[str, Any]:
    places = purchase.currency.decimal_places
    return {
        "id": purchase.pk,
        "user": purchase.user_id,
        "product": purchase.product_id,
        "title": purchase.title,
        "wallet": purchase.wallet_id,
        "quantity": purchase.quantity,
        "unit_price": format_amount(purchase.unit_price, places),
        "amount": format_amount(purchase.amount, places),
        "currency": purchase.currency_id,
        "refunded": format_amount(purchase.refunded, places),
        "status": str(purchase.status),
        **attached_answer(purchase),
        "transaction": purchase.transaction_id,
        "created_at": timestamp(purchase.created_at),
    }


def refund_answer(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.pk,
        "purchase": refund.purchase_id,
        "amount": format_amount(refund.amount, refund.purchase.currency.decimal_places),
        "reason": refund.reason,
        "transaction": refund.transaction_id,
        "created_at": timestamp(refund.created_at),
    }


class PurchaseSerializer(serializers.ModelSerializer[Purchase]):
    product = serializers.IntegerField(source="product_id", read_only=True)
    title = serializers.CharField(read_only=True, help_text="The product's title when it was bought.")
    user = serializers.IntegerField(source="user_id", read_only=True, help_text="Who bought.")
    wallet = serializers.IntegerField(source="wallet_id", read_only=True, help_text="What paid, and gets refunds.")
    unit_price = AmountField(help_text="The product's price when it was bought.")
    amount = AmountField(help_text="`unit_price` times `quantity`.")
    currency = serializers.CharField(source="currency_id", read_only=True)
    refunded = AmountField(help_text="What of `amount` was paid back.")
    status = serializers.ChoiceField(choices=Purchase.Status.choices, read_only=True)
    metadata = MetadataAnswerField(read_only=True)
    transaction = serializers.IntegerField(source="transaction_id", read_only=True, help_text="What was booked.")

    class Meta:
        model = Purchase
        fields = (
            "id", "user", "product", "title", "wallet", "quantity", "unit_price", "amount", "currency", "refunded",
            "status", "reference", "metadata", "transaction", "created_at",
        )  # fmt: skip
        read_only_fields = fields

    def to_representation(self, instance: Purchase) -> dict[str, Any]:
        return purchase_answer(instance)


class BuySerializer(AttachingSerializer):
    product = IdField(source="product_id")
    wallet = IdField(source="wallet_id", help_text="One of your own, in the product's currency.")
    quantity = WholeNumberField(min_value=1, max_value=MAX_QUANTITY, default=1)
    expected_price = AmountInputField(
        required=False,
        help_text="The price for one piece that you have seen; 409 `price_changed` if it is another now.",
    )


class RefundSerializer(serializers.ModelSerializer[Refund]):
    purchase = serializers.IntegerField(source="purchase_id", read_only=True)
    amount = AmountField(currency="purchase.currency")
    transaction = serializers.IntegerField(source="transaction_id", read_only=True)

    class Meta:
        model = Refund
        fields = ("id", "purchase", "amount", "reason", "transaction", "created_at")
        read_only_fields = fields

    def to_representation(self, instance: Refund) -> dict[str, Any]:
        return refund_answer(instance)


class RefundWriteSerializer(RequestSerializer):
    amount = AmountInputField(required=False, help_text="All that is left of the purchase when it is missing.")
    reason = PlainTextField(max_length=200, allow_blank=True, default="", help_text="Shown to the buyer.")
