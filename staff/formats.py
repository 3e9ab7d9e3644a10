"""How the admin writes numbers."""

from decimal import Decimal


def plain(rate: Decimal) -> str:
    return f"{rate.normalize():f}"
