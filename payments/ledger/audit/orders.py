"""The SQL that holds orders against what was booked for them: each claims a transaction of its own."""


def _check(kind: str, *lines: tuple[str, str, str], condition: str = "true", wallet: str = "wallet_id") -> str:
    """The check of one table; `lines` are the source, destination and amount of each posting that must be there."""
    expected = " UNION ALL ".join(
        f"SELECT made.id, transaction_id, {source}, {destination}, {amount} FROM made"  # noqa: S608 - from below
        for source, destination, amount in lines
    )
    return f"""
    WITH made AS MATERIALIZED (
        SELECT * FROM payments_{kind} WHERE id > %(after)s AND id <= %(upto)s AND {condition}
    ), house AS MATERIALIZED (
        SELECT id, house AS purpose, currency_id FROM payments_wallet WHERE house IS NOT NULL
    ), expected AS (
        SELECT * FROM ({expected}) AS line (id, transaction_id, source_id, destination_id, amount) WHERE amount <> 0
    ), found AS (
        SELECT made.id, p.transaction_id, p.source_id, p.destination_id, p.amount
        FROM made JOIN payments_posting p USING (transaction_id)
    ), difference AS (
        (TABLE expected EXCEPT ALL TABLE found) UNION (TABLE found EXCEPT ALL TABLE expected)
    )
    SELECT DISTINCT 'order_postings', NULL::bigint, transaction_id, NULL::bigint, 'those of {kind} ' || id, 'others'
        FROM difference
    UNION ALL SELECT 'order_transaction', NULL, transaction_id, NULL, '{kind} ' || made.id,
            coalesce(booked.kind || ' of ' || booked.reference, 'none')
        FROM made LEFT JOIN payments_transaction booked ON booked.id = transaction_id
        WHERE booked.kind IS DISTINCT FROM '{kind}' OR booked.reference <> '{kind} ' || made.id
    UNION ALL SELECT 'order_owner', owned.id, transaction_id, NULL, made.user_id::text, owned.owner_id::text
        FROM made JOIN payments_wallet owned ON owned.id = made.{wallet} WHERE owned.owner_id <> made.user_id
    """  # noqa: S608 - names from this module


def _house(purpose: str, currency: str = "currency") -> str:
    return f"(SELECT house.id FROM house WHERE purpose = '{purpose}' AND house.currency_id = made.{currency}_id)"  # noqa: S608


_REVERSALS = """
WITH made AS MATERIALIZED (
    SELECT * FROM payments_reversal WHERE id > %(after)s AND id <= %(upto)s
), expected AS (
    SELECT made.id, made.transaction_id, p.destination_id AS source_id, p.source_id AS destination_id, p.amount
    FROM made JOIN payments_posting p ON p.transaction_id = made.original_id
), found AS (
    SELECT made.id, p.transaction_id, p.source_id, p.destination_id, p.amount
    FROM made JOIN payments_posting p USING (transaction_id)
), difference AS (
    (TABLE expected EXCEPT ALL TABLE found) UNION (TABLE found EXCEPT ALL TABLE expected)
)
SELECT DISTINCT 'order_postings', NULL::bigint, transaction_id, NULL::bigint, 'the opposite of its original', 'others'
    FROM difference
UNION ALL SELECT 'order_transaction', NULL, transaction_id, NULL, 'a reversal', coalesce(booked.kind, 'none')
    FROM made LEFT JOIN payments_transaction booked ON booked.id = transaction_id
    WHERE booked.kind IS DISTINCT FROM 'reversal'
"""

#: By table.
CHECKS = {
    "payments_deposit": _check(
        "deposit",
        (_house("clearing"), "wallet_id", "amount"),
        ("wallet_id", _house("commission"), "commission"),
        condition="status = 'paid'",
    ),
    "payments_withdrawal": _check(
        "withdrawal",
        ("wallet_id", _house("clearing"), "amount - commission"),
        ("wallet_id", _house("commission"), "commission"),
        condition="status = 'paid'",
    ),
    "payments_transfer": _check(
        "transfer",
        ("source_id", "destination_id", "amount"),
        ("source_id", _house("commission"), "commission"),
        wallet="source_id",
    ),
    "payments_exchange": _check(
        "exchange",
        ("source_id", _house("exchange", "source_currency"), "amount"),
        (_house("exchange", "target_currency"), "destination_id", "proceeds"),
        ("source_id", _house("commission", "source_currency"), "commission"),
        wallet="source_id",
    ),
    "payments_reversal": _REVERSALS,
}
