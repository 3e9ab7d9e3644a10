"""Paying back: the whole of a purchase or a part, never more than was paid."""

from decimal import Decimal

from django.db import transaction

from accounts.models import User
from api.decimals import format_amount
from catalog.models import Purchase, Refund
from payments.ledger import booking
from payments.models import Transaction, Wallet
from payments.money import check_amount
from staff.history import record
from staff.separation_of_duties import refuse_own


class RefundExceedsPurchase(Exception):
    """The refund is more than what is left of the purchase."""

    field = "amount"

    def __init__(self, left: str) -> None:
        super().__init__(f"{left} of the purchase is left to refund.")
        self.extra = {"refundable": left}


class RefundedMeanwhile(Exception):
    """Something was refunded since this page was shown. Load it again to see what is left."""


@transaction.atomic
def refund(
    *,
    purchase_id: int,
    by: User,
    amount: Decimal | None = None,
    reason: str = "",
    seen_refunded: Decimal | None = None,
) -> Refund:
    """Move money from the house's sales back to the wallet that paid; all that is left when no amount is given.

    With `seen_refunded`, the same form sent twice refunds once: what is refunded only ever rises. Locks the purchase,
    then the wallet, and records the refund in the purchase's history. The stock stays as it is: whether the goods came
    back is not known here. Not idempotent without `seen_refunded`. Raises Purchase.DoesNotExist, RefundedMeanwhile,
    OwnOrder when `by` bought it, InvalidAmount, RefundExceedsPurchase, and the ledger's errors.
    """
    purchases = Purchase.objects.select_for_update(no_key=True, of=("self",)).select_related("currency")
    purchase = purchases.get(pk=purchase_id)
    if seen_refunded not in (None, purchase.refunded):
        raise RefundedMeanwhile
    refuse_own(by, purchase.user_id)
    amount = _allowed(purchase, amount)
    new = Refund(purchase=purchase, amount=amount, reason=reason)
    new.transaction_id = _pay_back(purchase, amount)
    new.save(force_insert=True)
    purchase.refunded += amount
    purchase.save(update_fields=["refunded"])
    _record(new, by)
    return new


def _allowed(purchase: Purchase, amount: Decimal | None) -> Decimal:
    """Return what to refund. The amount is as exact as the purchase: nothing is rounded."""
    places = purchase.currency.decimal_places
    if amount is not None:
        check_amount(amount, decimal_places=places, maximum=amount)
    if purchase.refundable <= 0 or (amount or 0) > purchase.refundable:
        raise RefundExceedsPurchase(format_amount(purchase.refundable, places))
    return purchase.refundable if amount is None else amount


def _pay_back(purchase: Purchase, amount: Decimal) -> int:
    sales = booking.house_wallet(Wallet.House.SALES, purchase.currency_id)
    posting = booking.NewPosting(sales, purchase.wallet_id, amount)
    payback = booking.NewTransaction(Transaction.Kind.REFUND, (posting,), f"refund of purchase {purchase.pk}")
    return booking.lock([purchase.wallet_id]).book_one(payback).transaction_id


def _record(new: Refund, staff: User) -> None:
    currency = new.purchase.currency
    amount = format_amount(new.amount, currency.decimal_places)
    why = f" Reason: {new.reason}" if new.reason else ""
    record(about=new.purchase, staff=staff, text=f"Refunded {amount} {currency.pk}.{why}")
