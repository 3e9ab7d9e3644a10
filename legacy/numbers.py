"""Amounts as JSON numbers, written exactly: the digits of the books, and no float on the way."""

import json
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from api.decimals import format_amount


def number(amount: Decimal, decimal_places: int) -> Decimal:
    """Return the amount with the digits that the answer shows: at least the currency's decimals."""
    return Decimal(format_amount(amount, decimal_places))


def json_text(value: Any) -> str:
    """Write an answer as JSON. Decimals become numbers with exactly their digits."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{json_text(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


class ExactJSONRenderer(JSONRenderer):
    """JSON whose amounts are numbers; Django's own writes decimals as text."""

    def render(self, data: Any, *_args: Any, **_kwargs: Any) -> bytes:
        return b"" if data is None else json_text(data).encode()


@extend_schema_field({"type": "number", "example": 25.5})
class NumberField(serializers.Field[Decimal, Any, Decimal, Any]):
    """An amount of an answer, for the document: a number with the digits of the books."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)
