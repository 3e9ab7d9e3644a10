"""The shapes of accounts elsewhere."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import PlainTextField
from api.serializers import RequestSerializer
from payments.orders.external_details import MAX_VALUE_LENGTH
from payments.orders.models import ExternalWallet

MAX_MEMBERS = 10

_MEMBERS = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "example": {"iban": "DE89370400440532013000"},
}


@extend_schema_field(_MEMBERS)
class DetailsSchema(serializers.JSONField):
    """The details as they are kept."""


@extend_schema_field({"oneOf": [_MEMBERS, {"type": "string"}]})
class DetailsField(serializers.Field[Any, Any, Any, Any]):
    """An object of texts, or one text for the main member."""

    default_error_messages = {"invalid": _("An object of texts, or one text.")}

    def to_internal_value(self, data: Any) -> dict[str, str] | str:
        text = PlainTextField(max_length=MAX_VALUE_LENGTH, allow_blank=True)
        if isinstance(data, str):
            return str(text.run_validation(data))
        if not isinstance(data, dict) or len(data) > MAX_MEMBERS:
            self.fail("invalid")
        members: dict[str, str] = serializers.DictField(child=text).run_validation(data)
        return members


class ExternalWalletSerializer(serializers.ModelSerializer[ExternalWallet]):
    owner = serializers.IntegerField(source="owner_id", read_only=True)
    currency = serializers.CharField(source="currency_id", read_only=True)
    details = DetailsSchema(read_only=True, help_text="As they are kept: of a card the last four digits.")

    class Meta:
        model = ExternalWallet
        fields = ("id", "owner", "label", "currency", "kind", "details", "created_at")
        read_only_fields = fields


class ExternalWalletWriteSerializer(RequestSerializer):
    label = PlainTextField(max_length=100, help_text="Your own name for it.")  # type: ignore[assignment]  # Field.label
    currency = PlainTextField(max_length=10)
    kind = serializers.ChoiceField(choices=ExternalWallet.Kind.choices)
    details = DetailsField(
        help_text=(
            "By kind. `bank`: iban, bic?, holder?. `card`: last4, holder?, expiry?; never the number."
            " `crypto`: address, network?. `other`: description. A text stands for the first of them."
        )
    )
