"""The documents of payments: events, orders, transfers, exchanges, reversals. `checks` has the SQL of events."""

from payments.audit.checks import EVENTS
from payments.audit.documents import Document, house_wallet_sql, matching

_PAID = "status = 'paid'"
_REVERSALS = """
WITH document AS MATERIALIZED (
    SELECT * FROM payments_reversal WHERE id > %(after)s AND id <= %(upto)s
), expected AS (
    SELECT document.id, document.transaction_id, p.destination_id AS source_id, p.source_id AS destination_id, p.amount
    FROM document JOIN payments_posting p ON p.transaction_id = document.original_id
), found AS (
    SELECT document.id, p.transaction_id, p.source_id, p.destination_id, p.amount
    FROM document JOIN payments_posting p USING (transaction_id)
), difference AS (
    (TABLE expected EXCEPT ALL TABLE found) UNION (TABLE found EXCEPT ALL TABLE expected)
)
SELECT DISTINCT 'order_postings', NULL::bigint, transaction_id, NULL::bigint, 'the opposite of its original', 'others'
    FROM difference
UNION ALL SELECT 'order_transaction', NULL, transaction_id, NULL, 'reversal of transaction ' || original_id,
        coalesce(booked.kind || ' of ' || booked.reference, 'none')
    FROM document LEFT JOIN payments_transaction booked ON booked.id = transaction_id
    WHERE booked.kind IS DISTINCT FROM 'reversal' OR booked.reference <> 'reversal of transaction ' || original_id
"""

_DEPOSITS = matching(
    "payments_deposit",
    "deposit",
    (house_wallet_sql("clearing"), "wallet_id", "amount"),
    ("wallet_id", house_wallet_sql("commission"), "commission"),
    condition=_PAID,
)
_WITHDRAWALS = matching(
    "payments_withdrawal",
    "withdrawal",
    ("wallet_id", house_wallet_sql("clearing"), "amount - commission"),
    ("wallet_id", house_wallet_sql("commission"), "commission"),
    condition=_PAID,
)
_TRANSFERS = matching(
    "payments_transfer",
    "transfer",
    ("source_id", "destination_id", "amount"),
    ("source_id", house_wallet_sql("commission"), "commission"),
    owners=(("source_id", "user_id"), ("destination_id", "recipient_id")),
)
_EXCHANGES = matching(
    "payments_exchange",
    "exchange",
    ("source_id", house_wallet_sql("exchange", "source_currency_id"), "amount"),
    (house_wallet_sql("exchange", "target_currency_id"), "destination_id", "proceeds"),
    ("source_id", house_wallet_sql("commission", "source_currency_id"), "commission"),
    owners=(("source_id", "user_id"), ("destination_id", "user_id")),
)

DOCUMENTS = (
    Document("events", "payments_webhookevent", "deposit", EVENTS, condition="verdict = 'credited'"),
    Document("deposits", "payments_deposit", "deposit", _DEPOSITS, condition=_PAID),
    Document("withdrawals", "payments_withdrawal", "withdrawal", _WITHDRAWALS, condition=_PAID),
    Document("transfers", "payments_transfer", "transfer", _TRANSFERS),
    Document("exchanges", "payments_exchange", "exchange", _EXCHANGES),
    Document("reversals", "payments_reversal", "reversal", _REVERSALS),
)
