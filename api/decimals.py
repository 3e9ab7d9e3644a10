"""Decimal numbers as canonical text. No float, no rounding."""

import re
from decimal import Decimal

# Canonical ASCII decimals: no exponent, no plus sign, no leading zero, no bare point.
_CANONICAL_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
_MAX_LITERAL_LENGTH = 200


def is_decimal(literal: str) -> bool:
    """Tell whether its sender wrote a canonical decimal, of a length that is no attack."""
    return len(literal) <= _MAX_LITERAL_LENGTH and _CANONICAL_DECIMAL.fullmatch(literal) is not None


def parse_decimal(literal: str) -> Decimal | None:
    """Return the exact value of a canonical decimal as written by its sender, or None when it is anything else."""
    return Decimal(literal) if is_decimal(literal) else None


def format_amount(amount: Decimal, decimal_places: int) -> str:
    """Return the amount with at least the currency's decimals, more only where digits stand there: 25 -> 25.00."""
    text = str(amount)
    if "E" in text:
        text = f"{amount:f}"
    whole, _, fraction = text.partition(".")
    if len(fraction) == decimal_places:
        return text
    digits = fraction.rstrip("0").ljust(decimal_places, "0")
    return f"{whole}.{digits}" if digits else whole
