"""JSON that never goes through a float: numbers with a point are Decimal, in both directions."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def encode(value: object) -> str:
    """Return the value as JSON. A Decimal becomes a number with all of its digits. Raises TypeError for a float."""
    match value:
        case None | bool() | int() | str():
            return json.dumps(value)
        case Decimal() if value.is_finite():
            return format(value, "f")
        case Mapping():
            return "{" + ", ".join(f"{_name(name)}: {encode(member)}" for name, member in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(encode(member) for member in value) + "]"
    raise TypeError(f"{type(value).__name__} is nothing that is sent as JSON: amounts are Decimal, never float")


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError("the names of JSON's members are text")
    return json.dumps(name)


def decode(text: bytes | str) -> Any:
    """Read JSON. Raises ValueError."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
