"""Paying back: the whole of a purchase or a part, never more than was paid."""

from decimal import Decimal

from django.db import transaction

from accounts.models import User
from api.decimals import format_amount
from catalog.models import Purchase, Refund
from payments.ledger import booking
from payments.models import Transaction, Wallet
from payments.money import check_amount
from staff.separation_of_duties import refuse_own


class RefundExceedsPurchase(Exception):
    """The refund is more than what is left of the purchase."""

    field = "amount"

    def __init__(self, left: str) -> None:
        super().__init__(f"{left} of the purchase is left to refund.")
        self.extra = {"refundable": left}


@transaction.atomic
def refund(*, purchase_id: int, by: User, amount: Decimal | None = None, reason: str = "") -> Refund:
    """Move money from the house's sales back to the wallet that paid; all that is left when no amount is given.

    Locks the purchase, then the wallet. The stock stays as it is: whether the goods came back is not known here.
    Not idempotent. Raises Purchase.DoesNotExist, OwnOrder when `by` bought it, InvalidAmount,
    RefundExceedsPurchase, and the ledger's errors.
    """
    purchases = Purchase.objects.select_for_update(no_key=True, of=("self",)).select_related("currency")
    purchase = purchases.get(pk=purchase_id)
    refuse_own(by, purchase.user_id)
    amount = _allowed(purchase, amount)
    returned = Refund(purchase=purchase, amount=amount, reason=reason)
    returned.transaction_id = _pay_back(purchase, amount)
    returned.save(force_insert=True)
    purchase.refunded += amount
    purchase.save(update_fields=["refunded"])
    return returned


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
    refund = booking.NewTransaction(Transaction.Kind.REFUND, (posting,), f"refund of purchase {purchase.pk}")
    return booking.lock([purchase.wallet_id]).book_one(refund).transaction_id
