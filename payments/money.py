"""Amounts as text and as Decimal. No Django, no float, no rounding."""

from decimal import Context, Decimal

from api.marked import marked

#: numeric(38,10) in PostgreSQL: 28 digits before the point, 10 after.
MAX_DIGITS = 38
DECIMAL_PLACES = 10
QUANTUM = Decimal(1).scaleb(-DECIMAL_PLACES)
#: The largest whole number that fits.
MAX_AMOUNT = Decimal(10) ** (MAX_DIGITS - DECIMAL_PLACES) - 1
#: Python's own context keeps 28 digits and rounds the rest in silence: sums of balances are computed in this one.
EXACT = Context(prec=2 * MAX_DIGITS)

#: The last place of an amount with so many decimals.
_LAST_PLACES = tuple(Decimal(1).scaleb(-places) for places in range(DECIMAL_PLACES + 1))


def is_storable(amount: Decimal) -> bool:
    """Tell whether the ledger's columns keep the number as it is: finite, not too large, at most ten decimals."""
    if not amount.is_finite() or amount.copy_abs() > MAX_AMOUNT:
        return False
    return EXACT.remainder(amount, QUANTUM) == 0


class InvalidAmount(Exception):
    """The amount breaks a rule of money: `code` says which, `field` names the input."""

    def __init__(self, code: str, detail: str, *, field: str = "amount") -> None:
        super().__init__(detail)
        self.code = code
        self.field = field


def check_amount(amount: Decimal, *, decimal_places: int, maximum: Decimal) -> None:
    """Refuse what may not cross the edge of the system: not positive, too many decimals, too large.

    Digits count as written: `1.000` has three decimals. Raises InvalidAmount; never rounds.
    """
    if not amount.is_finite() or amount <= 0:
        raise InvalidAmount("amount_not_positive", marked("The amount must be greater than zero."))
    if not amount.same_quantum(_LAST_PLACES[decimal_places]) and _decimals(amount) > decimal_places:
        raise InvalidAmount(
            "too_many_decimals", marked("The currency has %(count)s decimal places.", count=decimal_places)
        )
    if amount > maximum:
        raise InvalidAmount(
            "amount_too_large", marked("The amount must not be greater than %(maximum)s.", maximum=f"{maximum:f}")
        )


def _decimals(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
