"""What requests hold: exact types, so that nothing is guessed, rounded or cut."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from payments.money import parse_decimal

GREATEST_ID = 2**63 - 1


@extend_schema_field({"type": "string", "format": "decimal", "example": "25.00"})
class AmountInputField(serializers.Field[Decimal, Any, str, Decimal]):
    """An amount as canonical text, or as a JSON number, which is read exactly. Its range is for services to judge."""

    default_error_messages = {"invalid": 'An amount as text such as "25.00": digits, at most one point, no exponent.'}

    def to_internal_value(self, data: Any) -> Decimal:
        text = f"{data:f}" if isinstance(data, Decimal) else str(data)
        amount = parse_decimal(text) if self._is_amount(data) else None
        if amount is None:
            self.fail("invalid")
        return amount

    def to_representation(self, value: Decimal) -> str:
        return f"{value:f}"

    def _is_amount(self, data: Any) -> bool:
        return isinstance(data, (str, int, Decimal)) and not isinstance(data, bool)


class WholeNumberField(serializers.IntegerField):
    """A JSON integer: no text, no boolean, no 1.0."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class FlagField(serializers.BooleanField):
    """true or false, and nothing that merely looks like it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class IdField(WholeNumberField):
    """The id of something."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=GREATEST_ID, **kwargs)
