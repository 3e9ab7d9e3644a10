"""Credit several notices in one atomic block."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from payments.ledger import booking
from payments.ledger.models import Transaction, Wallet
from payments.ledger.models.wallets import FIRST_OWN_WALLET_ID
from payments.webhooks.receiving import event_store
from payments.webhooks.receiving.outcomes import (
    REFUSALS,
    CreditBalanceTooLarge,
    Credited,
    CreditWalletNotFound,
    Notice,
    Outcome,
    ProviderChanged,
    TransactionIdConflict,
    UserNotFound,
    WalletCurrencyMismatch,
    WalletOwnerMismatch,
    WebhookRefused,
)
from postgres.pipeline import Pipeline, PipelineSteps


def credit_steps(notices: Sequence[Notice]) -> PipelineSteps[Sequence[Outcome]]:
    """Credit the notices as one batch, or fail as one. These are the steps; a thread or the event loop runs them."""
    if len(notices) == 1:
        credited = yield from single_credit_steps(notices[0])
        if credited:
            return [credited]
    return (yield from _Batch(notices).steps())


def single_credit_steps(notice: Notice) -> PipelineSteps[Credited | None]:
    """Credit a notice for an existing wallet, or find it credited, in one pipeline. None: more must be done."""
    provider = notice.provider
    pipeline = Pipeline(commit=True)
    credited = event_store.queue_single_credit(
        notice.key,
        _deposit(notice),
        pipeline,
        user_id=notice.user_id,
        currency=provider.currency,
        version=provider.version,
    )
    yield pipeline
    result = credited()
    return Credited(notice, *result) if result else None


@dataclass(slots=True)
class _Batch:
    """A list of notices in one atomic block, decided in memory under the wallets' locks.

    `claims` has one notice for each key that is new or unmatched: the one that may be credited. Every other notice with
    the key is a repeat or a conflict.
    """

    notices: Sequence[Notice]
    locked: booking.LockedWallets = field(default_factory=booking.LockedWallets)
    #: The version of each active provider, by its id.
    providers: dict[int, str] = field(default_factory=dict)
    entries: dict[event_store.Key, event_store.Entry] = field(default_factory=dict)
    claims: dict[event_store.Key, Notice] = field(default_factory=dict)

    def steps(self) -> PipelineSteps[Sequence[Outcome]]:
        keyed = [(notice.key, notice) for notice in self.notices]
        first = Pipeline()
        accounts = (notice.account_id for notice in self.notices)
        read_locked = booking.queue_lock(accounts, first, transactions=len(self.notices))
        read_events = event_store.queue_find_events((key for key, _ in keyed), first)
        yield first
        self.locked = read_locked()
        self.providers, self.entries = read_events()
        current = [(key, notice) for key, notice in keyed if self._is_current(notice)]
        self._claim(current)
        refusals = yield from self._refusals()
        writes = Pipeline(flush_early=True)
        self._queue_book(refusals, writes)
        yield writes
        last = Pipeline(commit=True)
        others = [(key, notice) for key, notice in current if self.claims.get(key) is not notice]
        conflicts = [
            notice.entry(event_store.CONFLICT, TransactionIdConflict.code)
            for key, notice in others
            if self.entries[key].content != notice.content
        ]
        event_store.queue_save([*map(self.entries.__getitem__, self.claims), *conflicts], last)
        yield last
        return [self._outcome(key, notice) for key, notice in keyed]

    def _is_current(self, notice: Notice) -> bool:
        return self.providers.get(notice.provider.id) == notice.provider.version

    def _claim(self, keyed: Iterable[tuple[event_store.Key, Notice]]) -> None:
        for key, notice in keyed:
            entry = self.entries.get(key)
            if entry is None or (entry.status == event_store.UNMATCHED and entry.content == notice.content):
                self.claims.setdefault(key, notice)

    def _refusals(self) -> PipelineSteps[dict[event_store.Key, type[WebhookRefused]]]:
        """Return the claims that cannot be credited, with the reason. Opens missing wallets of providers' ids."""
        unclear = {key: notice for key, notice in self.claims.items() if not _matches_wallet(notice, self.locked)}
        if not unclear:
            return {}
        pipeline = Pipeline()
        read_users = event_store.queue_find_users((notice.user_id for notice in unclear.values()), pipeline)
        yield pipeline
        users = read_users()
        opened: dict[int, booking.NewWallet] = {}
        refusals: dict[event_store.Key, type[WebhookRefused]] = {}
        for key, notice in unclear.items():
            wallet = self.locked.wallets.get(notice.account_id) or opened.get(notice.account_id)
            if refusal := _mismatch(notice, wallet, users):
                refusals[key] = refusal
            elif wallet is None:
                opened[notice.account_id] = booking.NewWallet(
                    notice.account_id, notice.user_id, notice.provider.currency
                )
        if opened:
            pipeline = Pipeline()
            add_opened = self.locked.queue_open(opened.values(), pipeline)
            yield pipeline
            add_opened()
        return refusals

    def _queue_book(self, refusals: dict[event_store.Key, type[WebhookRefused]], pipeline: Pipeline) -> None:
        """Queue what can be booked, and put the result of every claim into `entries`."""
        payable = {key: notice for key, notice in self.claims.items() if key not in refusals}
        results = self.locked.queue_book([_deposit(notice) for notice in payable.values()], pipeline)
        for key, refusal in refusals.items():
            self._refuse(key, self.claims[key], refusal)
        for (key, notice), result in zip(payable.items(), results, strict=True):
            if isinstance(result, booking.Refused):
                self._refuse(key, notice, CreditBalanceTooLarge)
                continue
            balance = result.balances[notice.account_id]
            self._enter(key, notice.entry(event_store.CREDITED, "", result.transaction_id, balance))

    def _refuse(self, key: event_store.Key, notice: Notice, refusal: type[WebhookRefused]) -> None:
        self._enter(key, notice.entry(event_store.UNMATCHED, refusal.code))

    def _enter(self, key: event_store.Key, entry: event_store.Entry) -> None:
        known = self.entries.get(key)
        self.entries[key] = entry._replace(id=known.id) if known else entry

    def _outcome(self, key: event_store.Key, notice: Notice) -> Outcome:
        is_first = self.claims.get(key) is notice
        if not is_first:
            if not self._is_current(notice):
                return ProviderChanged()
            if self.entries[key].content != notice.content:
                return TransactionIdConflict()
        entry = self.entries[key]
        if entry.transaction_id is None or entry.balance is None:
            return REFUSALS[entry.reason]()
        return Credited(notice, entry.transaction_id, entry.balance, not is_first)


def _matches_wallet(notice: Notice, locked: booking.LockedWallets) -> bool:
    """Tell whether the wallet exists and is as the notice says. Then no user has to be looked up."""
    wallet = locked.wallets.get(notice.account_id)
    return wallet is not None and _mismatch(notice, wallet, frozenset()) is None


def _mismatch(
    notice: Notice, wallet: "booking.LockedWallet | booking.NewWallet | None", users: AbstractSet[int]
) -> type[WebhookRefused] | None:
    if wallet is not None and wallet.owner_id == notice.user_id:
        return None if wallet.currency == notice.provider.currency else WalletCurrencyMismatch
    if notice.user_id not in users:
        return UserNotFound
    if wallet is not None:
        return WalletOwnerMismatch
    return CreditWalletNotFound if notice.account_id >= FIRST_OWN_WALLET_ID else None


def _deposit(notice: Notice) -> booking.NewTransaction:
    provider = notice.provider
    posting = booking.NewPosting(booking.house_wallet(_CLEARING, provider.currency), notice.account_id, notice.amount)
    return booking.NewTransaction(_DEPOSIT, (posting,), f"{provider.slug} {notice.external_id}")


# Plain texts: members of an enumeration are slower to hash and compare, a million times a minute.
_CLEARING = Wallet.House.CLEARING.value
_DEPOSIT = Transaction.Kind.DEPOSIT.value
