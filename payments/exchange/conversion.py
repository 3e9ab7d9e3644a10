"""Exchange rates applied to amounts: rounded once, in favour of the house, with what was rounded off."""

from decimal import ROUND_DOWN, Context, Decimal

from payments.money import QUANTUM

#: An amount of 38 digits times a rate of 28: nothing is lost before the one rounding.
_EXACT = Context(prec=80)
RATE_DECIMAL_PLACES = 10
#: A rate that moves by a larger part of the last one is set only when whoever sets it confirms it.
MAX_UNCONFIRMED_MOVE = Decimal("0.1")
MAX_RATE = Decimal(10) ** 18 - 1
#: Ten decimals may cut off one part in ten thousand of a rate: more would be a hidden price of the exchange.
MAX_RATE_LOSS = Decimal("0.0001")


def convert(amount: Decimal, rate: Decimal) -> tuple[Decimal, Decimal]:
    """Return (proceeds, remainder) of amount x rate: proceeds keep ten decimals, rounded down.

    The remainder, below 10^-10, has up to twenty decimals and stays with the house. proceeds + remainder is exact.
    """
    exact = _EXACT.multiply(amount, rate)
    proceeds = exact.quantize(QUANTUM, rounding=ROUND_DOWN, context=_EXACT)
    return proceeds, _EXACT.subtract(exact, proceeds)


def cross_rate(source: Decimal, target: Decimal) -> Decimal:
    """Return target / source with ten decimals, rounded down: what one unit of the source buys of the target.

    Both are prices of the same base currency, such as units for one euro. Because each direction is rounded down, no
    chain of such rates gains.
    """
    return to_ten_decimals(_EXACT.divide(target, source))


def cross_rate_loss(source: Decimal, target: Decimal) -> Decimal:
    """Return which share of target / source `cross_rate` cuts off: from 0 to 1, where nothing is left."""
    return rate_loss(_EXACT.divide(target, source))


def rate_loss(exact: Decimal) -> Decimal:
    """Return which share of a positive rate ten decimals cut off, from 0 to 1."""
    return _EXACT.divide(_EXACT.subtract(exact, to_ten_decimals(exact)), exact)


def to_ten_decimals(exact: Decimal) -> Decimal:
    return exact.quantize(Decimal(1).scaleb(-RATE_DECIMAL_PLACES), rounding=ROUND_DOWN, context=_EXACT)


def moves_far(old: Decimal, new: Decimal) -> bool:
    """Tell whether a rate that was `old` moves by more than a tenth of it: a slip of the pen, or somebody's trick."""
    return abs(_EXACT.subtract(new, old)) > _EXACT.multiply(old, MAX_UNCONFIRMED_MOVE)


def inverse(rate: Decimal) -> Decimal:
    """Return what the rate of the way back would be if nothing were lost, to 80 digits."""
    return _EXACT.divide(Decimal(1), rate)


def gains(there: Decimal, back: Decimal) -> bool:
    """Tell whether going there and back would leave more than was given."""
    return _EXACT.multiply(there, back) > 1
