"""Amounts in the bodies of requests and answers."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import get_attribute

from api.decimals import format_amount, parse_decimal


@extend_schema_field({"type": "string", "format": "decimal", "example": "25.00"})
class AmountInputField(serializers.Field[Decimal, Any, str, Decimal]):
    """An amount as canonical text, or as a JSON number, which is read exactly. Its range is for services to judge."""

    default_error_messages = {
        "invalid": _('An amount as text such as "25.00": digits, at most one point, no exponent.')
    }

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


AMOUNT_SCHEMA = {"type": "string", "format": "decimal", "example": "25.00"}


@extend_schema_field(AMOUNT_SCHEMA)
class AmountField(serializers.Field[Decimal, Any, str, Any]):
    """An amount as text. `currency` is the way from the object to its currency."""

    def __init__(self, *, currency: str = "currency", **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)
        self.currency = currency.split(".")

    def get_attribute(self, instance: Any) -> Any:
        amount = super().get_attribute(instance)
        if amount is None:
            return None
        return format_amount(amount, get_attribute(instance, self.currency).decimal_places)

    def to_representation(self, value: Any) -> str:
        return str(value)
