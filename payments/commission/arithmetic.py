"""The house's fee on one movement of money: a rule applied to an amount, rounded once."""

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

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
        """Return the commission on a positive amount: from zero up to the amount, never below min(minimum, amount).

        Computed exactly and rounded up once, to the currency's decimals. Only where the whole amount is charged does
        the commission have the amount's own decimals: an exchange may leave more than its currency has.
        """
        commission = EXACT.add(EXACT.divide(EXACT.multiply(amount, self.percent), Decimal(100)), self.fixed)
        commission = max(commission, self.minimum)
        commission = commission.quantize(Decimal(1).scaleb(-decimal_places), rounding=ROUND_UP, context=EXACT)
        if self.maximum is not None:
            commission = min(commission, self.maximum)
        return min(commission, amount)


FREE = Rule()
