"""Requests for money to come in or to go out. The commission is decided here and never changes."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import cast

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import UnknownUser
from payments.commission import charging
from payments.commission.models import Operation
from payments.ledger import booking, shortfall
from payments.ledger.models import Currency
from payments.ledger.queries.ledger_questions import CURRENCY_OF_WALLET, currency_from
from payments.ledger.services.currencies import in_use
from payments.metadata.members import NOTHING, Attached
from payments.money import check_amount
from payments.operations.plan import Questions, UnitOfWork
from payments.orders.models import Deposit, ExternalWallet, Order, Withdrawal
from payments.orders.plans.external_wallets import ask_locked
from payments.webhooks.models import Provider
from postgres.parameters import BIGINT, TEXT
from postgres.pipeline_connection import Rows
from postgres.questions import LockOrder, Question

_LOCKED_USER = Question(
    "SELECT asked.n, account.email, account.is_active FROM {rows} AS asked (n, user_id)"
    " JOIN accounts_user account ON account.id = asked.user_id ORDER BY account.id FOR NO KEY UPDATE OF account",
    BIGINT,
    order=LockOrder.USERS,
)
# Of each kind no more are counted than the limit.
_PENDING = Question(
    """
SELECT asked.n, (
    SELECT count(*) FROM (
        SELECT FROM payments_deposit WHERE user_id = asked.user_id AND status = 'pending' LIMIT asked.most
    ) AS deposits
) + (
    SELECT count(*) FROM (
        SELECT FROM payments_withdrawal WHERE user_id = asked.user_id AND status = 'pending' LIMIT asked.most
    ) AS withdrawals
)
FROM {rows} AS asked (n, user_id, most)
""",
    *(BIGINT, BIGINT),
)
_PROVIDER = Question(
    "SELECT asked.n, provider.id, provider.slug, provider.currency_id FROM {rows} AS asked (n, slug)"
    " JOIN payments_provider provider ON provider.slug = asked.slug AND provider.is_active",
    TEXT,
)
_NEW_WITHDRAWAL = Question(
    "SELECT asked.n, nextval('payments_withdrawal_id_seq') FROM {rows} AS asked (n, number)", BIGINT
)
_NEW_DEPOSIT = Question("SELECT asked.n, nextval('payments_deposit_id_seq') FROM {rows} AS asked (n, number)", BIGINT)


class ProviderUnavailable(Exception):
    """There is no such provider, or it is not in use."""

    field = "provider"


class TooManyPendingOrders(Exception):
    """So many of your deposits and withdrawals are pending that some have to be settled first."""


@dataclass(slots=True, kw_only=True)
class _OrderRequest:
    """What the two kinds of request share. Locks the user, to count; the commission rule; and the wallet."""

    user_id: int
    wallet_id: int
    amount: Decimal
    provider: str | None = None
    attached: Attached = NOTHING
    at: datetime = field(default_factory=timezone.now)
    _user: Rows = field(default_factory=list)
    _pending: Rows = field(default_factory=list)
    _currency: Rows = field(default_factory=list)
    _provider: Rows = field(default_factory=list)
    _rule: Rows = field(default_factory=list)
    _id: Rows = field(default_factory=list)

    def _ask(self, questions: Questions, operation: Operation, new_id: Question) -> None:
        questions.lock_wallets(self.wallet_id)
        self._user = questions.ask(_LOCKED_USER, self.user_id)
        self._pending = questions.ask(_PENDING, self.user_id, settings.TILL_PENDING_ORDERS)
        self._currency = questions.ask(CURRENCY_OF_WALLET, self.wallet_id)
        self._rule = charging.ask_rule(questions, operation=operation, wallet_id=self.wallet_id, at=self.at)
        if self.provider:
            self._provider = questions.ask(_PROVIDER, self.provider)
        self._id = questions.ask_anew(new_id)

    def _check_pending(self) -> None:
        """Look at the count, which was read under the lock of the user's row and has what this batch decided."""
        if not self._user:
            raise UnknownUser(_("There is no user %(user_id)s.") % {"user_id": self.user_id})
        if self._pending[0][0] >= settings.TILL_PENDING_ORDERS:
            raise TooManyPendingOrders

    def _fill(self, order: Order, currency: Currency) -> None:
        """Set what the two kinds of order share, by the commission rule in force when it was asked for."""
        check_amount(self.amount, decimal_places=currency.decimal_places, maximum=Decimal(settings.TILL_MAX_AMOUNT))
        order.pk, order.user_id, order.wallet_id = self._id[0][0], self.user_id, self.wallet_id
        order.currency, order.amount, order.created_at = currency, self.amount, self.at
        order.reference, order.metadata = self.attached
        order.provider = self._provider_of(currency) if self.provider else None
        charge = charging.charge_by(self._rule, currency=currency, amount=self.amount)
        order.commission, order.rule = charge.amount, charge.rule

    def _provider_of(self, currency: Currency) -> Provider:
        if not self._provider:
            raise ProviderUnavailable
        id_, slug, code = self._provider[0]
        if code != currency.pk:
            raise booking.CurrencyMismatch(
                _("The provider's currency is %(currency)s.") % {"currency": code}, field="provider"
            )
        return Provider(pk=id_, slug=slug, currency_id=code)

    def _insert(self, work: UnitOfWork, order: Order) -> None:
        work.insert(order)
        work.change_answer(self._pending, self._pending[0][0] + 1)


@dataclass(slots=True, kw_only=True)
class DepositRequest(_OrderRequest):
    """Notes that money shall come into a wallet of the user's own; nothing moves."""

    def ask(self, questions: Questions) -> None:
        self._ask(questions, Operation.DEPOSIT, _NEW_DEPOSIT)

    def decide(self, work: UnitOfWork) -> Deposit:
        """Return the deposit.

        Raises TooManyPendingOrders, WalletNotFound, CurrencyUnavailable, InvalidAmount, ProviderUnavailable or
        CurrencyMismatch.
        """
        self._check_pending()
        wallet = work.own_wallet(self.wallet_id, self.user_id, field="wallet")
        deposit = Deposit()
        self._fill(deposit, in_use(currency_from(self._currency), wallet.currency))
        self._insert(work, deposit)
        return deposit


@dataclass(slots=True, kw_only=True)
class WithdrawalRequest(_OrderRequest):
    """Reserves money of a wallet of the user's own, to go to one of their external wallets, which it locks."""

    external_wallet_id: int
    _external: Rows = field(default_factory=list)

    def ask(self, questions: Questions) -> None:
        self._ask(questions, Operation.WITHDRAWAL, _NEW_WITHDRAWAL)
        self._external = ask_locked(questions, owner_id=self.user_id, external_wallet_id=self.external_wallet_id)

    def decide(self, work: UnitOfWork) -> Withdrawal:
        """Return the withdrawal.

        Raises TooManyPendingOrders, ExternalWallet.DoesNotExist, WalletNotFound, InvalidAmount, ProviderUnavailable,
        CurrencyMismatch or InsufficientFunds. Money in a currency that is out of use may still leave.
        """
        self._check_pending()
        external = self._external_wallet()
        work.own_wallet(self.wallet_id, self.user_id, field="wallet")
        [(email, is_active)] = self._user
        withdrawal = Withdrawal(user=User(pk=self.user_id, email=email, is_active=is_active), external_wallet=external)
        self._fill(withdrawal, cast("Currency", currency_from(self._currency)))  # each wallet has one
        if withdrawal.currency_id != external.currency_id:
            raise booking.CurrencyMismatch(
                _("The external wallet is for %(currency)s.") % {"currency": external.currency_id},
                field="external_wallet",
            )
        with shortfall.revealed(withdrawal.currency.decimal_places):
            work.hold(self.wallet_id, self.amount)
        self._insert(work, withdrawal)
        return withdrawal

    def _external_wallet(self) -> ExternalWallet:
        if not self._external:
            raise ExternalWallet.DoesNotExist
        label, currency, kind, details = self._external[0]
        return ExternalWallet(
            pk=self.external_wallet_id,
            owner_id=self.user_id,
            label=label,
            currency_id=currency,
            kind=kind,
            details=details,
        )
