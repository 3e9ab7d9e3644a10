"""What staff do by hand in the shop, with a reason that stays in the history."""

from decimal import Decimal

from django.db import transaction

from accounts.models import User
from api.decimals import format_amount
from catalog.models import Purchase, Refund
from catalog.services.refunds import refund
from staff.history import record


class RefundedMeanwhile(Exception):
    """Something was refunded since this page was shown. Load it again to see what is left."""


@transaction.atomic
def refund_purchase(
    *, purchase_id: int, amount: Decimal | None, reason: str, staff: User, seen_refunded: Decimal
) -> Refund:
    """Refund as `catalog.services.refund` does, if no more was refunded by now than staff saw; and note it.

    So the same form sent twice refunds once: what is refunded only ever rises. Takes the lock of the purchase's row
    first, as refund does. Raises RefundedMeanwhile and what refund raises.
    """
    purchases = Purchase.objects.select_for_update(no_key=True, of=("self",)).select_related("currency")
    purchase = purchases.get(pk=purchase_id)
    if purchase.refunded != seen_refunded:
        raise RefundedMeanwhile
    made = refund(purchase_id=purchase_id, by=staff, amount=amount, reason=reason)
    note_refund(made=made, staff=staff)
    return made


def note_refund(*, made: Refund, staff: User) -> None:
    """Write it into the history of the purchase; in the atomic block of the refund."""
    currency = made.purchase.currency
    why = f" Reason: {made.reason}" if made.reason else ""
    written = format_amount(made.amount, currency.decimal_places)
    record(about=made.purchase, staff=staff, text=f"Refunded {written} {currency.pk}.{why}")
