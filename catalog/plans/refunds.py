"""A refund: what it asks and locks, and how it is decided."""

from dataclasses import dataclass, field
from decimal import Decimal

from django.utils.translation import gettext as _

from accounts.models import User
from api.decimals import format_amount
from catalog.models import Purchase, Refund
from payments.ledger import booking
from payments.models import Transaction, Wallet
from payments.money import check_amount
from payments.operations.plan import Questions, UnitOfWork
from postgres.parameters import BIGINT, NUMERIC, RowsStatement
from postgres.pipeline_connection import Rows
from postgres.questions import LockOrder, Question
from staff.separation_of_duties import refuse_own

_REFUNDED = Question(
    "SELECT asked.n, purchase.refunded FROM {rows} AS asked (n, purchase_id)"
    " JOIN catalog_purchase purchase ON purchase.id = asked.purchase_id"
    " ORDER BY purchase.id FOR NO KEY UPDATE OF purchase",
    BIGINT,
    order=LockOrder.PURCHASES,
)
_NEW_ID = Question("SELECT asked.n, nextval('catalog_refund_id_seq') FROM {rows} AS asked (n, number)", BIGINT)
_SET_REFUNDED = RowsStatement(
    "UPDATE catalog_purchase SET refunded = r.refunded"
    " FROM {rows} AS r (id, refunded) WHERE catalog_purchase.id = r.id",
    *(BIGINT, NUMERIC),
)


class RefundExceedsPurchase(Exception):
    """The refund is more than what is left of the purchase."""

    field = "amount"

    def __init__(self, left: str) -> None:
        super().__init__(_("%(left)s of the purchase is left to refund.") % {"left": left})
        self.extra = {"refundable": left}


class RefundedMeanwhile(Exception):
    """Something was refunded since this page was shown. Load it again to see what is left."""


@dataclass(slots=True, kw_only=True)
class RefundPlan:
    """Pays back a purchase, whole or in part. Locks the purchase, then the wallet that paid.

    Of the purchase only `refunded` ever changes: it is read again under the lock.
    """

    purchase: Purchase
    by: User
    amount: Decimal | None = None
    reason: str = ""
    seen_refunded: Decimal | None = None
    _refunded: Rows = field(default_factory=list)
    _id: Rows = field(default_factory=list)

    def ask(self, questions: Questions) -> None:
        questions.lock_wallets(self.purchase.wallet_id)
        self._refunded = questions.ask(_REFUNDED, self.purchase.pk)
        self._id = questions.ask_anew(_NEW_ID)

    def decide(self, work: UnitOfWork) -> Refund:
        """Return the refund.

        Raises RefundedMeanwhile, OwnOrder when `by` bought it, InvalidAmount, RefundExceedsPurchase, and the ledger's
        errors.
        """
        purchase = self.purchase
        purchase.refunded = self._refunded[0][0]
        if self.seen_refunded not in (None, purchase.refunded):
            raise RefundedMeanwhile
        refuse_own(self.by, purchase.user_id)
        amount = _allowed(purchase, self.amount)
        new = Refund(
            pk=self._id[0][0], purchase=purchase, amount=amount, reason=self.reason, created_at=work.now,
            transaction_id=_pay_back(work, purchase, amount),
        )  # fmt: skip
        purchase.refunded += amount
        work.update(_SET_REFUNDED, purchase.pk, purchase.refunded)
        work.change_answer(self._refunded, purchase.refunded)
        work.insert(new)
        return new


def _allowed(purchase: Purchase, amount: Decimal | None) -> Decimal:
    """Return what to refund. The amount is as exact as the purchase: nothing is rounded."""
    places = purchase.currency.decimal_places
    if amount is not None:
        check_amount(amount, decimal_places=places, maximum=amount)
    if purchase.refundable <= 0 or (amount or 0) > purchase.refundable:
        raise RefundExceedsPurchase(format_amount(purchase.refundable, places))
    return purchase.refundable if amount is None else amount


def _pay_back(work: UnitOfWork, purchase: Purchase, amount: Decimal) -> int:
    sales = booking.house_wallet(Wallet.House.SALES, purchase.currency_id)
    posting = booking.NewPosting(sales, purchase.wallet_id, amount)
    payback = booking.NewTransaction(Transaction.Kind.REFUND, (posting,), f"refund of purchase {purchase.pk}")
    return work.book(payback).transaction_id
