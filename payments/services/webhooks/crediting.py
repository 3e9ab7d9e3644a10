"""What authentic notices do to the books: a batch in, an outcome for each, one commit for all."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from django.db import DataError, IntegrityError, OperationalError
from prometheus_client import Counter as PrometheusCounter

from payments import ledger, metrics
from payments.models import Transaction, Wallet
from payments.models.wallets import FIRST_OWN_WALLET_ID
from payments.services.webhooks import inbox
from payments.services.webhooks.registry import KnownProvider

logger = logging.getLogger("till.webhooks")

#: Runs of one notice that meets others at the same moment (a new wallet, the same transaction id) before giving up.
MAX_ATTEMPTS = 6
#: serialization failure, deadlock, lock_timeout
_BUSY_SQLSTATES = {"40001", "40P01", "55P03"}


class WebhookRefused(Exception):
    """An authentic notice that could not be credited; kept for staff in the inbox. `code` is its stable name."""

    code = "webhook_refused"

    def __str__(self) -> str:
        return type(self).__doc__ or self.code


class ProviderChanged(Exception):
    """Staff changed the provider since the signature was checked: check it again."""


class TransactionIdConflict(WebhookRefused):
    """This transaction_id was received before with other content."""

    code = "transaction_id_conflict"


class UserNotFound(WebhookRefused):
    """There is no such user; the notice is kept and can succeed when it is sent again later."""

    code = "user_not_found"


class WalletNotFound(WebhookRefused):
    """There is no such wallet, and its id is not one that a provider may choose."""

    code = "wallet_not_found"


class WalletOwnerMismatch(WebhookRefused):
    """The wallet belongs to another user."""

    code = "wallet_owner_mismatch"


class WalletCurrencyMismatch(WebhookRefused):
    """The wallet holds another currency than the provider pays in."""

    code = "currency_mismatch"


class BalanceTooLarge(WebhookRefused):
    """The wallet's balance would grow past what the ledger can hold."""

    code = "balance_too_large"


_REFUSALS: dict[str, type[WebhookRefused]] = {
    refusal.code: refusal
    for refusal in (UserNotFound, WalletNotFound, WalletOwnerMismatch, WalletCurrencyMismatch, BalanceTooLarge)
}


class Notice(NamedTuple):
    """An authentic, well-formed notice: the amount is positive and fits the currency, the ids are in range."""

    provider: KnownProvider
    external_id: str
    user_id: int
    account_id: int
    amount: Decimal

    @property
    def key(self) -> inbox.Key:
        return self.provider.id, self.external_id

    @property
    def content(self) -> inbox.Content:
        return self.user_id, self.account_id, self.amount

    def entry(
        self, verdict: str, reason: str, transaction_id: int | None = None, balance: Decimal | None = None
    ) -> inbox.Entry:
        """Return what is to be written of it."""
        return inbox.Entry(
            None,
            self.provider.id,
            self.external_id,
            self.user_id,
            self.account_id,
            self.amount,
            transaction_id,
            balance,
            verdict,
            reason,
        )


class Credited(NamedTuple):
    """The result of a notice's first delivery; `duplicate` says that this was not it."""

    notice: Notice
    transaction_id: int
    balance: Decimal
    duplicate: bool


Outcome = Credited | WebhookRefused | ProviderChanged


def credit(notices: Sequence[Notice]) -> list[Outcome | Exception]:
    """Credit the notices as one batch, each exactly once, all durable when this returns; outcomes in their order.

    A notice that makes the batch fail never fails its neighbours: they are run again one by one, and an exception
    that is left belongs to its notice alone. A lost database raises OperationalError: nothing was credited, or the
    answer is unknown and a repeat will tell. Locks the wallets in ascending id.
    """
    try:
        outcomes = ledger.travel(crediting(notices))
    except Exception as error:
        return credit_despite(notices, error)
    count(notices, outcomes)
    return [*outcomes]


def crediting(notices: Sequence[Notice]) -> ledger.Steps[Sequence[Outcome]]:
    """Credit the notices as one batch or fail as one: the steps, for whoever makes their trips."""
    if len(notices) == 1:
        credited = yield from crediting_alone(notices[0])
        if credited:
            return [credited]
    return (yield from _Batch(notices).steps())


def crediting_alone(notice: Notice) -> ledger.Steps[Credited | None]:
    """Credit a notice for a wallet that is there, or find it credited, in one trip; None when more is to be done."""
    provider = notice.provider
    trip = ledger.Trip(commit=True)
    credited = inbox.crediting_alone(
        notice.key,
        _movement(notice),
        trip,
        user_id=notice.user_id,
        currency=provider.currency,
        version=provider.version,
    )
    yield trip
    result = credited()
    return Credited(notice, *result) if result else None


def credit_despite(notices: Sequence[Notice], failure: Exception) -> list[Outcome | Exception]:
    """Do what is left to do for a batch that failed: `credit` says what. Raises the failure when it is everybody's."""
    if isinstance(failure, (IntegrityError, DataError, ledger.Contended)):
        outcomes = _credit_one_by_one(notices)
    elif isinstance(failure, OperationalError) and len(notices) > 1 and _is_busy(failure):
        outcomes = _credit_around(notices, failure)
    else:
        raise failure
    count(notices, outcomes)
    return outcomes


def _credit_around(notices: Sequence[Notice], busy: OperationalError) -> list[Outcome | Exception]:
    """Who wants a wallet that somebody else holds is told so at once; the others do not wait for it again."""
    held = ledger.held_elsewhere(notice.account_id for notice in notices)
    free = [notice for notice in notices if notice.account_id not in held]
    try:
        credited = [*ledger.travel(crediting(free))] if held and free else _credit_one_by_one(free)
    except (IntegrityError, DataError, OperationalError, ledger.Contended):
        credited = _credit_one_by_one(free)
    outcomes = iter(credited)
    return [busy if notice.account_id in held else next(outcomes) for notice in notices]


def _credit_one_by_one(notices: Sequence[Notice]) -> list[Outcome | Exception]:
    """Whoever wants a wallet that somebody else holds too long is told so without another wait."""
    outcomes: list[Outcome | Exception] = []
    held: dict[int, OperationalError] = {}
    for notice in notices:
        outcome = held.get(notice.account_id) or _credit_repeatedly(notice)
        if isinstance(outcome, OperationalError):
            held[notice.account_id] = outcome
        outcomes.append(outcome)
    return outcomes


def _credit_repeatedly(notice: Notice) -> Outcome | Exception:
    error: Exception = ledger.Contended()
    for _ in range(MAX_ATTEMPTS):
        try:
            return ledger.travel(crediting([notice]))[0]
        except (IntegrityError, DataError, ledger.Contended) as caught:
            error = caught
        except OperationalError as caught:
            if not _is_busy(caught):
                raise
            return caught
    return error


def _is_busy(error: OperationalError) -> bool:
    """The database is there, but another session holds what is needed."""
    return getattr(error.__cause__, "sqlstate", None) in _BUSY_SQLSTATES


def count(notices: Sequence[Notice], outcomes: Sequence[Outcome | Exception]) -> None:
    """Add notices to the counters, each counter once: an addition costs more than the counting.

    They are durable by now, whatever becomes of the figures.
    """
    counted = Counter((notice.provider.slug, _name(outcome)) for notice, outcome in zip(notices, outcomes, strict=True))
    try:
        for (slug, name), number in counted.items():
            if name:
                _counter(slug, name).inc(number)
    except Exception:
        logger.exception("Notices were not counted")


@lru_cache(maxsize=1024)
def _counter(slug: str, name: str) -> PrometheusCounter:
    """Return the counter of a provider's outcomes of this name: to ask for its labels costs more than to count."""
    known = {
        "credited": metrics.credited,
        "duplicate": metrics.duplicates,
        TransactionIdConflict.code: metrics.conflicts,
    }
    return known[name].labels(slug) if name in known else metrics.unmatched.labels(slug, name)


def _name(outcome: Outcome | Exception) -> str:
    if isinstance(outcome, Credited):
        return "duplicate" if outcome.duplicate else "credited"
    return outcome.code if isinstance(outcome, WebhookRefused) else ""


@dataclass(slots=True)
class _Batch:
    """One atomic block over a list of notices, decided in memory under the wallets' locks.

    `claims` holds, for each key that is new or still unmatched, the notice that may credit it; every other notice of
    the key is a repeat or a conflict.
    """

    notices: Sequence[Notice]
    books: ledger.Books = field(default_factory=ledger.Books)
    #: The version of each active provider, by its id.
    providers: dict[int, str] = field(default_factory=dict)
    entries: dict[inbox.Key, inbox.Entry] = field(default_factory=dict)
    claims: dict[inbox.Key, Notice] = field(default_factory=dict)

    def steps(self) -> ledger.Steps[Sequence[Outcome]]:
        keyed = [(notice.key, notice) for notice in self.notices]
        first = ledger.Trip()
        accounts = (notice.account_id for notice in self.notices)
        locked = ledger.locking(accounts, first, movements=len(self.notices))
        found = inbox.finding((key for key, _ in keyed), first)
        yield first
        self.books = locked()
        self.providers, self.entries = found()
        current = [(key, notice) for key, notice in keyed if self._is_current(notice)]
        self._claim(current)
        refusals = yield from self._refusals()
        booking = ledger.Trip(ahead=True)
        self._settle(refusals, booking)
        yield booking
        last = ledger.Trip(commit=True)
        others = [(key, notice) for key, notice in current if self.claims.get(key) is not notice]
        conflicts = [
            notice.entry(inbox.CONFLICT, TransactionIdConflict.code)
            for key, notice in others
            if self.entries[key].content != notice.content
        ]
        inbox.writing([*map(self.entries.__getitem__, self.claims), *conflicts], last)
        yield last
        return [self._outcome(key, notice) for key, notice in keyed]

    def _is_current(self, notice: Notice) -> bool:
        return self.providers.get(notice.provider.id) == notice.provider.version

    def _claim(self, keyed: Iterable[tuple[inbox.Key, Notice]]) -> None:
        for key, notice in keyed:
            entry = self.entries.get(key)
            if entry is None or (entry.verdict == inbox.UNMATCHED and entry.content == notice.content):
                self.claims.setdefault(key, notice)

    def _refusals(self) -> ledger.Steps[dict[inbox.Key, type[WebhookRefused]]]:
        """Tell which claims have no wallet to go to, and open the wallets that providers may choose."""
        unsettled = {key: notice for key, notice in self.claims.items() if not _is_at_home(notice, self.books)}
        if not unsettled:
            return {}
        trip = ledger.Trip()
        found = inbox.finding_users((notice.user_id for notice in unsettled.values()), trip)
        yield trip
        users = found()
        opened: dict[int, ledger.NewWallet] = {}
        refusals: dict[inbox.Key, type[WebhookRefused]] = {}
        for key, notice in unsettled.items():
            wallet = self.books.wallets.get(notice.account_id) or opened.get(notice.account_id)
            if refusal := _mismatch(notice, wallet, users):
                refusals[key] = refusal
            elif wallet is None:
                opened[notice.account_id] = ledger.NewWallet(
                    notice.account_id, notice.user_id, notice.provider.currency
                )
        if opened:
            trip = ledger.Trip()
            have_opened = self.books.opening(opened.values(), trip)
            yield trip
            have_opened()
        return refusals

    def _settle(self, refusals: dict[inbox.Key, type[WebhookRefused]], trip: ledger.Trip) -> None:
        """Book what can be booked, by the trip, and put the verdict of every claim into `entries`."""
        payable = {key: notice for key, notice in self.claims.items() if key not in refusals}
        verdicts = self.books.booking([_movement(notice) for notice in payable.values()], trip)
        for key, refusal in refusals.items():
            self._refuse(key, self.claims[key], refusal)
        for (key, notice), verdict in zip(payable.items(), verdicts, strict=True):
            if isinstance(verdict, ledger.Refused):
                self._refuse(key, notice, BalanceTooLarge)
                continue
            balance = verdict.balances[notice.account_id]
            self._enter(key, notice.entry(inbox.CREDITED, "", verdict.transaction_id, balance))

    def _refuse(self, key: inbox.Key, notice: Notice, refusal: type[WebhookRefused]) -> None:
        self._enter(key, notice.entry(inbox.UNMATCHED, refusal.code))

    def _enter(self, key: inbox.Key, entry: inbox.Entry) -> None:
        known = self.entries.get(key)
        self.entries[key] = entry._replace(id=known.id) if known else entry

    def _outcome(self, key: inbox.Key, notice: Notice) -> Outcome:
        is_first = self.claims.get(key) is notice
        if not is_first:
            if not self._is_current(notice):
                return ProviderChanged()
            if self.entries[key].content != notice.content:
                return TransactionIdConflict()
        entry = self.entries[key]
        if entry.transaction_id is None or entry.balance is None:
            return _REFUSALS[entry.reason]()
        return Credited(notice, entry.transaction_id, entry.balance, not is_first)


def _is_at_home(notice: Notice, books: ledger.Books) -> bool:
    """Tell whether the notice's wallet is there, and as the notice says: nothing has to be looked up."""
    wallet = books.wallets.get(notice.account_id)
    return wallet is not None and _mismatch(notice, wallet, frozenset()) is None


def _mismatch(
    notice: Notice, wallet: "ledger.LockedWallet | ledger.NewWallet | None", users: AbstractSet[int]
) -> type[WebhookRefused] | None:
    if wallet is not None and wallet.owner_id == notice.user_id:
        return None if wallet.currency == notice.provider.currency else WalletCurrencyMismatch
    if notice.user_id not in users:
        return UserNotFound
    if wallet is not None:
        return WalletOwnerMismatch
    return WalletNotFound if notice.account_id >= FIRST_OWN_WALLET_ID else None


def _movement(notice: Notice) -> ledger.Movement:
    provider = notice.provider
    line = ledger.Line(ledger.house_wallet(_CLEARING, provider.currency), notice.account_id, notice.amount)
    return ledger.Movement(_DEPOSIT, (line,), f"{provider.slug} {notice.external_id}")


# Plain texts: what is hashed and compared a million times a minute is no member of an enumeration.
_CLEARING = Wallet.House.CLEARING.value
_DEPOSIT = Transaction.Kind.DEPOSIT.value
