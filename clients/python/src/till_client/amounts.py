"""Amounts as Till takes them: text of plain digits, never a float."""

import re
from decimal import Decimal

Amount = Decimal | int | str

_PLAIN = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?", re.ASCII)


def amount_text(amount: Amount) -> str:
    """Return the amount as Till reads it, never rounded. Raises TypeError for a float, ValueError for no number."""
    if isinstance(amount, bool | float) or not isinstance(amount, Decimal | int | str):
        raise TypeError(f"an amount is a Decimal, an int or text of digits, not {type(amount).__name__}")
    text = format(amount, "f") if isinstance(amount, Decimal) else str(amount)
    if not is_amount(text):
        raise ValueError("an amount is written in plain digits, such as 25.00")
    return text


def is_amount(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None


def optional_amount(amount: Amount | None) -> str | None:
    return None if amount is None else amount_text(amount)
