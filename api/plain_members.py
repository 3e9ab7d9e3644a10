"""Members of a body that are plainly right. What these functions do not take is for a serializer to judge."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from api.decimals import parse_decimal
from api.fields import MAX_ID


def are_known(data: Mapping[str, Any], *names: str) -> bool:
    """Tell whether the body has no other members than these."""
    return data.keys() <= set(names)


def plain_id(value: Any) -> int | None:
    """Return an id that was sent as a JSON integer in range."""
    return value if type(value) is int and 0 < value <= MAX_ID else None


def plain_amount(value: Any) -> Decimal | None:
    """Return an amount that was sent as canonical text or as a JSON number."""
    if type(value) is str:
        return parse_decimal(value)
    if type(value) is Decimal:
        return parse_decimal(f"{value:f}")
    return parse_decimal(str(value)) if type(value) is int else None


def plain_text(value: Any, max_length: int) -> str | None:
    """Return a text of printable characters that needs no trimming. It may be empty."""
    return value if is_printable(value, max_length) and value.strip() == value else None


def is_printable(value: Any, max_length: int) -> bool:
    """Tell whether the value is a text of printable characters, or empty."""
    return type(value) is str and len(value) <= max_length and (not value or value.isprintable())
