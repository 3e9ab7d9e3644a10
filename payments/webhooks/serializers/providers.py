"""The shapes of providers. A secret goes in and never comes out again."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from api.amount_fields import AmountField, AmountInputField
from api.fields import FlagField, PlainTextField
from api.serializers import RequestSerializer
from payments.webhooks import json_pointers, provider_secrets
from payments.webhooks.field_maps import MAX_TYPE_LENGTH
from payments.webhooks.models import Provider
from payments.webhooks.presets import PRESETS

#: Separated by spaces they must fit their column.
MAX_TYPES = 20
_CHOICES = ("signature_algorithm", "signature_encoding", "amount_unit")
_NEEDED = "null where the scheme does not need it."


class ChoiceOrNone(serializers.ChoiceField):
    """A choice, or null where the scheme does not need it. The column is empty then."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(value) or None


class ProviderSerializer(serializers.ModelSerializer[Provider]):
    """A provider as everybody may see it who sees providers."""

    currency = serializers.CharField(source="currency_id", read_only=True)
    max_amount = AmountField(
        allow_null=True, help_text="A single notice above it is refused. null: only the limit of the service holds."
    )
    signature_algorithm = ChoiceOrNone(choices=Provider.Algorithm.choices, read_only=True, help_text=_NEEDED)
    signature_encoding = ChoiceOrNone(choices=Provider.Encoding.choices, read_only=True, help_text=_NEEDED)
    amount_unit = ChoiceOrNone(choices=Provider.AmountUnit.choices, read_only=True, help_text=_NEEDED)
    credited_types = serializers.SerializerMethodField(help_text="Types of events that credit; others are ignored.")
    is_rotating = serializers.SerializerMethodField(help_text="The secret before the active one is accepted as well.")

    class Meta:
        model = Provider
        fields = (
            "id", "slug", "scheme", "currency", "is_active", "requires_uuid", "max_amount", "signature_header",
            "signature_algorithm", "signature_encoding", "signature_prefix", "transaction_id_pointer",
            "amount_pointer", "amount_unit", "user_pointer", "wallet_pointer", "currency_pointer",
            "event_type_pointer", "credited_types", "is_rotating", "updated_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_credited_types(self, provider: Provider) -> list[str]:
        return provider.credited_types.split()

    def get_is_rotating(self, provider: Provider) -> bool:
        return bool(provider.previous_secret)


def _pointer(help_text: str) -> PlainTextField:
    return PlainTextField(max_length=json_pointers.MAX_LENGTH, required=False, allow_blank=True, help_text=help_text)


def _secret(**kwargs: Any) -> PlainTextField:
    return PlainTextField(write_only=True, trim_whitespace=False, max_length=255, **kwargs)


class _ProviderMembers(RequestSerializer):
    """What the two requests share. Which members a scheme needs, and which it does not know, the model says."""

    slug = PlainTextField(max_length=50, required=False, help_text="Stands in the address: /api/v1/webhooks/{slug}.")
    scheme = serializers.ChoiceField(choices=Provider.Scheme.choices, required=False)
    currency = PlainTextField(source="currency_id", max_length=10, required=False, help_text="A currency's code.")
    is_active = FlagField(required=False)
    requires_uuid = FlagField(required=False, help_text="Refuse transaction ids that are no UUID.")
    max_amount = AmountInputField(
        required=False, allow_null=True, help_text="Of the provider's currency: with a limit, no other is taken."
    )
    signature_header = PlainTextField(
        max_length=50, required=False, allow_blank=True, help_text="The header that has it, such as x-signature."
    )
    signature_algorithm = ChoiceOrNone(choices=Provider.Algorithm.choices, required=False)
    signature_encoding = ChoiceOrNone(choices=Provider.Encoding.choices, required=False)
    signature_prefix = PlainTextField(
        max_length=20, required=False, allow_blank=True, help_text="What stands before it in its header: sha256=."
    )
    transaction_id_pointer = _pointer("Where the payment's own id stands: /data/object/id.")
    amount_pointer = _pointer("Where the amount stands.")
    amount_unit = ChoiceOrNone(choices=Provider.AmountUnit.choices, required=False)
    user_pointer = _pointer("Where our user's id stands, as a number or text.")
    wallet_pointer = _pointer("Where our wallet's id stands. Empty: the user's first wallet in the currency.")
    currency_pointer = _pointer("Where the currency's code stands. Empty: always the provider's currency.")
    event_type_pointer = _pointer("Where the type of the event stands. Empty: every event is a payment.")
    credited_types = serializers.ListField(
        child=PlainTextField(max_length=MAX_TYPE_LENGTH),
        required=False,
        max_length=MAX_TYPES,
        help_text="The types that credit. All others are answered, and ignored.",
    )

    def validate_credited_types(self, types: list[str]) -> str:
        if any(len(type_.split()) != 1 for type_ in types):
            raise ValidationError(ErrorDetail("A type has no spaces.", code="invalid"))
        return " ".join(types)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return attrs | {name: "" for name in _CHOICES if attrs.get(name, "") is None}


class NewProviderSerializer(_ProviderMembers):
    preset = serializers.ChoiceField(
        choices=[(key, preset.label) for key, preset in PRESETS.items()],
        required=False,
        help_text="Begin with the values of a known provider. What else is sent replaces them.",
    )
    currency = PlainTextField(source="currency_id", max_length=10, help_text="A currency's code.")
    secret = _secret(help_text=f"Random, of at least {provider_secrets.MIN_BYTES} bytes. No answer shows it.")


class ProviderChangeSerializer(_ProviderMembers):
    secret = _secret(required=False, help_text="A new one, active at once. No answer shows it.")
    keep_old = FlagField(
        required=False, help_text="With a new secret: accept the one before, too, until the rotation is ended (true)."
    )
