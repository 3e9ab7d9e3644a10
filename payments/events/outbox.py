"""Events of the outbox: changes of rows, each written down by a trigger in the database transaction of the change."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from api.decimals import format_amount
from api.timestamps import timestamp
from payments.events.models import OutboxEvent
from payments.events.sources import EventContent, EventKey, Source
from payments.events.types import EventType
from payments.ledger.models import Currency
from payments.orders.models import Deposit, OrderStatus, Withdrawal
from payments.orders.serializers.orders import deposit_answer
from payments.webhooks.models import WebhookEvent

_Rows = Sequence[OutboxEvent]
_Contents = Iterable[tuple[OutboxEvent, EventContent]]


def read(keys: Sequence[EventKey]) -> Mapping[EventKey, EventContent]:
    by_family: dict[str, list[OutboxEvent]] = {}
    for row in OutboxEvent.objects.filter(pk__in=[key.source_id for key in keys]):
        by_family.setdefault(row.type.partition(".")[0], []).append(row)
    return {
        EventKey(row.type, row.pk): content
        for family, rows in by_family.items()
        for row, content in _FAMILIES[family](rows)
    }


def _as_written(rows: _Rows) -> _Contents:
    for row in rows:
        yield row, EventContent(row.created_at, row.data)


def _deposits(rows: _Rows) -> _Contents:
    orders = Deposit.objects.select_related("currency", "provider").in_bulk([row.data["id"] for row in rows])
    for row in rows:
        yield row, _order(row, orders[row.data["id"]], {})


def _withdrawals(rows: _Rows) -> _Contents:
    orders = Withdrawal.objects.select_related("currency", "provider").in_bulk([row.data["id"] for row in rows])
    for row in rows:
        order = orders[row.data["id"]]
        yield row, _order(row, order, {"external_wallet": order.external_wallet_id})


def _order(row: OutboxEvent, order: Deposit | Withdrawal, more: Mapping[str, Any]) -> EventContent:
    """A settled order stays as it is, so its row tells of its settlement; and of its creation, all but these five."""
    data = {**deposit_answer(order), "provider": row.data["provider"], **more}
    if row.type.endswith(".created"):
        data |= {"status": OrderStatus.PENDING.value, "reason": "", "bank_reference": ""}
        data |= {"transaction": None, "settled_at": None}
        return EventContent(order.created_at, data)
    return EventContent(order.settled_at or row.created_at, data)


def _notices(rows: _Rows) -> _Contents:
    """What the notice says stays; what became of it, and its provider, were written down."""
    notices = WebhookEvent.objects.in_bulk([row.data["webhook_event"] for row in rows])
    currencies = Currency.objects.in_bulk({row.data["currency"] for row in rows})
    for row in rows:
        notice, currency = notices[row.data["webhook_event"]], currencies[row.data["currency"]]
        data = {
            "webhook_event": notice.pk,
            "provider": row.data["provider"],
            "transaction_id": notice.external_id,
            "user_id": notice.user_id,
            "account_id": notice.account_id or None,  # a notice may name none
            "amount": format_amount(notice.amount, currency.decimal_places),
            "currency": currency.code,
            "reason": row.data["reason"],
        }
        yield row, EventContent(row.created_at, data)


def _rates(rows: _Rows) -> _Contents:
    for row in rows:
        as_of = timestamp(datetime.fromisoformat(row.data["as_of"]))
        yield row, EventContent(row.created_at, {**row.data, "as_of": as_of})


_FAMILIES: dict[str, Callable[[_Rows], _Contents]] = {
    "wallet": _as_written,
    "deposit": _deposits,
    "withdrawal": _withdrawals,
    "user": _as_written,
    "notice": _notices,
    "rate": _rates,
}

_ORDER = {
    "id": 8,
    "user": 7,
    "wallet": 1000000000000026,
    "amount": "100.00",
    "currency": "USD",
    "commission": "1.50",
    "net": "98.50",
    "status": "pending",
    "reason": "",
    "bank_reference": "",
    "provider": None,
    "reference": "INV-2026-0117",
    "metadata": {"order": "2026-0117", "shop": "berlin"},
    "transaction": None,
    "created_at": "2026-01-31T12:00:00.123456Z",
    "settled_at": None,
}
_LATER = "2026-01-31T12:05:00.123456Z"
_SETTLED: dict[str, dict[str, Any]] = {
    "paid": {"status": "paid", "bank_reference": "NTRF 2026-01-31 0042", "transaction": 1234, "settled_at": _LATER},
    "rejected": {"status": "rejected", "reason": "The card was declined.", "settled_at": _LATER},
    "expired": {"status": "rejected", "reason": "expired", "settled_at": _LATER},
    "cancelled": {"status": "cancelled", "settled_at": _LATER},
}
_USER = {"user": 7, "role": "user"}
_NOTICE = {
    "webhook_event": 12,
    "provider": "sha1_colon",
    "transaction_id": "1234567",
    "user_id": 99,
    "account_id": 123456,
    "amount": "100.00",
    "currency": "USD",
    "reason": "user_not_found",
}
_RATE = {
    "source_currency": "USD",
    "target_currency": "EUR",
    "rate": "0.8602150537",
    "origin": "ECB",
    "as_of": "2026-01-30T15:00:00Z",
}


def _order_types(name: str, created: str, paid: str, more: Mapping[str, Any]) -> Iterable[EventType]:
    example = {**_ORDER, **more}
    yield EventType(f"{name}.created", created, example)
    yield EventType(f"{name}.paid", paid, {**example, **_SETTLED["paid"]})
    yield EventType(f"{name}.rejected", f"A {name} was rejected.", {**example, **_SETTLED["rejected"]})
    yield EventType(f"{name}.expired", f"Nobody settled a {name} in time.", {**example, **_SETTLED["expired"]})
    yield EventType(f"{name}.cancelled", f"The owner took a {name} back.", {**example, **_SETTLED["cancelled"]})


OUTBOX = Source(
    "outbox",
    "payments_outboxevent",
    (
        EventType("user.registered", "There is a new user.", _USER),
        EventType("user.activated", "The user proved the email, or registered where nobody has to.", _USER),
        EventType("user.disabled", "Staff made the user inactive.", _USER),
        EventType("user.enabled", "Staff made the user active again.", _USER),
        EventType("user.deleted", "The user was deleted or anonymised.", _USER),
        EventType("wallet.opened", "A user has a new wallet.", {"wallet": 123456, "user": 7, "currency": "USD"}),
        *_order_types("deposit", "A deposit was created.", "A deposit was paid: the money is in the wallet.", {}),
        *_order_types(
            "withdrawal",
            "A withdrawal was created: its amount is held.",
            "A withdrawal was paid out.",
            {"external_wallet": 4},
        ),
        EventType("notice.unmatched", "A notice names a user or a wallet that does not exist.", _NOTICE),
        EventType(
            "notice.conflict",
            "A notice has a known `transaction_id` and other content.",
            {**_NOTICE, "reason": "transaction_id_conflict"},
        ),
        EventType("rate.changed", "A rate is new, or another than before.", _RATE),
    ),
    read,
    events=(("type", "true"),),
    columns=("type",),
)
