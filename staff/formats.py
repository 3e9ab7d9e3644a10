"""How the admin writes numbers."""

from decimal import Decimal


def plain_decimal(rate: Decimal) -> str:
    return f"{rate.normalize():f}"
