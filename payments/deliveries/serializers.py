"""The shapes of endpoints and deliveries."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import FlagField, IdField, PlainTextField
from api.serializers import RequestSerializer, refuse_unless_one_of
from payments.deliveries.addresses import MAX_LENGTH
from payments.deliveries.models import TYPE_MAX_LENGTH, EventDelivery, EventEndpoint
from payments.deliveries.queries import EVENT_ID, position_or_none

MAX_TYPES = 50


class EndpointSerializer(serializers.ModelSerializer[EventEndpoint]):
    url = serializers.CharField(read_only=True)
    types = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Such as `wallet.*` or `deposit.paid`; empty for all."
    )
    disabled_reason = serializers.CharField(
        read_only=True,
        help_text="Why it is switched off: `staff`, `gone` (it answered 410) or `failing` (five days); else empty.",
    )
    position = serializers.IntegerField(read_only=True, help_text="Up to this event each one has its delivery.")

    class Meta:
        model = EventEndpoint
        fields: tuple[str, ...] = (
            "id", "url", "types", "description", "is_active", "disabled_reason", "failing_since", "position",
            "previous_secret_until", "created_at",
        )  # fmt: skip
        read_only_fields: tuple[str, ...] = fields


class EndpointSecretSerializer(EndpointSerializer):
    secret = serializers.CharField(read_only=True, help_text="Shown this once. It verifies what is sent here.")

    class Meta(EndpointSerializer.Meta):
        fields = (*EndpointSerializer.Meta.fields, "secret")
        read_only_fields = fields


class EndpointChangeSerializer(RequestSerializer):
    url = PlainTextField(required=False, max_length=MAX_LENGTH, help_text="An https address that the public can reach.")
    types = serializers.ListField(
        required=False,
        max_length=MAX_TYPES,
        child=PlainTextField(max_length=TYPE_MAX_LENGTH),
        help_text="Types of events such as `deposit.paid`, or families such as `wallet.*`. Empty for all.",
    )
    description = PlainTextField(required=False, max_length=200, allow_blank=True)
    is_active = FlagField(required=False, help_text="Switched on again, it gets what it missed.")


class EndpointWriteSerializer(EndpointChangeSerializer):
    url = PlainTextField(max_length=MAX_LENGTH, help_text="An https address that the public can reach.")


class AttemptSerializer(serializers.Serializer[dict[str, Any]]):
    number = serializers.IntegerField()
    at = serializers.DateTimeField(help_text="When it began.")
    milliseconds = serializers.IntegerField(help_text="How long it took.")
    status_code = serializers.IntegerField(allow_null=True, help_text="What was answered; null without an answer.")
    error = serializers.CharField(help_text="Why there was no answer; else empty.")
    answer = serializers.CharField(help_text="The first 2 kB of the answer's body.")


@extend_schema_field(AttemptSerializer(many=True))
class LogSchema(serializers.JSONField):
    """The attempts as they are kept."""


class DeliverySerializer(serializers.ModelSerializer[EventDelivery]):
    endpoint = serializers.IntegerField(source="endpoint_id", read_only=True)
    event = serializers.CharField(source="message_id", read_only=True, help_text="What `webhook-id` says.")
    position = serializers.IntegerField(read_only=True, allow_null=True, help_text="Null for a test event.")
    attempts = serializers.IntegerField(read_only=True)
    next_attempt_at = serializers.SerializerMethodField(help_text="Null when there is no further one.")
    log = LogSchema(read_only=True, help_text="The last twenty attempts, oldest first.")

    class Meta:
        model = EventDelivery
        fields = (
            "id", "endpoint", "event", "position", "type", "status", "attempts", "next_attempt_at", "log",
            "created_at", "delivered_at",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_attempt_at(self, delivery: EventDelivery) -> str | None:
        is_open = delivery.status == EventDelivery.Status.PENDING
        return serializers.DateTimeField().to_representation(delivery.next_attempt_at) if is_open else None


@extend_schema_field(EVENT_ID)
class EventIdField(serializers.Field[int, Any, str, int]):
    """The id of an event, read as its position."""

    default_error_messages = {"invalid": _("The id of an event, such as evt_17.")}

    def to_internal_value(self, data: Any) -> int:
        position = position_or_none(data) if isinstance(data, str) else None
        if position is None:
            self.fail("invalid")
        return position


class RedeliverySerializer(RequestSerializer):
    event = EventIdField(required=False, help_text="One event.")
    locals()["from"] = IdField(required=False, help_text="The position of the first event of a range.")
    to = IdField(required=False, help_text="The position of the last one, at most 999 further. `from` if missing.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the range that either form names."""
        refuse_unless_one_of(attrs, "event", "from")
        if "event" in attrs:
            refuse_unless_one_of(attrs, "event", "to")
        first = attrs.get("event", attrs.get("from"))
        return {"first": first, "last": attrs.get("to", first)}


class RedeliveredSerializer(serializers.Serializer[dict[str, int]]):
    count = serializers.IntegerField(read_only=True, help_text="How many events are sent again.")
