"""Paying back: the whole of a purchase or a part, never more than was paid."""

from decimal import Decimal

from django.db import transaction

from accounts.models import User
from api.decimals import format_amount
from catalog.models import Purchase, Refund
from catalog.plans.refunds import RefundedMeanwhile, RefundExceedsPurchase, RefundPlan
from payments.operations.plan import carry_out
from staff.history import record

__all__ = ["RefundExceedsPurchase", "RefundedMeanwhile", "refund"]


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
    back is not known here. Not idempotent without `seen_refunded`. Raises Purchase.DoesNotExist, and what
    `RefundPlan.decide` raises.
    """
    purchase = Purchase.objects.select_related("currency").get(pk=purchase_id)
    new = carry_out(RefundPlan(purchase=purchase, by=by, amount=amount, reason=reason, seen_refunded=seen_refunded))
    _record(new, by)
    return new


def _record(new: Refund, staff: User) -> None:
    currency = new.purchase.currency
    amount = format_amount(new.amount, currency.decimal_places)
    why = f" Reason: {new.reason}" if new.reason else ""
    record(about=new.purchase, staff=staff, text=f"Refunded {amount} {currency.pk}.{why}")
