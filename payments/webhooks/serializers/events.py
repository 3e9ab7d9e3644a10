"""Webhook events, as the API shows them."""

from rest_framework import serializers

from api.amount_fields import AmountField
from payments.webhooks.models import WebhookEvent


class WebhookEventSerializer(serializers.ModelSerializer[WebhookEvent]):
    provider = serializers.CharField(source="provider.slug", read_only=True)
    transaction_id = serializers.CharField(
        source="external_id", read_only=True, help_text="The provider's own id of the notice."
    )
    amount = AmountField(currency="provider.currency")
    transaction = serializers.IntegerField(
        source="transaction_id",
        read_only=True,
        allow_null=True,
        help_text="What was booked; null if nothing was.",
    )

    class Meta:
        model = WebhookEvent
        fields = (
            "id", "provider", "transaction_id", "user_id", "account_id", "amount", "verdict", "reason",
            "transaction", "received_at",
        )  # fmt: skip
        read_only_fields = fields
