"""Locks wallets, decides under the locks, and books a list of transactions with a result for each."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any

from django.db import connection, transaction

from payments.ledger.booking import write_batch
from payments.ledger.booking.errors import (
    BalanceTooLarge,
    CurrencyMismatch,
    InsufficientFunds,
    InvalidTransaction,
    LedgerError,
    SameWallet,
    SerializationConflict,
    StaleWallets,
    WalletNotFound,
)
from payments.ledger.booking.house import house_currencies
from payments.ledger.booking.types import (
    Booked,
    BookingResult,
    LockedWallet,
    NewPosting,
    NewTransaction,
    NewWallet,
    Refused,
    WalletState,
    wallet_ids,
)
from payments.money import DECIMAL_PLACES, EXACT, MAX_AMOUNT, is_storable
from postgres.parameters import integers
from postgres.pipeline import Pipeline

MAX_WALLET_ID = 2**63 - 1


#: The wallets as they were, to restore when a transaction is refused.
_Saved = dict[int, WalletState]


@dataclass(slots=True)
class LockedWallets:
    """The wallets that this atomic block has locked, and the way to book on them."""

    wallets: dict[int, LockedWallet] = field(default_factory=dict)
    #: Ids for new transactions, drawn in advance, ascending.
    _ids: deque[int] = field(default_factory=deque)
    #: The clock when they were drawn, under the locks, in microseconds since 1970.
    _clock: int = 0
    _house_currencies: Mapping[int, str] = field(default_factory=dict)
    _new_wallet_ids: set[int] = field(default_factory=set)
    #: What `add` has decided and `queue_added` has not written yet, and the wallets before that.
    _added: write_batch.WriteBatch = field(default_factory=write_batch.WriteBatch)
    _before: _Saved = field(default_factory=dict)

    def queue_open(self, wallets: Iterable[NewWallet], pipeline: Pipeline) -> Callable[[], None]:
        """Queue the creation of wallets, by ascending id. Returns a function that adds them to these after the run.

        The function raises SerializationConflict when one of the wallets exists by then. The run waits for another
        atomic block that is creating one of them.
        """
        ordered = sorted(wallets, key=lambda wallet: wallet.id)
        created = write_batch.queue_open(ordered, pipeline)

        def add_opened() -> None:
            if len(created()) < len(ordered):
                raise SerializationConflict
            self.wallets.update({new.id: LockedWallet(new.id, new.owner_id, new.currency) for new in ordered})
            self._new_wallet_ids.update(new.id for new in ordered)

        return add_opened

    def book(self, transactions: Sequence[NewTransaction]) -> list[BookingResult]:
        """Queue as `queue_book` does, and run the pipeline. Draws ids in another one first, if `lock` drew too few.

        Raises StaleWallets, and what `queue_book` raises.
        """
        if not connection.in_atomic_block:
            raise transaction.TransactionManagementError("locks end with their atomic block")
        if (missing := len(transactions) - len(self._ids)) > 0:
            self._keep_ids(_draw_ids(missing))
        pipeline = Pipeline()
        with self._restored_after_error(self._save()):
            results = self.queue_book(transactions, pipeline)
            if pipeline.statements:
                pipeline.run()
        return results

    def book_one(self, new: NewTransaction) -> Booked:
        """Book one transaction as `book` does. Raises its refusal, a LedgerError."""
        return _booked(self.book([new]))

    def queue_book(self, transactions: Sequence[NewTransaction], pipeline: Pipeline) -> list[BookingResult]:
        """Decide each transaction in turn, and queue the writing of all that are booked. The run books them.

        A refused transaction leaves no trace and does not disturb its neighbours. A posting whose wallet is neither
        locked nor a house wallet is refused as WalletNotFound. Not idempotent: a caller that may repeat itself claims
        its own unique key in the same atomic block. Raises InvalidTransaction.
        The run raises DatabaseError when a wallet has changed since it was locked. Do not use these wallets again after
        an error of the run.
        """
        for new in transactions:
            new.check()
        self._house_currencies = house_currencies(wallet_ids(transactions) - self.wallets.keys())
        before = self._save()
        batch = write_batch.WriteBatch()
        with localcontext(EXACT):
            results = [self._decide(new, batch) for new in transactions]
        self._queue_write(batch, before, pipeline)
        return results

    def add(self, new: NewTransaction) -> Booked:
        """Decide one transaction as `queue_book` does, for `queue_added` to write. Raises its refusal, a LedgerError.

        So several callers, each with a decision of its own, share the statements that write.
        """
        new.check()
        self._begin_to_add()
        self._house_currencies = house_currencies(wallet_ids([new]) - self.wallets.keys())
        with localcontext(EXACT):
            return _booked([self._decide(new, self._added)])

    def add_hold(self, wallet_id: int, amount: Decimal) -> None:
        """Reserve money of a locked wallet, for `queue_added` to write: it cannot move until it is released.

        Not idempotent. PostgreSQL checks at commit that what is held is the sum of the wallet's pending withdrawals.
        Raises WalletNotFound (not locked here), InsufficientFunds, or InvalidTransaction.
        """
        wallet = self._wallet_for_hold(wallet_id, amount)
        if wallet.available < amount:
            raise wallet.measured(InsufficientFunds(), needed=amount)
        self._begin_to_add()
        wallet.held = EXACT.add(wallet.held, amount)

    def add_release(self, wallet_id: int, amount: Decimal) -> None:
        """Give back what `add_hold` reserved, for `queue_added` to write.

        Raises WalletNotFound, or InvalidTransaction when less is held.
        """
        wallet = self._wallet_for_hold(wallet_id, amount)
        if wallet.held < amount:
            raise InvalidTransaction(f"wallet {wallet_id} holds {wallet.held}, which is less than {amount}")
        self._begin_to_add()
        wallet.held = EXACT.subtract(wallet.held, amount)

    def queue_added(self, pipeline: Pipeline) -> None:
        """Queue the writing of all that was added. The run books it, and raises as that of `queue_book` does."""
        batch, before = self._added, self._before
        self._added, self._before = write_batch.WriteBatch(), {}
        self._queue_write(batch, before, pipeline)

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Take back what was added inside when an exception leaves the block."""
        wallets, added = self._save(), self._added.mark()
        try:
            yield
        except BaseException:
            self._restore(wallets)
            self._added.back_to(added)
            raise

    def hold(self, wallet_id: int, amount: Decimal) -> None:
        """Reserve as `add_hold` does, and write what was added. Raises StaleWallets too."""
        self.add_hold(wallet_id, amount)
        self._write_added()

    def release(self, wallet_id: int, amount: Decimal) -> None:
        """Give back as `add_release` does, and write what was added. Raises StaleWallets too."""
        self.add_release(wallet_id, amount)
        self._write_added()

    def _begin_to_add(self) -> None:
        if not self._before:
            self._before = self._save()

    def _write_added(self) -> None:
        pipeline = Pipeline()
        with self._restored_after_error(self._before):
            self.queue_added(pipeline)
            pipeline.run()

    @contextmanager
    def _restored_after_error(self, before: _Saved) -> Iterator[None]:
        """Restore the wallets when an exception leaves the block. Raises StaleWallets for that of PostgreSQL."""
        try:
            yield
        except BaseException as error:
            self._restore(before)
            if getattr(error.__cause__, "sqlstate", None) == write_batch.STALE_WALLETS:
                transaction.set_rollback(True)
                raise StaleWallets(str(StaleWallets.__doc__)) from error
            raise

    def _queue_write(self, batch: write_batch.WriteBatch, before: _Saved, pipeline: Pipeline) -> None:
        for id_, wallet in self.wallets.items() if before else ():
            _, sequence, held, _ = before[id_]  # a wallet that came later is an error
            if wallet.held != held:
                row = (id_, wallet.balance, wallet.sequence, sequence, wallet.moved_at, wallet.held, held)
                batch.holds.append(row)
            elif wallet.sequence != sequence:
                batch.wallets.append((id_, wallet.balance, wallet.sequence, sequence, wallet.moved_at))
                batch.has_new_wallets |= id_ in self._new_wallet_ids
        batch.queue_write(pipeline)

    def _wallet_for_hold(self, wallet_id: int, amount: Decimal) -> LockedWallet:
        if not is_storable(amount) or amount <= 0:
            raise InvalidTransaction(
                f"only a positive amount of at most {DECIMAL_PLACES} decimals can be held: {amount}"
            )
        wallet = self.wallets.get(wallet_id)
        if wallet is None:
            raise WalletNotFound
        return wallet

    def _decide(self, new: NewTransaction, batch: write_batch.WriteBatch) -> BookingResult:
        """Add the whole transaction to the batch, or leave batch and wallets as they were."""
        id_ = self._ids[0]
        before: _Saved = {}
        rows: list[write_batch.PostingRow] = []
        try:
            for posting in new.postings:
                rows.append(self._apply(id_, posting, before, overdraws=new.overdraws))
        except LedgerError as error:
            self._restore(before)
            if isinstance(error, InsufficientFunds):
                self._measure(error, new)
            return Refused(error)
        self._ids.popleft()
        batch.transactions.append((id_, new.kind, new.reference, self._time(before)))
        batch.postings += rows
        wallets = self.wallets
        return Booked(id_, {wallet_id: wallets[wallet_id].balance for wallet_id in before})

    def _measure(self, error: InsufficientFunds, new: NewTransaction) -> None:
        """Add what the wallet that lacks money would have needed for the whole transaction."""
        sources = {posting.source: self.wallets.get(posting.source) for posting in new.postings}
        own = {id_: wallet for id_, wallet in sources.items() if wallet and not (new.overdraws and wallet.may_overdraw)}
        lacking = [(wallet, needed) for id_, wallet in own.items() if (needed := new.needed(id_)) > wallet.available]
        for wallet, needed in lacking[:1]:
            wallet.measured(error, needed=needed)

    def _keep_ids(self, drawn: Iterable[tuple[Any, ...]]) -> None:
        """Keep ids for later, and the time at which they were drawn."""
        for id_, self._clock in drawn:
            self._ids.append(id_)

    @property
    def clock(self) -> int:
        """The clock when the last ids were drawn, under the locks, in microseconds since 1970."""
        return self._clock

    def _time(self, touched: Iterable[int]) -> int:
        """Return a transaction's time: the clock's, or the last time of one of its wallets if that is later."""
        wallets = [self.wallets[id_] for id_ in touched]
        time = max([self._clock, *(wallet.moved_at for wallet in wallets)])
        for wallet in wallets:
            wallet.moved_at = time
        return time

    def _save(self) -> _Saved:
        return {id_: wallet.state for id_, wallet in self.wallets.items()}

    def _restore(self, before: _Saved) -> None:
        for id_, state in before.items():
            self.wallets[id_].state = state

    def _apply(
        self, transaction_id: int, posting: NewPosting, before: _Saved, *, overdraws: bool
    ) -> write_batch.PostingRow:
        """Move the amount in memory, and save what the wallets had before the transaction. Raises LedgerError."""
        amount = posting.amount
        source, destination = self.wallets.get(posting.source), self.wallets.get(posting.destination)
        currency = source.currency if source else self._house_currency(posting.source)
        other = destination.currency if destination else self._house_currency(posting.destination)
        if posting.source == posting.destination:
            raise SameWallet
        if currency != other:
            raise CurrencyMismatch
        source_sequence = source_balance = destination_sequence = destination_balance = None
        if source:
            if source.available < amount and not (overdraws and source.may_overdraw):
                raise InsufficientFunds
            before.setdefault(source.id, source.state)
            source_sequence, source_balance = source.number(source.balance - amount)
        if destination:
            balance = destination.balance + amount
            if balance > MAX_AMOUNT:
                raise BalanceTooLarge
            before.setdefault(destination.id, destination.state)
            destination_sequence, destination_balance = destination.number(balance)
        return (
            transaction_id,
            currency,
            amount,
            posting.source,
            posting.destination,
            source_sequence,
            source_balance,
            destination_sequence,
            destination_balance,
        )

    def _house_currency(self, id_: int) -> str:
        currency = self._house_currencies.get(id_)
        if currency is None:
            raise WalletNotFound
        return currency


def queue_lock(wallet_ids: Iterable[int], pipeline: Pipeline, *, transactions: int = 1) -> Callable[[], LockedWallets]:
    """Queue the locks of users' wallets, by ascending id. Returns a function that reads the wallets after the run.

    Unknown ids and house wallets are left out. The pipeline also draws ids for so many transactions. The run takes FOR
    NO KEY UPDATE on each row until the atomic block ends: other writers wait, readers do not. Lock once in an atomic
    block, before anything that depends on the wallets' balances.
    """
    ids = sorted(id_ for id_ in set(wallet_ids) if 0 < id_ <= MAX_WALLET_ID)
    rows = pipeline.execute(_LOCK, integers(ids)) if ids else tuple
    drawn = pipeline.execute(_DRAW_IDS, str(transactions)) if transactions else tuple

    def read() -> LockedWallets:
        locked = LockedWallets({row[0]: LockedWallet(*row) for row in rows()})
        locked._keep_ids(drawn())
        return locked

    return read


_LOCK = (
    "SELECT id, owner_id, currency_id, balance, held, sequence, may_overdraw,"
    " (extract(epoch FROM moved_at) * 1000000)::bigint FROM payments_wallet"
    " WHERE id = ANY($1::bigint[]) AND house IS NULL ORDER BY id FOR NO KEY UPDATE"
)
# An id that no transaction uses is lost, as with every sequence.
_DRAW_IDS = (
    "SELECT nextval('payments_transaction_id_seq'), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    " FROM generate_series(1, $1::int)"
)


def lock(wallet_ids: Iterable[int], *, transactions: int = 1) -> LockedWallets:
    """Lock as `queue_lock` does, and run the pipeline."""
    pipeline = Pipeline()
    read = queue_lock(wallet_ids, pipeline, transactions=transactions)
    if pipeline.statements:
        pipeline.run()
    return read()


def _draw_ids(number: int) -> Iterable[tuple[Any, ...]]:
    pipeline = Pipeline()
    rows = pipeline.execute(_DRAW_IDS, str(number))
    pipeline.run()
    return rows()


def book(transactions: Sequence[NewTransaction]) -> list[BookingResult]:
    """Lock every wallet that the transactions touch and book them as one batch, in an atomic block."""
    with transaction.atomic():
        return lock(wallet_ids(transactions), transactions=len(transactions)).book(transactions)


def book_one(new: NewTransaction) -> Booked:
    """Lock its wallets and book one transaction, in an atomic block. Raises its refusal, a LedgerError."""
    return _booked(book([new]))


def _booked(results: Sequence[BookingResult]) -> Booked:
    [result] = results
    if isinstance(result, Refused):
        raise result.error
    return result


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
