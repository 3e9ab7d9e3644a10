"""Locking wallets, deciding under the locks, and booking a list of movements with a verdict for each."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any, NamedTuple

from django.db import connection, transaction

from payments.ledger.booking import write_batch
from payments.ledger.booking.house import house_currencies
from payments.ledger.models import Transaction
from payments.money import DECIMAL_PLACES, EXACT, MAX_AMOUNT, is_storable
from postgres.parameters import integers
from postgres.pipeline import Pipeline

MAX_WALLET_ID = 2**63 - 1
MAX_REFERENCE_LENGTH = 255
#: PostgreSQL refuses an adjustment too: nothing would show who asked for it.
_KINDS = frozenset(Transaction.Kind.values) - {Transaction.Kind.ADJUSTMENT}


class LedgerError(Exception):
    """A movement that the ledger refuses. Nothing of it was booked. `field` names the input, if a caller knows it."""

    def __init__(self, detail: str = "", *, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "")


class InsufficientFunds(LedgerError):
    """The wallet's available balance does not cover the amount."""


class CurrencyMismatch(LedgerError):
    """Both wallets must have the same currency."""


class SameWallet(LedgerError):
    """Money moves between two different wallets."""


class WalletNotFound(LedgerError):
    """There is no such wallet."""


class BalanceTooLarge(LedgerError):
    """The wallet's balance would have more digits than the ledger keeps."""


class SerializationConflict(Exception):
    """Another atomic block opened the same wallet at the same moment: roll back and run again."""


class InvalidTransaction(ValueError):
    """A movement that no caller may ask for: a mistake in our own code, unlike a LedgerError."""


class StaleWallets(RuntimeError):
    """The wallets are no longer as they were when they were locked, as after a savepoint that was rolled back."""


class NewPosting(NamedTuple):
    """An amount to move between two wallets (a posting to be). Positive, at most ten decimals, never rounded here."""

    source: int
    destination: int
    amount: Decimal


class NewTransaction(NamedTuple):
    """One transaction to be: all its lines are booked, in their order, or none."""

    kind: str
    lines: tuple[NewPosting, ...]
    reference: str = ""
    #: May leave less than nothing in wallets that allow it: for reversals, and for what takes from what it brings.
    overdraws: bool = False

    def check(self) -> None:
        """Raise InvalidMovement for what the database would refuse, or could not keep as it is."""
        if self.kind not in _KINDS:
            raise InvalidTransaction(f"nothing books a transaction of the kind {self.kind!r}")
        if not self.lines:
            raise InvalidTransaction("a movement needs a line")
        if len(self.reference) > MAX_REFERENCE_LENGTH:
            raise InvalidTransaction(f"a reference has at most {MAX_REFERENCE_LENGTH} characters")
        for line in self.lines:
            if not is_storable(line.amount) or line.amount <= 0:
                raise InvalidTransaction(
                    f"a line needs a positive amount of at most {DECIMAL_PLACES} decimals: {line.amount}"
                )


class Booked(NamedTuple):
    """`balances` are those of the user's wallets that the movement touched, right after it."""

    transaction_id: int
    balances: Mapping[int, Decimal]


@dataclass(frozen=True, slots=True)
class Refused:
    error: LedgerError


BookingResult = Booked | Refused


@dataclass(slots=True)
class LockedWallet:
    """A user's wallet whose row this atomic block holds. Changed only by Books."""

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

    def number(self, balance: Decimal) -> tuple[int, Decimal]:
        """Number a line that leaves this balance; return both."""
        self.balance = balance
        self.sequence += 1
        return self.sequence, balance


@dataclass(frozen=True, slots=True)
class NewWallet:
    """A wallet to open under an id that a provider chose."""

    id: int
    owner_id: int
    currency: str


#: Balance and sequence of wallets, to return to.
_Standing = dict[int, tuple[Decimal, int]]


@dataclass(slots=True)
class LockedWallets:
    """The wallets that this atomic block has locked, and the way to book on them."""

    wallets: dict[int, LockedWallet] = field(default_factory=dict)
    #: Of transactions to be, drawn beforehand, ascending.
    _ids: deque[int] = field(default_factory=deque)
    #: The clock when they were drawn, under the locks, in microseconds since 1970.
    _clock: int = 0
    _houses: Mapping[int, str] = field(default_factory=dict)
    _opened: set[int] = field(default_factory=set)

    def opening(self, wallets: Iterable[NewWallet], pipeline: Pipeline) -> Callable[[], None]:
        """Ask for wallets to be created in ascending id; what is returned, after the pipeline, counts them as locked.

        It raises Contended when one exists by now. Waits for another atomic block that is creating one of them.
        """
        wanted = sorted(wallets, key=lambda wallet: wallet.id)
        created = write_batch.queue_open(wanted, pipeline)

        def opened() -> None:
            if len(created()) < len(wanted):
                raise SerializationConflict
            self.wallets.update({new.id: LockedWallet(new.id, new.owner_id, new.currency) for new in wanted})
            self._opened.update(new.id for new in wanted)

        return opened

    def book(self, movements: Sequence[NewTransaction]) -> list[BookingResult]:
        """Decide and write as `booking` says, in a pipeline of its own; another draws what ids `lock` has not drawn."""
        if not connection.in_atomic_block:
            raise transaction.TransactionManagementError("books are closed when their atomic block ends")
        if (missing := len(movements) - len(self._ids)) > 0:
            self._take(_drawn(missing))
        before = self._standing()
        pipeline = Pipeline()
        try:
            verdicts = self.booking(movements, pipeline)
            if pipeline.statements:
                pipeline.run()
        except BaseException as error:
            self._restore(before)
            if getattr(error.__cause__, "sqlstate", None) == write_batch.STALE_WALLETS:
                transaction.set_rollback(True)
                raise StaleWallets(str(StaleWallets.__doc__)) from error
            raise
        return verdicts

    def booking(self, movements: Sequence[NewTransaction], pipeline: Pipeline) -> list[BookingResult]:
        """Decide each movement in turn, and ask the pipeline to write all that are booked. Nothing is booked before it.

        A refused movement leaves no trace and does not disturb its neighbours. Not idempotent: a caller that may
        repeat itself claims its own unique key in the same atomic block. A line whose wallet is neither locked nor a
        house wallet is refused as WalletNotFound. Raises InvalidMovement. The run fails, as a DatabaseError, when the
        wallets are no longer as they were locked; whatever it raises, these books are closed.
        """
        for movement in movements:
            movement.check()
        self._houses = house_currencies(wallet_ids(movements) - self.wallets.keys())
        before = self._standing()
        page = write_batch.WriteBatch()
        with localcontext(EXACT):
            verdicts = [self._decide(movement, page) for movement in movements]
        if page.transactions:
            for wallet in self.wallets.values():
                sequence = before[wallet.id][1]
                if wallet.sequence != sequence:
                    page.wallets.append((wallet.id, wallet.balance, wallet.sequence, sequence, wallet.moved_at))
                    page.has_new_wallets |= wallet.id in self._opened
            page.write(pipeline)
        return verdicts

    def hold(self, wallet_id: int, amount: Decimal) -> None:
        """Reserve money of a locked wallet: it cannot move until it is released. Not idempotent.

        PostgreSQL checks at commit that what is held is the sum of the wallet's pending withdrawals. Raises
        WalletNotFound (not locked here), InsufficientFunds, or InvalidMovement.
        """
        wallet = self._holder(wallet_id, amount)
        if wallet.available < amount:
            raise InsufficientFunds
        self._set_held(wallet, EXACT.add(wallet.held, amount))

    def release(self, wallet_id: int, amount: Decimal) -> None:
        """Give back what `hold` reserved. Raises WalletNotFound, or InvalidMovement when less is held."""
        wallet = self._holder(wallet_id, amount)
        if wallet.held < amount:
            raise InvalidTransaction(f"wallet {wallet_id} holds {wallet.held}, which is less than {amount}")
        self._set_held(wallet, EXACT.subtract(wallet.held, amount))

    def _holder(self, wallet_id: int, amount: Decimal) -> LockedWallet:
        if not is_storable(amount) or amount <= 0:
            raise InvalidTransaction(
                f"only a positive amount of at most {DECIMAL_PLACES} decimals can be held: {amount}"
            )
        wallet = self.wallets.get(wallet_id)
        if wallet is None:
            raise WalletNotFound
        return wallet

    def _set_held(self, wallet: LockedWallet, held: Decimal) -> None:
        if not write_batch.set_held(wallet.id, held, before=wallet.held):
            transaction.set_rollback(True)
            raise StaleWallets(str(StaleWallets.__doc__))
        wallet.held = held

    def _decide(self, movement: NewTransaction, page: write_batch.WriteBatch) -> BookingResult:
        """Put the movement on the page, whole, or leave page and wallets as they were."""
        id_ = self._ids[0]
        before: _Standing = {}
        postings: list[write_batch.PostingRow] = []
        try:
            for line in movement.lines:
                postings.append(self._apply(id_, line, before, overdraws=movement.overdraws))
        except LedgerError as error:
            self._restore(before)
            return Refused(error)
        self._ids.popleft()
        page.transactions.append((id_, movement.kind, movement.reference, self._time(before)))
        page.postings += postings
        wallets = self.wallets
        return Booked(id_, {wallet_id: wallets[wallet_id].balance for wallet_id in before})

    def _take(self, drawn: Iterable[tuple[Any, ...]]) -> None:
        """Keep ids for later, and the clock that came with them."""
        for id_, self._clock in drawn:
            self._ids.append(id_)

    def _time(self, touched: Iterable[int]) -> int:
        """Return when a movement of these wallets is booked: now, but in none of them before what was booked last."""
        wallets = [self.wallets[id_] for id_ in touched]
        time = max([self._clock, *(wallet.moved_at for wallet in wallets)])
        for wallet in wallets:
            wallet.moved_at = time
        return time

    def _standing(self) -> _Standing:
        return {id_: (wallet.balance, wallet.sequence) for id_, wallet in self.wallets.items()}

    def _restore(self, before: _Standing) -> None:
        for id_, (balance, sequence) in before.items():
            self.wallets[id_].balance, self.wallets[id_].sequence = balance, sequence

    def _apply(
        self, transaction_id: int, line: NewPosting, before: _Standing, *, overdraws: bool
    ) -> write_batch.PostingRow:
        """Move the line's amount, and note in `before` what its wallets had until this movement. Raises LedgerError."""
        amount = line.amount
        source, destination = self.wallets.get(line.source), self.wallets.get(line.destination)
        currency = source.currency if source else self._house_currency(line.source)
        other = destination.currency if destination else self._house_currency(line.destination)
        if line.source == line.destination:
            raise SameWallet
        if currency != other:
            raise CurrencyMismatch
        source_sequence = source_balance = destination_sequence = destination_balance = None
        if source:
            if source.available < amount and not (overdraws and source.may_overdraw):
                raise InsufficientFunds
            before.setdefault(source.id, (source.balance, source.sequence))
            source_sequence, source_balance = source.number(source.balance - amount)
        if destination:
            balance = destination.balance + amount
            if balance > MAX_AMOUNT:
                raise BalanceTooLarge
            before.setdefault(destination.id, (destination.balance, destination.sequence))
            destination_sequence, destination_balance = destination.number(balance)
        return (
            transaction_id,
            currency,
            amount,
            line.source,
            line.destination,
            source_sequence,
            source_balance,
            destination_sequence,
            destination_balance,
        )

    def _house_currency(self, id_: int) -> str:
        currency = self._houses.get(id_)
        if currency is None:
            raise WalletNotFound
        return currency


def wallet_ids(movements: Iterable[NewTransaction]) -> set[int]:
    return {id_ for movement in movements for line in movement.lines for id_ in (line.source, line.destination)}


def queue_lock(wallet_ids: Iterable[int], pipeline: Pipeline, *, movements: int = 1) -> Callable[[], LockedWallets]:
    """Ask for the users' wallets among the ids to be locked, ascending; unknown and house ids are left out.

    Takes FOR NO KEY UPDATE on each row until the atomic block ends: other writers wait, readers do not. Once in an
    atomic block, before anything that depends on what the wallets hold. Returns what reads them after the trip.
    Draws ids for as many movements.
    """
    ids = sorted(id_ for id_ in set(wallet_ids) if 0 < id_ <= MAX_WALLET_ID)
    rows = pipeline.execute(_LOCK, integers(ids)) if ids else tuple
    drawn = pipeline.execute(_DRAW, str(movements)) if movements else tuple

    def locked() -> LockedWallets:
        books = LockedWallets({row[0]: LockedWallet(*row) for row in rows()})
        books._take(drawn())
        return books

    return locked


_LOCK = (
    "SELECT id, owner_id, currency_id, balance, held, sequence, may_overdraw,"
    " (extract(epoch FROM moved_at) * 1000000)::bigint FROM payments_wallet"
    " WHERE id = ANY($1::bigint[]) AND house IS NULL ORDER BY id FOR NO KEY UPDATE"
)
# An id that nothing is booked under is lost, as sequences' are.
_DRAW = (
    "SELECT nextval('payments_transaction_id_seq'), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    " FROM generate_series(1, $1::int)"
)


def lock(wallet_ids: Iterable[int], *, movements: int = 1) -> LockedWallets:
    """Lock as `locking` says, in a pipeline of its own."""
    pipeline = Pipeline()
    locked = queue_lock(wallet_ids, pipeline, movements=movements)
    if pipeline.statements:
        pipeline.run()
    return locked()


def _drawn(number: int) -> Iterable[tuple[Any, ...]]:
    pipeline = Pipeline()
    rows = pipeline.execute(_DRAW, str(number))
    pipeline.run()
    return rows()


def book(movements: Sequence[NewTransaction]) -> list[BookingResult]:
    """Lock every wallet that the movements touch and book them as one batch, in an atomic block."""
    with transaction.atomic():
        return lock(wallet_ids(movements), movements=len(movements)).book(movements)


def locked_by_others(wallet_ids: Iterable[int]) -> set[int]:
    """Return those of the users' wallets that another atomic block holds at this moment; never waits."""
    ids = sorted(id_ for id_ in set(wallet_ids) if 0 < id_ <= MAX_WALLET_ID)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM payments_wallet WHERE id = ANY(%s::bigint[]) AND house IS NULL EXCEPT"
            " SELECT id FROM (SELECT id FROM payments_wallet WHERE id = ANY(%s::bigint[]) AND house IS NULL"
            " FOR SHARE SKIP LOCKED) AS free",
            [ids, ids],
        )
        return {row[0] for row in cursor.fetchall()}
