"""The house's fee on one movement of money: a rule applied to an amount, rounded once."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

from payments.money import EXACT


@dataclass(frozen=True, slots=True)
class Rule:
    """`percent` of the amount plus `fixed`, at least `minimum`, at most `maximum` (None: no limit).

    All but `percent` are amounts of the currency that is charged; 1.5 percent is Decimal("1.5").
    """

    percent: Decimal = Decimal(0)
    fixed: Decimal = Decimal(0)
    minimum: Decimal = Decimal(0)
    maximum: Decimal | None = None

    def of(self, amount: Decimal, *, decimal_places: int) -> Decimal:
        """Return the commission on a positive amount, exact to the currency's decimals, from zero up to the amount.

        Computed exactly and rounded once, half to even. An amount that holds more digits than its currency, as an
        exchange may leave, is charged no more than what of it fits.
        """
        commission = EXACT.add(EXACT.divide(EXACT.multiply(amount, self.percent), Decimal(100)), self.fixed)
        commission = max(commission, self.minimum)
        if self.maximum is not None:
            commission = min(commission, self.maximum)
        unit = Decimal(1).scaleb(-decimal_places)
        commission = commission.quantize(unit, rounding=ROUND_HALF_EVEN, context=EXACT)
        return min(commission, amount.quantize(unit, rounding=ROUND_DOWN, context=EXACT))


FREE = Rule()
