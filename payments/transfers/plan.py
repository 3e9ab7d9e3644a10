"""A transfer whose destination is known: what it asks and locks, and how it is decided."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Role
from api.decimals import format_amount
from payments.commission import charging
from payments.commission.models import Operation
from payments.ledger import booking, shortfall
from payments.ledger.models import Currency, Transaction, Wallet
from payments.ledger.queries.ledger_questions import CURRENCY_OF_WALLET, OWNER_OF_WALLET, currency_from, owner_from
from payments.ledger.services.currencies import in_use
from payments.metadata.members import NOTHING, Attached
from payments.money import check_amount
from payments.operations.plan import Questions, UnitOfWork
from payments.transfers.models import Transfer
from payments.transfers.queries import OWN, SENT
from postgres.parameters import BIGINT
from postgres.pipeline_connection import Rows
from postgres.questions import Question

ROLES_WITH_WALLETS = (Role.USER, Role.ADMIN)
_NEW_ID = Question("SELECT asked.n, nextval('payments_transfer_id_seq') FROM {rows} AS asked (n, number)", BIGINT)


class RecipientNotFound(Exception):
    """There is nobody who could receive this: no such person or wallet, or not an active one."""


class TransferLimitExceeded(Exception):
    """It is more than may still be sent to others today."""

    field = "amount"

    def __init__(self, left: str, currency: str) -> None:
        super().__init__(
            _("%(left)s %(currency)s may still be sent to others today (UTC).") % {"left": left, "currency": currency}
        )
        self.extra = {"left": left}


@dataclass(slots=True, kw_only=True)
class TransferPlan:
    """Moves an amount to another wallet; the commission comes on top, from the sender. Locks both wallets.

    `left_today` is what the sender may still send to others, read under the lock of the sender's row; None: no limit.
    """

    user_id: int
    source_id: int
    destination_id: int
    amount: Decimal
    note: str = ""
    attached: Attached = NOTHING
    left_today: Decimal | None = None
    at: datetime = field(default_factory=timezone.now)
    _currency: Rows = field(default_factory=list)
    _owner: Rows = field(default_factory=list)
    _rule: Rows = field(default_factory=list)
    _id: Rows = field(default_factory=list)

    def ask(self, questions: Questions) -> None:
        questions.lock_wallets(self.source_id, self.destination_id)
        self._currency = questions.ask(CURRENCY_OF_WALLET, self.source_id)
        self._owner = questions.ask(OWNER_OF_WALLET, self.destination_id)
        self._rule = charging.ask_rule(questions, operation=Operation.TRANSFER, wallet_id=self.source_id, at=self.at)
        self._id = questions.ask_anew(_NEW_ID)

    def decide(self, work: UnitOfWork) -> Transfer:
        """Return the transfer as its sender sees it.

        Raises WalletNotFound (the source), RecipientNotFound (whatever is wrong with the other side),
        CurrencyUnavailable, InvalidAmount, TransferLimitExceeded, and the ledger's SameWallet, CurrencyMismatch,
        InsufficientFunds and BalanceTooLarge.
        """
        source = work.own_wallet(self.source_id, self.user_id, field="source")
        currency = in_use(currency_from(self._currency), source.currency)
        check_amount(self.amount, decimal_places=currency.decimal_places, maximum=Decimal(settings.TILL_MAX_AMOUNT))
        recipient_id = self._recipient_id(currency)
        if self.left_today is not None and self.amount > self.left_today:
            raise TransferLimitExceeded(
                format_amount(max(self.left_today, Decimal(0)), currency.decimal_places), currency.pk
            )
        fee = charging.charge_by(self._rule, currency=currency, amount=self.amount)
        sent = Transfer(
            pk=self._id[0][0],
            user_id=self.user_id,
            recipient_id=recipient_id,
            source_id=self.source_id,
            destination_id=self.destination_id,
            currency=currency,
            amount=self.amount,
            commission=fee.amount,
            rule=fee.rule,
            note=self.note,
            reference=self.attached.reference,
            metadata=self.attached.metadata,
            created_at=work.now,
        )
        sent.transaction_id = self._book(work, sent)
        work.insert(sent)
        return seen_by_sender(sent)

    def _recipient_id(self, currency: Currency) -> int:
        """Return who owns the destination and may receive.

        Another user's wallet in another currency counts as missing: the sender must not learn that it exists.
        """
        owner = owner_from(self._owner)
        if owner is None or not owner.is_active or owner.role not in ROLES_WITH_WALLETS:
            raise RecipientNotFound
        if owner.currency != currency.pk and owner.user_id != self.user_id:
            raise RecipientNotFound
        return owner.user_id

    def _book(self, work: UnitOfWork, sent: Transfer) -> int:
        """Move the money; return the transaction's id."""
        new = booking.NewTransaction(Transaction.Kind.TRANSFER, tuple(_postings(sent)), f"transfer {sent.pk}")
        try:
            with shortfall.revealed(sent.currency.decimal_places):
                return work.book(new).transaction_id
        except (booking.SameWallet, booking.CurrencyMismatch) as error:
            error.field = "destination"
            raise


def seen_by_sender(sent: Transfer) -> Transfer:
    """Add what `queries.visible_to` adds for the sender."""
    is_own = sent.user_id == sent.recipient_id
    vars(sent).update(direction=OWN if is_own else SENT, seen_commission=sent.commission)
    return sent


def _postings(sent: Transfer) -> Sequence[booking.NewPosting]:
    postings = [booking.NewPosting(sent.source_id, sent.destination_id, sent.amount)]
    if sent.commission:
        fees = booking.house_wallet(Wallet.House.COMMISSION, sent.currency_id)
        postings.append(booking.NewPosting(sent.source_id, fees, sent.commission))
    return postings
