"""Events of the journals: postings, and what was booked at a user's or staff's request. Their rows are the events."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from api.decimals import format_amount
from api.timestamps import timestamp
from payments.events.sources import EventContent, EventKey, Source
from payments.events.types import EventType
from payments.exchange.models import Exchange
from payments.exchange.serializers import exchange_answer
from payments.ledger.models import Posting, Reversal
from payments.metadata.members import attached_answer
from payments.transfers.models import Transfer

CREDITED, DEBITED = "wallet.credited", "wallet.debited"


def _postings(keys: Sequence[EventKey]) -> Mapping[EventKey, EventContent]:
    postings = Posting.objects.select_related("currency", "transaction", "source", "destination")
    rows = postings.in_bulk([key.source_id for key in keys])
    return {key: _posting(rows[key.source_id], is_credit=key.type == CREDITED) for key in keys}


def _posting(posting: Posting, *, is_credit: bool) -> EventContent:
    wallet = posting.destination if is_credit else posting.source
    balance = posting.destination_balance if is_credit else posting.source_balance
    places, booked = posting.currency.decimal_places, posting.transaction
    data = {
        "wallet": wallet.pk,
        "user": wallet.owner_id,
        "currency": posting.currency_id,
        "amount": format_amount(posting.amount, places),
        "balance": format_amount(balance or Decimal(0), places),
        "sequence": posting.destination_sequence if is_credit else posting.source_sequence,
        "transaction": booked.pk,
        "kind": str(booked.kind),
        "reference": booked.reference,
        "created_at": timestamp(booked.created_at),
    }
    return EventContent(booked.created_at, data)


def _transfers(keys: Sequence[EventKey]) -> Mapping[EventKey, EventContent]:
    rows = Transfer.objects.select_related("currency").in_bulk([key.source_id for key in keys])
    return {key: EventContent(rows[key.source_id].created_at, _transfer(rows[key.source_id])) for key in keys}


def _transfer(transfer: Transfer) -> dict[str, object]:
    """Not as the API shows it to its user: there it has an email."""
    places = transfer.currency.decimal_places
    return {
        "id": transfer.pk,
        "user": transfer.user_id,
        "recipient": transfer.recipient_id,
        "source": transfer.source_id,
        "destination": transfer.destination_id,
        "currency": transfer.currency_id,
        "amount": format_amount(transfer.amount, places),
        "commission": format_amount(transfer.commission, places),
        "note": transfer.note,
        **attached_answer(transfer),
        "transaction": transfer.transaction_id,
        "created_at": timestamp(transfer.created_at),
    }


def _exchanges(keys: Sequence[EventKey]) -> Mapping[EventKey, EventContent]:
    exchanges = Exchange.objects.select_related("source_currency", "target_currency")
    rows = exchanges.in_bulk([key.source_id for key in keys])
    return {key: EventContent(rows[key.source_id].created_at, exchange_answer(rows[key.source_id])) for key in keys}


def _reversals(keys: Sequence[EventKey]) -> Mapping[EventKey, EventContent]:
    rows = Reversal.objects.in_bulk([key.source_id for key in keys])
    return {key: EventContent(rows[key.source_id].created_at, _reversal(rows[key.source_id])) for key in keys}


def _reversal(reversal: Reversal) -> dict[str, object]:
    return {
        "transaction": reversal.original_id,
        "reversed_by": reversal.transaction_id,
        "reason": reversal.reason,
        "created_at": timestamp(reversal.created_at),
    }


_MOMENT = "2026-01-31T12:00:00.123456Z"
_WALLETS = {"source": 1000000000000026, "destination": 1000000000000027}
_CREDIT = {
    "wallet": 123456,
    "user": 7,
    "currency": "USD",
    "amount": "100.00",
    "balance": "175.00",
    "sequence": 3,
    "transaction": 1234,
    "kind": "deposit",
    "reference": "sha1_colon 1234567",
    "created_at": _MOMENT,
}
_DEBIT = {
    **_CREDIT,
    "amount": "25.00",
    "balance": "75.00",
    "sequence": 2,
    "kind": "transfer",
    "reference": "transfer 5",
}
_TRANSFER = {
    "id": 5,
    "user": 7,
    "recipient": 9,
    **_WALLETS,
    "currency": "USD",
    "amount": "25.00",
    "commission": "0.25",
    "note": "Lunch",
    "reference": "INV-2026-0117",
    "metadata": {"order": "2026-0117", "shop": "berlin"},
    "transaction": 1234,
    "created_at": _MOMENT,
}
_EXCHANGE = {
    "id": 5,
    "user": 7,
    **_WALLETS,
    "source_currency": "USD",
    "target_currency": "EUR",
    "rate": "0.8602150537",
    "amount": "100.10",
    "proceeds": "86.1075268753",
    "commission": "0.51",
    "remainder": "0.00000000007",
    "quote": 8,
    "reference": "INV-2026-0117",
    "metadata": {"order": "2026-0117", "shop": "berlin"},
    "transaction": 1234,
    "created_at": _MOMENT,
}
_REVERSAL = {"transaction": 1234, "reversed_by": 1240, "reason": "Sent twice.", "created_at": _MOMENT}

POSTINGS = Source(
    "posting",
    "payments_posting",
    (
        EventType(DEBITED, "Money left a user's wallet.", _DEBIT),
        EventType(CREDITED, "Money reached a user's wallet.", _CREDIT),
    ),
    _postings,
    events=((f"'{DEBITED}'", "source_sequence IS NOT NULL"), (f"'{CREDITED}'", "destination_sequence IS NOT NULL")),
    columns=("source_sequence", "destination_sequence"),
)
TRANSFERS = Source(
    "transfer",
    "payments_transfer",
    (EventType("transfer.booked", "Money went from one user's wallet to another.", _TRANSFER),),
    _transfers,
    events=(("'transfer.booked'", "true"),),
)
EXCHANGES = Source(
    "exchange",
    "payments_exchange",
    (EventType("exchange.booked", "Money of one currency became another's.", _EXCHANGE),),
    _exchanges,
    events=(("'exchange.booked'", "true"),),
)
REVERSALS = Source(
    "reversal",
    "payments_reversal",
    (EventType("transaction.reversed", "The opposite of a transaction was booked.", _REVERSAL),),
    _reversals,
    events=(("'transaction.reversed'", "true"),),
)

#: In the order in which one pass of the relay gives positions.
JOURNALS = (POSTINGS, TRANSFERS, EXCHANGES, REVERSALS)
