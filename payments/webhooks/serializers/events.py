"""Webhook events, as the API shows them."""

from rest_framework import serializers

from api.amount_fields import AmountField
from payments.webhooks.models import WebhookEvent


class WebhookEventSerializer(serializers.ModelSerializer[WebhookEvent]):
    provider = serializers.CharField(source="provider.slug", read_only=True)
    transaction_id = serializers.CharField(
        source="external_id", read_only=True, help_text="The provider's own id of the notice."
    )
    account_id = serializers.IntegerField(
        source="wallet",
        read_only=True,
        allow_null=True,
        help_text="The wallet that the notice names, or was credited. Null: none as yet, it will be the user's first.",
    )
    amount = AmountField(currency="paid_in")
    currency = serializers.CharField(source="paid_in.code", read_only=True, help_text="Of the amount.")
    transaction = serializers.IntegerField(
        source="transaction_id",
        read_only=True,
        allow_null=True,
        help_text="What was booked; null if nothing was.",
    )

    class Meta:
        model = WebhookEvent
        fields = (
            "id", "provider", "transaction_id", "user_id", "account_id", "amount", "currency", "verdict", "reason",
            "transaction", "received_at",
        )  # fmt: skip
        read_only_fields = fields


class WebhookEventDetailSerializer(WebhookEventSerializer):
    """One event, with the webhook as it came."""

    body = serializers.CharField(
        source="shown_body",
        read_only=True,
        help_text="The notice as it came; empty in events of older versions. A signature over fields is left out.",
    )
    headers = serializers.DictField(
        source="kept_headers",
        child=serializers.CharField(),
        read_only=True,
        help_text="The headers that say how it was signed, and by which program. No others are kept.",
    )

    class Meta:
        model = WebhookEvent
        fields = (*WebhookEventSerializer.Meta.fields, "body", "headers")
        read_only_fields = fields
