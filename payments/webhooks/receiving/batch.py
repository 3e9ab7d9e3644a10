"""Credit several notices in one atomic block."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from payments.ledger import booking
from payments.ledger.models import Transaction, Wallet
from payments.ledger.models.wallets import FIRST_OWN_WALLET_ID
from payments.webhooks.field_maps import FIRST_WALLET
from payments.webhooks.receiving import event_store
from payments.webhooks.receiving.first_wallets import FirstWallets, find_first_wallets
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
    if notice.account_id == FIRST_WALLET:
        return None
    pipeline = Pipeline(commit=True)
    credited = event_store.queue_single_credit(
        notice.entry(event_store.CREDITED, ""),
        _deposit(notice, notice.account_id),
        pipeline,
        currency=notice.currency,
        version=notice.provider.version,
    )
    yield pipeline
    result = credited()
    return Credited(notice, *result, notice.account_id) if result else None


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
    first_wallets: FirstWallets = field(default_factory=FirstWallets)

    def steps(self) -> PipelineSteps[Sequence[Outcome]]:
        keyed = [(notice.key, notice) for notice in self.notices]
        self.first_wallets = yield from find_first_wallets(self.notices)
        first = Pipeline()
        accounts = [notice.account_id or self._wallet_id(notice) for notice in self.notices]
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

    def _wallet_id(self, notice: Notice) -> int:
        """Return the wallet that the notice credits, if it can be. Where all notices pass, it is not even called."""
        return notice.account_id or self.first_wallets.of(notice)

    def _is_current(self, notice: Notice) -> bool:
        return self.providers.get(notice.provider.id) == notice.provider.version

    def _claim(self, keyed: Iterable[tuple[event_store.Key, Notice]]) -> None:
        for key, notice in keyed:
            entry = self.entries.get(key)
            if entry is None or (entry.status == event_store.UNMATCHED and entry.content == notice.content):
                self.claims.setdefault(key, notice)

    def _refusals(self) -> PipelineSteps[dict[event_store.Key, type[WebhookRefused]]]:
        """Return the claims that cannot be credited, with the reason. Opens missing wallets of providers' ids."""
        unclear = {key: notice for key, notice in self.claims.items() if not self._matches_wallet(notice)}
        if not unclear:
            return {}
        pipeline = Pipeline()
        read_users = event_store.queue_find_users((notice.user_id for notice in unclear.values()), pipeline)
        yield pipeline
        users = read_users()
        opened: dict[int, booking.NewWallet] = {}
        refusals: dict[event_store.Key, type[WebhookRefused]] = {}
        for key, notice in unclear.items():
            wallet_id = self._wallet_id(notice)
            wallet = self.locked.wallets.get(wallet_id) or opened.get(wallet_id)
            if refusal := _mismatch(notice, wallet, users):
                refusals[key] = refusal
            elif wallet is None:
                opened[wallet_id] = booking.NewWallet(wallet_id, notice.user_id, notice.currency)
        if opened:
            pipeline = Pipeline()
            add_opened = self.locked.queue_open(opened.values(), pipeline)
            yield pipeline
            add_opened()
        return refusals

    def _queue_book(self, refusals: dict[event_store.Key, type[WebhookRefused]], pipeline: Pipeline) -> None:
        """Queue what can be booked, and put the result of every claim into `entries`."""
        payable = {key: notice for key, notice in self.claims.items() if key not in refusals}
        deposits = [_deposit(notice, notice.account_id or self._wallet_id(notice)) for notice in payable.values()]
        results = self.locked.queue_book(deposits, pipeline)
        for key, refusal in refusals.items():
            self._refuse(key, self.claims[key], refusal)
        for (key, notice), result in zip(payable.items(), results, strict=True):
            if isinstance(result, booking.Refused):
                self._refuse(key, notice, CreditBalanceTooLarge)
                continue
            wallet_id = None if notice.account_id else self._wallet_id(notice)
            balance = result.balances[wallet_id or notice.account_id]
            self._enter(key, notice.entry(event_store.CREDITED, "", result.transaction_id, balance, wallet_id))

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
        wallet_id = entry.wallet_id or entry.account_id
        return Credited(notice, entry.transaction_id, entry.balance, not is_first, wallet_id)

    def _matches_wallet(self, notice: Notice) -> bool:
        """Tell whether the wallet exists and is as the notice says. Then no user has to be looked up."""
        wallet = self.locked.wallets.get(notice.account_id or self._wallet_id(notice))
        return wallet is not None and _mismatch(notice, wallet, frozenset()) is None


def _mismatch(
    notice: Notice, wallet: "booking.LockedWallet | booking.NewWallet | None", users: AbstractSet[int]
) -> type[WebhookRefused] | None:
    if wallet is not None and wallet.owner_id == notice.user_id:
        return None if wallet.currency == notice.currency else WalletCurrencyMismatch
    if notice.user_id not in users:
        return UserNotFound
    if wallet is not None:
        return WalletOwnerMismatch
    return CreditWalletNotFound if notice.account_id >= FIRST_OWN_WALLET_ID else None


def _deposit(notice: Notice, wallet_id: int) -> booking.NewTransaction:
    posting = booking.NewPosting(booking.house_wallet(_CLEARING, notice.currency), wallet_id, notice.amount)
    return booking.NewTransaction(_DEPOSIT, (posting,), f"{notice.provider.slug} {notice.external_id}")


# Plain texts: members of an enumeration are slower to hash and compare, a million times a minute.
_CLEARING = Wallet.House.CLEARING.value
_DEPOSIT = Transaction.Kind.DEPOSIT.value
