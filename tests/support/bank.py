"""A bank on paper: what Till promises about money, written as plainly as possible, without Till's own arithmetic.

Everything is counted in whole numbers, units of 10^-10 or finer, so nothing here can round by accident.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Context, Decimal

#: Wide enough for every product in these tests; a result that would not fit is an error, not a rounding.
WIDE = Context(prec=200)
UNIT = 10**10
_FINE = 10**12
ZERO = Decimal(0)
#: The largest amount that may enter (TILL_MAX_AMOUNT).
MAX_AMOUNT = Decimal(10) ** 18


def units(amount: Decimal) -> int:
    """Return the amount in units of 10^-10; it must have no finer digits."""
    counted = amount.scaleb(10, context=WIDE)
    assert counted == counted.to_integral_value(context=WIDE), amount
    return int(counted)


def from_units(number: int) -> Decimal:
    return Decimal(number).scaleb(-10, context=WIDE)


@dataclass(frozen=True)
class Terms:
    """A commission rule: percent of the amount and a fixed part, from the minimum up to the maximum."""

    percent: Decimal = ZERO
    fixed: Decimal = ZERO
    minimum: Decimal = ZERO
    maximum: Decimal | None = None

    def fee(self, amount: Decimal, places: int) -> Decimal:
        """Rounded up once, to the currency's decimals; never more than the amount."""
        exact = units(amount) * units(self.percent) + units(self.fixed) * _FINE  # in units of 10^-22
        exact = max(exact, units(self.minimum) * _FINE)
        if self.maximum is not None:
            exact = min(exact, units(self.maximum) * _FINE)
        whole = -(-exact // 10 ** (22 - places))
        return from_units(min(whole * 10 ** (10 - places), units(amount)))


def proceeds(amount: Decimal, rate: Decimal) -> Decimal:
    """What the amount buys, rounded down to ten decimals."""
    return from_units(units(amount) * units(rate) // UNIT)


@dataclass
class ModelWallet:
    """A user's wallet."""

    owner: int
    currency: str
    balance: Decimal = ZERO
    held: Decimal = ZERO
    may_overdraw: bool = False


House = tuple[str, str]  # name and currency
Side = int | House
Leg = tuple[Side, Side, Decimal]


@dataclass
class Booking:
    transaction: int
    kind: str
    legs: list[Leg]
    is_reversed: bool = False


@dataclass
class Order:
    """A deposit or a withdrawal."""

    id: int
    kind: str
    wallet: int
    amount: Decimal
    fee: Decimal
    status: str = "pending"
    transaction: int | None = None


@dataclass
class Promise:
    """A quote."""

    id: int
    owner: int
    source: str
    target: str
    amount: Decimal
    rate: Decimal
    fee: Decimal
    is_expired: bool = False
    is_used: bool = False


@dataclass
class Sale:
    id: int
    wallet: int
    amount: Decimal
    refunded: Decimal = ZERO


@dataclass
class ModelProduct:
    """A product."""

    id: int
    currency: str
    price: Decimal
    stock: int | None


@dataclass
class Bank:
    """Users' wallets by id, the house's by name and currency, and what was promised and booked."""

    places: dict[str, int]
    wallets: dict[int, ModelWallet] = field(default_factory=dict)
    houses: dict[House, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    rules: dict[tuple[str, str], Terms] = field(default_factory=dict)
    rates: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    booked: list[Booking] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)

    # --- moving money -------------------------------------------------------------------------------------------

    def refusal(self, legs: list[Leg], *, overdraws: bool = False) -> str:
        """Return the name of the error with which these legs, one after the other, are refused; "" when they go."""
        moved: dict[Side, Decimal] = defaultdict(Decimal)
        for source, destination, amount in legs:
            if source == destination:
                return "SameWallet"
            if self.currency(source) != self.currency(destination):
                return "CurrencyMismatch"
            if isinstance(source, int):
                short = self.available(source) + moved[source] < amount
                if short and not (overdraws and self.wallets[source].may_overdraw):
                    return "InsufficientFunds"
            moved[source] -= amount
            moved[destination] += amount
        return ""

    def move(self, transaction: int, kind: str, legs: list[Leg]) -> None:
        for source, destination, amount in legs:
            self._put(source, -amount)
            self._put(destination, amount)
        self.booked.append(Booking(transaction, kind, legs))

    def available(self, wallet: int) -> Decimal:
        return self.wallets[wallet].balance - self.wallets[wallet].held

    def currency(self, side: Side) -> str:
        return self.wallets[side].currency if isinstance(side, int) else side[1]

    def _put(self, side: Side, amount: Decimal) -> None:
        if isinstance(side, int):
            self.wallets[side].balance += amount
        else:
            self.houses[side] += amount

    # --- what is charged and refused ------------------------------------------------------------------------------

    def owns(self, owner: int, *wallets: int) -> bool:
        return all(wallet in self.wallets and self.wallets[wallet].owner == owner for wallet in wallets)

    def first(self, owner: int, currency: str) -> int | None:
        """Return the first wallet that a person has in the currency."""
        return min(
            (id_ for id_ in self.wallets if self.owns(owner, id_) and self.currency(id_) == currency), default=None
        )

    def fee(self, operation: str, currency: str, amount: Decimal) -> Decimal:
        return self.rules.get((operation, currency), Terms()).fee(amount, self.places[currency])

    def is_bad(self, amount: Decimal, places: int) -> bool:
        """Tell whether the amount may not enter: its digits count as they are written."""
        exponent = amount.as_tuple().exponent
        assert isinstance(exponent, int)
        return not 0 < amount <= MAX_AMOUNT or -exponent > places

    def refuses_deposit(self, owner: int, wallet: int, amount: Decimal) -> str:
        if not self.owns(owner, wallet):
            return "WalletNotFound"
        return "InvalidAmount" if self.is_bad(amount, self.places[self.currency(wallet)]) else ""

    def refuses_withdrawal(self, owner: int, wallet: int, amount: Decimal, bank: tuple[int, str]) -> str:
        """`bank` is an account elsewhere: its owner and currency."""
        if bank[0] != owner:
            return "ExternalWallet.DoesNotExist"
        if error := self.refuses_deposit(owner, wallet, amount):
            return error
        if bank[1] != self.currency(wallet):
            return "CurrencyMismatch"
        return "InsufficientFunds" if self.available(wallet) < amount else ""

    def settling(self, order: Order) -> list[Leg]:
        currency, parts = self.currency(order.wallet), (order.amount, order.fee)
        clearing, fees = ("clearing", currency), ("commission", currency)
        if order.kind == "deposit":
            legs: list[Leg] = [(clearing, order.wallet, parts[0]), (order.wallet, fees, parts[1])]
        else:
            legs = [(order.wallet, clearing, parts[0] - parts[1]), (order.wallet, fees, parts[1])]
        return [leg for leg in legs if leg[2]]

    def refuses_terms(self, source: str, target: str, amount: Decimal) -> str:
        if source == target:
            return "SameCurrency"
        if self.is_bad(amount, 10):
            return "InvalidAmount"
        if (source, target) not in self.rates:
            return "RateUnavailable"
        return "" if proceeds(amount, self.rates[source, target]) else "InvalidAmount"

    def exchanging(self, source: int, destination: int, amount: Decimal, rate: Decimal, fee: Decimal) -> list[Leg]:
        given, taken = self.currency(source), self.currency(destination)
        legs: list[Leg] = [
            (source, ("exchange", given), amount),
            (("exchange", taken), destination, proceeds(amount, rate)),
            (source, ("commission", given), fee),
        ]
        return [leg for leg in legs if leg[2]]

    def refuses_quoted(self, owner: int, source: int, destination: int, promise: Promise) -> str:
        if promise.owner != owner:
            return "Quote.DoesNotExist"
        if promise.is_used or promise.is_expired:
            return "QuoteUsed" if promise.is_used else "QuoteExpired"
        if not self.owns(owner, source, destination):
            return "WalletNotFound"
        currencies = self.currency(source), self.currency(destination)
        if currencies[0] == currencies[1]:
            return "SameCurrency"
        return "" if currencies == (promise.source, promise.target) else "CurrencyMismatch"

    def transferring(self, source: int, destination: int, amount: Decimal) -> list[Leg]:
        currency = self.currency(source)
        fee = self.fee("transfer", currency, amount)
        legs: list[Leg] = [(source, destination, amount), (source, ("commission", currency), fee)]
        return [leg for leg in legs if leg[2]]

    def refuses_refund(self, sale: Sale, amount: Decimal | None) -> str:
        if amount is not None and self.is_bad(min(amount, MAX_AMOUNT), self.places[self.currency(sale.wallet)]):
            return "InvalidAmount"
        left = sale.amount - sale.refunded
        return "RefundExceedsPurchase" if not left or (amount or ZERO) > left else ""

    def refuses_reversal(self, booking: Booking) -> str:
        if booking.kind in ("purchase", "refund", "reversal"):
            return "NotReversible"
        return "AlreadyReversed" if booking.is_reversed else self.refusal(opposite(booking), overdraws=True)


def opposite(booking: Booking) -> list[Leg]:
    return [(destination, source, amount) for source, destination, amount in reversed(booking.legs)]
