"""The shop's events: each purchase and each refund is one."""

from collections.abc import Mapping, Sequence

from api.decimals import format_amount
from api.timestamps import timestamp
from catalog.models import Purchase, Refund
from payments.events.sources import EventContent, EventKey, Source
from payments.events.types import EventType
from payments.metadata.members import attached_answer


def _purchases(keys: Sequence[EventKey]) -> Mapping[EventKey, EventContent]:
    rows = Purchase.objects.select_related("currency").in_bulk([key.source_id for key in keys])
    return {key: EventContent(rows[key.source_id].created_at, _purchase(rows[key.source_id])) for key in keys}


def _purchase(purchase: Purchase) -> dict[str, object]:
    """Without what changes later: its status, and what of it was refunded."""
    places = purchase.currency.decimal_places
    return {
        "id": purchase.pk,
        "user": purchase.user_id,
        "product": purchase.product_id,
        "title": purchase.title,
        "wallet": purchase.wallet_id,
        "quantity": purchase.quantity,
        "unit_price": format_amount(purchase.unit_price, places),
        "amount": format_amount(purchase.amount, places),
        "currency": purchase.currency_id,
        **attached_answer(purchase),
        "transaction": purchase.transaction_id,
        "created_at": timestamp(purchase.created_at),
    }


def _refunds(keys: Sequence[EventKey]) -> Mapping[EventKey, EventContent]:
    rows = Refund.objects.select_related("purchase__currency").in_bulk([key.source_id for key in keys])
    return {key: EventContent(rows[key.source_id].created_at, _refund(rows[key.source_id])) for key in keys}


def _refund(refund: Refund) -> dict[str, object]:
    purchase = refund.purchase
    return {
        "id": refund.pk,
        "purchase": purchase.pk,
        "user": purchase.user_id,
        "wallet": purchase.wallet_id,
        "amount": format_amount(refund.amount, purchase.currency.decimal_places),
        "currency": purchase.currency_id,
        "reason": refund.reason,
        "transaction": refund.transaction_id,
        "created_at": timestamp(refund.created_at),
    }


_MOMENT = "2026-01-31T12:00:00.123456Z"
_WALLET = {"user": 7, "wallet": 1000000000000026}
_PURCHASE = {
    "id": 5,
    **_WALLET,
    "product": 3,
    "title": "Pen",
    "quantity": 2,
    "unit_price": "25.00",
    "amount": "50.00",
    "currency": "USD",
    "reference": "INV-2026-0117",
    "metadata": {"order": "2026-0117", "shop": "berlin"},
    "transaction": 1234,
    "created_at": _MOMENT,
}
_REFUND = {
    "id": 6,
    "purchase": 5,
    **_WALLET,
    "amount": "25.00",
    "currency": "USD",
    "reason": "One was broken.",
    "transaction": 1240,
    "created_at": _MOMENT,
}

PURCHASES = Source(
    "purchase",
    "catalog_purchase",
    (EventType("purchase.booked", "A user bought something.", _PURCHASE),),
    _purchases,
    events=(("'purchase.booked'", "true"),),
)
REFUNDS = Source(
    "refund",
    "catalog_refund",
    (EventType("purchase.refunded", "Some or all of a purchase's price went back.", _REFUND),),
    _refunds,
    events=(("'purchase.refunded'", "true"),),
)
