"""What callers hand to the ledger, and what it answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from payments.ledger.booking.errors import InsufficientFunds, InvalidTransaction, LedgerError
from payments.ledger.models import Transaction
from payments.money import DECIMAL_PLACES, EXACT, is_storable

MAX_REFERENCE_LENGTH = 255
#: PostgreSQL refuses an adjustment too: nothing would show who asked for it.
_KINDS = frozenset(Transaction.Kind.values) - {Transaction.Kind.ADJUSTMENT}


class NewPosting(NamedTuple):
    """An amount to move from a source to a destination. Positive, at most ten decimals, never rounded here."""

    source: int
    destination: int
    amount: Decimal


class NewTransaction(NamedTuple):
    """A transaction to book: all its postings, in their order, or none."""

    kind: str
    postings: tuple[NewPosting, ...]
    reference: str = ""
    #: Wallets with `may_overdraw` may go below zero: for reversals, and for deposits that pay a commission.
    overdraws: bool = False

    def check(self) -> None:
        """Raise InvalidTransaction for what the database would refuse, or could not keep as it is."""
        if self.kind not in _KINDS:
            raise InvalidTransaction(f"nothing books a transaction of the kind {self.kind!r}")
        if not self.postings:
            raise InvalidTransaction("a transaction needs a posting")
        if len(self.reference) > MAX_REFERENCE_LENGTH:
            raise InvalidTransaction(f"a reference has at most {MAX_REFERENCE_LENGTH} characters")
        for posting in self.postings:
            if not is_storable(posting.amount) or posting.amount <= 0:
                raise InvalidTransaction(
                    f"a posting needs a positive amount of at most {DECIMAL_PLACES} decimals: {posting.amount}"
                )

    def needed(self, wallet_id: int) -> Decimal:
        """Return what a wallet must have before, so that it covers each of the postings in turn."""
        moved = needed = Decimal(0)
        for posting in self.postings:
            if posting.destination == wallet_id:
                moved = EXACT.add(moved, posting.amount)
            if posting.source == wallet_id:
                moved = EXACT.subtract(moved, posting.amount)
                needed = max(needed, EXACT.minus(moved))
        return needed


def wallet_ids(transactions: Iterable[NewTransaction]) -> set[int]:
    """Return the ids of the wallets that the transactions touch."""
    return {id_ for new in transactions for posting in new.postings for id_ in (posting.source, posting.destination)}


class Booked(NamedTuple):
    """`balances` are those of the users' wallets that the transaction touched, right after it."""

    transaction_id: int
    balances: Mapping[int, Decimal]


@dataclass(frozen=True, slots=True)
class Refused:
    error: LedgerError


BookingResult = Booked | Refused


@dataclass(frozen=True, slots=True)
class NewWallet:
    """A wallet to open under an id that a provider chose."""

    id: int
    owner_id: int
    currency: str


@dataclass(slots=True)
class LockedWallet:
    """A user's wallet whose row this atomic block holds. Changed only by LockedWallets."""

    id: int
    owner_id: int
    currency: str
    balance: Decimal = Decimal(0)
    held: Decimal = Decimal(0)
    sequence: int = 0
    may_overdraw: bool = False
    #: When it last moved, in microseconds since 1970.
    moved_at: int = 0

    @property
    def available(self) -> Decimal:
        return EXACT.subtract(self.balance, self.held)

    def measured(self, error: InsufficientFunds, *, needed: Decimal) -> InsufficientFunds:
        """Return the error with what the wallet has and lacks."""
        error.available, error.currency = self.available, self.currency
        error.missing = EXACT.subtract(needed, error.available)
        return error

    def number(self, balance: Decimal) -> tuple[int, Decimal]:
        """Number a posting that leaves this balance; return both."""
        self.balance = balance
        self.sequence += 1
        return self.sequence, balance

    @property
    def state(self) -> "WalletState":
        return self.balance, self.sequence, self.held, self.moved_at

    @state.setter
    def state(self, state: "WalletState") -> None:
        self.balance, self.sequence, self.held, self.moved_at = state


#: Balance, sequence, what is held, and when it last moved.
WalletState = tuple[Decimal, int, Decimal, int]
