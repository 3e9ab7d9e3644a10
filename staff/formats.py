"""How the staff site writes numbers, and nothing at all."""

from decimal import Decimal

from api.decimals import format_amount

#: What stands where there is no value, everywhere on the staff site.
NOTHING = "—"
#: Between groups of three digits: a narrow space that no line breaks at. No language reads it as a decimal mark.
GROUP = "\u202f"


def grouped(number: str) -> str:
    """Return a decimal with its whole digits in groups of three: -1234567.00 -> -1 234 567.00."""
    whole, point, fraction = number.partition(".")
    sign = "-" if whole.startswith("-") else ""
    digits = whole.removeprefix("-")
    first = len(digits) % 3 or 3
    groups = [digits[:first], *(digits[start : start + 3] for start in range(first, len(digits), 3))]
    return f"{sign}{GROUP.join(groups)}{point}{fraction}"


def ungrouped(typed: str) -> str:
    """Return a number as it was before `grouped`: what the site shows can be typed into its fields."""
    return typed.replace(GROUP, "").strip()


def amount_text(amount: Decimal, places: int) -> str:
    """Return an amount exactly, with at least `places` decimals, its digits grouped."""
    return grouped(format_amount(amount, places))


def plain_decimal(rate: Decimal) -> str:
    return grouped(f"{rate.normalize():f}")
