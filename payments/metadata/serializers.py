"""The two members, as requests and answers declare them."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from api.fields import PlainTextField
from api.serializers import RequestSerializer
from payments.metadata.members import (
    KEY,
    KEY_PATTERN,
    MAX_KEYS,
    REFERENCE_MAX_LENGTH,
    VALUE_MAX_LENGTH,
    Attached,
    Metadata,
    in_order,
)

METADATA_SCHEMA = {
    "type": "object",
    "propertyNames": {"pattern": f"^{KEY_PATTERN}$"},
    "additionalProperties": {"type": "string", "maxLength": VALUE_MAX_LENGTH},
    "maxProperties": MAX_KEYS,
    "example": {"order": "2026-0117", "shop": "berlin"},
}

_VALUE = PlainTextField(max_length=VALUE_MAX_LENGTH, allow_blank=True, trim_whitespace=False)


@extend_schema_field(METADATA_SCHEMA)
class MetadataAnswerField(serializers.Field[Any, Any, Any, Any]):
    """An object, an empty one if nothing is stored."""

    def get_attribute(self, instance: Any) -> Metadata:
        return in_order(super().get_attribute(instance))

    def to_representation(self, value: Metadata) -> Metadata:
        return value


@extend_schema_field(METADATA_SCHEMA)
class MetadataField(serializers.Field[Metadata, Any, Any, Any]):
    """Texts by key, each kept exactly as it was sent."""

    default_error_messages = {
        "invalid": _("An object of texts."),
        "too_many_keys": _("There are at most 20 keys."),
        "invalid_key": _("A key has 1 to 40 letters (A-Z, a-z), digits, `_`, `-` or `.`."),
    }

    def to_internal_value(self, data: Any) -> Metadata:
        if not isinstance(data, dict):
            self.fail("invalid")
        if len(data) > MAX_KEYS:
            self.fail("too_many_keys")
        errors = {}
        for key, value in data.items():
            try:
                self._check(key, value)
            except ValidationError as error:
                errors[key] = error.detail
        if errors:
            raise ValidationError(errors)
        return in_order(data)

    def _check(self, key: str, value: Any) -> None:
        if not KEY.fullmatch(key):
            self.fail("invalid_key")
        _VALUE.run_validation(value)


class AttachingSerializer(RequestSerializer):
    """A request to create something. Of its reference and its metadata it makes one value, `attached`."""

    reference = PlainTextField(
        max_length=REFERENCE_MAX_LENGTH,
        allow_blank=True,
        trim_whitespace=False,
        default="",
        help_text="Your own name for it, such as an order's number. Kept as it is, never interpreted, never deleted.",
    )
    metadata = MetadataField(
        required=False,
        help_text=(
            f"Up to {MAX_KEYS} texts of your own. Keys have up to 40 letters, digits, `_`, `-` or `.`. Kept as they"
            " are, never interpreted, never deleted: nothing secret or personal belongs here."
        ),
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        members = super().to_internal_value(data)
        attached = Attached(members.pop("reference"), members.pop("metadata", None) or None)
        return {**members, "attached": attached}
