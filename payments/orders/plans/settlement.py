"""Settlements of orders, once and for ever: the money moves, or the hold is released."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeVar

from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts.models import Role, User
from payments.ledger import booking, shortfall
from payments.ledger.models import Transaction, Wallet
from payments.ledger.queries.ledger_questions import currency_from
from payments.metadata.members import Metadata
from payments.money import EXACT
from payments.operations.plan import Questions, UnitOfWork
from payments.orders.models import Deposit, Order, OrderStatus, Withdrawal
from payments.orders.plans import external_wallets
from payments.webhooks.models import Provider
from postgres.model_rows import microseconds_of, moment_of
from postgres.parameters import BIGINT, TEXT, RowsStatement
from postgres.pipeline_connection import Rows
from postgres.questions import LockOrder, Question, QuestionBatch
from staff.separation_of_duties import refuse_own

Settlement = Literal["paid", "rejected"]
AnOrder = TypeVar("AnOrder", bound=Order)

# What never changes of an order, so it is read without a lock.
_DEPOSIT_PLACE = Question(
    "SELECT asked.n, deposit.wallet_id FROM {rows} AS asked (n, id)"
    " JOIN payments_deposit deposit ON deposit.id = asked.id",
    BIGINT,
)
_WITHDRAWAL_PLACE = Question(
    "SELECT asked.n, withdrawal.wallet_id, withdrawal.user_id, withdrawal.external_wallet_id"
    " FROM {rows} AS asked (n, id) JOIN payments_withdrawal withdrawal ON withdrawal.id = asked.id",
    BIGINT,
)
_LOCKED_ORDER = """
SELECT asked.n, main.user_id, main.wallet_id, main.amount, main.commission, main.rule_id, main.status, main.reason,
    main.bank_reference, main.transaction_id, main.settled_by_id,
    (extract(epoch FROM main.settled_at) * 1000000)::bigint,
    (extract(epoch FROM main.created_at) * 1000000)::bigint, main.provider_id, provider.slug,
    main.reference, main.metadata,
    currency.code, currency.name, currency.decimal_places, currency.is_active
FROM {rows} AS asked (n, id)
JOIN TABLE main ON main.id = asked.id
JOIN payments_currency currency ON currency.code = main.currency_id
LEFT JOIN payments_provider provider ON provider.id = main.provider_id
ORDER BY main.id FOR NO KEY UPDATE OF main
"""
_LOCKED_DEPOSIT = Question(_LOCKED_ORDER.replace("TABLE", "payments_deposit"), BIGINT, order=LockOrder.DEPOSITS)
_LOCKED_WITHDRAWAL = Question(
    _LOCKED_ORDER.replace("TABLE", "payments_withdrawal"), BIGINT, order=LockOrder.WITHDRAWALS
)
_SCOPES = Question(
    "SELECT asked.n, scope.currency_id, scope.provider_id, scope.max_amount FROM {rows} AS asked (n, service_id)"
    " JOIN payments_settlementscope scope ON scope.service_id = asked.service_id",
    BIGINT,
)
_SETTLED = """
UPDATE TABLE AS main SET status = r.status, reason = r.reason, bank_reference = r.bank_reference,
    transaction_id = r.transaction_id, settled_by_id = r.settled_by_id,
    settled_at = timestamptz 'epoch' + r.settled_at * interval '1 microsecond'
FROM {rows} AS r (id, status, reason, bank_reference, transaction_id, settled_by_id, settled_at) WHERE main.id = r.id
"""
_SETTLED_COLUMNS = (BIGINT, TEXT, TEXT, TEXT, BIGINT, BIGINT, BIGINT)
_SETTLED_DEPOSIT = RowsStatement(_SETTLED.replace("TABLE", "payments_deposit"), *_SETTLED_COLUMNS)
_SETTLED_WITHDRAWAL = RowsStatement(_SETTLED.replace("TABLE", "payments_withdrawal"), *_SETTLED_COLUMNS)


_ALREADY = {
    "paid": gettext_lazy("The order was paid already."),
    "rejected": gettext_lazy("The order was rejected already."),
    "cancelled": gettext_lazy("The order was cancelled already."),
}


class AlreadySettled(Exception):
    """The order was settled otherwise already."""

    field = "status"

    def __init__(self, status: str) -> None:
        super().__init__(str(_ALREADY[status]))
        self.extra = {"settled": status}


class _OrderRow(NamedTuple):
    user_id: int
    wallet_id: int
    amount: Decimal
    commission: Decimal
    rule_id: int | None
    status: str
    reason: str
    bank_reference: str
    transaction_id: int | None
    settled_by_id: int | None
    settled_at: int | None
    created_at: int
    provider_id: int | None
    provider_slug: str
    reference: str
    metadata: Metadata | None
    currency: str
    currency_name: str
    decimal_places: int
    currency_is_active: bool


@dataclass(slots=True, kw_only=True)
class _OrderSettlement:
    """What the two kinds of settlement share. Locks the order's row."""

    order_id: int
    settlement: Settlement
    by: User
    reason: str = ""
    bank_reference: str = ""
    #: The order was pending, and is settled now.
    is_new: bool = False
    _place: Rows = field(default_factory=list)
    _row: Rows = field(default_factory=list)
    _scopes: Rows = field(default_factory=list)

    def _ask(self, questions: Questions, locked_order: Question) -> None:
        self._row = questions.ask(locked_order, self.order_id)
        if self.by.role == Role.SERVICE:
            self._scopes = questions.ask(_SCOPES, self.by.pk)

    def _order(self, kind: type[AnOrder]) -> AnOrder:
        """Return the order as it is under the lock. One that `by` may not settle counts as missing."""
        if not (self._place and self._row):  # one that was made in between is not locked as a whole
            raise kind.DoesNotExist
        order = _order_from(kind, self.order_id, _OrderRow(*self._row[0]))
        if not self._covers(order):
            raise kind.DoesNotExist
        refuse_own(self.by, order.user_id)
        return order

    def _covers(self, order: Order) -> bool:
        """Tell whether `by` may settle the order: an admin any, a service those of its scopes."""
        if self.by.role != Role.SERVICE:
            return self.by.role == Role.ADMIN
        return any(
            currency in (None, order.currency_id)
            and provider in (None, order.provider_id)
            and (limit is None or order.amount <= limit)
            for currency, provider, limit in self._scopes
        )

    def _is_settled(self, order: Order) -> bool:
        """Tell whether it is settled like this already. Raises AlreadySettled when it is settled otherwise."""
        if order.status not in (OrderStatus.PENDING, self.settlement):
            raise AlreadySettled(order.status)
        return order.status == self.settlement

    def _book(self, work: UnitOfWork, order: Order, new: booking.NewTransaction) -> int:
        """Book it. What a wallet lacks is for admins: a service knows orders, and no balances."""
        if self.by.role != Role.ADMIN:
            return work.book(new).transaction_id
        with shortfall.revealed(order.currency.decimal_places):
            return work.book(new).transaction_id

    def _settle(self, work: UnitOfWork, order: Order, statement: RowsStatement) -> None:
        """Write the settlement. The owner reads the reason of a rejection; only the history has that of a payment."""
        now = timezone.now()
        order.status, order.reason = OrderStatus(self.settlement), self.reason if self.settlement == "rejected" else ""
        order.bank_reference = self.bank_reference
        order.settled_by_id, order.settled_at, self.is_new = self.by.pk, now, True
        settled: dict[str, Any] = {
            "status": self.settlement,
            "reason": order.reason,
            "bank_reference": order.bank_reference,
            "transaction_id": order.transaction_id,
            "settled_by_id": self.by.pk,
            "settled_at": microseconds_of(now),
        }
        work.update(statement, order.pk, *settled.values())
        work.change_answer(self._row, *_OrderRow(*self._row[0])._replace(**settled))


@dataclass(slots=True, kw_only=True)
class DepositSettlement(_OrderSettlement):
    """Books a deposit whose money has arrived, or rejects it. Locks the deposit, then the wallet."""

    def find(self, questions: QuestionBatch) -> None:
        self._place = questions.ask(_DEPOSIT_PLACE, self.order_id)

    def ask(self, questions: Questions) -> None:
        self._ask(questions, _LOCKED_DEPOSIT)
        if self.settlement == "paid":
            questions.lock_wallets(*(wallet_id for (wallet_id,) in self._place))

    def decide(self, work: UnitOfWork) -> Deposit:
        """Return the deposit, settled now or before.

        Raises Deposit.DoesNotExist when `by` may not settle it, OwnOrder, AlreadySettled or BalanceTooLarge.
        """
        deposit = self._order(Deposit)
        if self._is_settled(deposit):
            return deposit
        if self.settlement == "paid":
            deposit.transaction_id = self._book(work, deposit, _deposit_transaction(deposit))
        self._settle(work, deposit, _SETTLED_DEPOSIT)
        return deposit


@dataclass(slots=True, kw_only=True)
class WithdrawalSettlement(_OrderSettlement):
    """Pays out what a withdrawal holds, less the commission; or gives it back.

    Locks the withdrawal, its owner's external wallets, then the wallet. So whoever deletes the owner waits, or has
    finished.
    """

    _account: Rows = field(default_factory=list)

    def find(self, questions: QuestionBatch) -> None:
        self._place = questions.ask(_WITHDRAWAL_PLACE, self.order_id)

    def ask(self, questions: Questions) -> None:
        self._ask(questions, _LOCKED_WITHDRAWAL)
        for wallet_id, owner_id, external_wallet_id in self._place:
            questions.lock_wallets(wallet_id)
            external_wallets.lock_all(questions, owner_id=owner_id)
            self._account = external_wallets.ask_account(questions, external_wallet_id)

    def decide(self, work: UnitOfWork) -> Withdrawal:
        """Return the withdrawal, settled now or before.

        Raises Withdrawal.DoesNotExist when `by` may not settle it, OwnOrder or AlreadySettled. Raises InsufficientFunds
        when a reversal has taken the money meanwhile.
        """
        withdrawal = self._order(Withdrawal)
        if not self._is_settled(withdrawal):
            work.release(withdrawal.wallet_id, withdrawal.amount)
            if self.settlement == "paid":
                withdrawal.transaction_id = self._book(work, withdrawal, _withdrawal_transaction(withdrawal))
            self._settle(work, withdrawal, _SETTLED_WITHDRAWAL)
            external_wallets.settle_account(work, self._account)
        [(_, _, external_wallet_id)] = self._place
        withdrawal.external_wallet, withdrawal.user = external_wallets.account_from(self._account, external_wallet_id)
        return withdrawal


def _order_from(kind: type[AnOrder], order_id: int, row: _OrderRow) -> AnOrder:
    order = kind(
        pk=order_id,
        user_id=row.user_id,
        wallet_id=row.wallet_id,
        currency=currency_from([row[-4:]]),
        amount=row.amount,
        commission=row.commission,
        rule_id=row.rule_id,
        provider=Provider(pk=row.provider_id, slug=row.provider_slug) if row.provider_id else None,
        status=OrderStatus(row.status),
        reason=row.reason,
        bank_reference=row.bank_reference,
        transaction_id=row.transaction_id,
        settled_by_id=row.settled_by_id,
        settled_at=None if row.settled_at is None else moment_of(row.settled_at),
        created_at=moment_of(row.created_at),
        reference=row.reference,
        metadata=row.metadata,
    )
    order._state.adding = False
    return order


def _deposit_transaction(deposit: Deposit) -> booking.NewTransaction:
    """Return the transaction. Its commission is paid from its own amount, even where the balance is below zero."""
    clearing, commission = _houses(deposit)
    postings = [booking.NewPosting(clearing, deposit.wallet_id, deposit.amount)]
    if deposit.commission:
        postings.append(booking.NewPosting(deposit.wallet_id, commission, deposit.commission))
    return booking.NewTransaction(Transaction.Kind.DEPOSIT, tuple(postings), f"deposit {deposit.pk}", overdraws=True)


def _withdrawal_transaction(withdrawal: Withdrawal) -> booking.NewTransaction:
    clearing, commission = _houses(withdrawal)
    out = ((clearing, EXACT.subtract(withdrawal.amount, withdrawal.commission)), (commission, withdrawal.commission))
    postings = tuple(booking.NewPosting(withdrawal.wallet_id, house, amount) for house, amount in out if amount)
    return booking.NewTransaction(Transaction.Kind.WITHDRAWAL, postings, f"withdrawal {withdrawal.pk}")


def _houses(order: Order) -> tuple[int, int]:
    return (
        booking.house_wallet(Wallet.House.CLEARING, order.currency_id),
        booking.house_wallet(Wallet.House.COMMISSION, order.currency_id),
    )
