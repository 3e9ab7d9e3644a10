"""The SQL that writes wallets, transactions and postings: arrays in, one statement however long the list."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, Protocol

from django.db import connection

from payments.ledger import prepared


class PostingRow(NamedTuple):
    """Fields in the order of the INSERT below."""

    currency: str
    amount: Decimal
    source: int
    destination: int
    source_sequence: int | None
    source_balance: Decimal | None
    destination_sequence: int | None
    destination_balance: Decimal | None


@dataclass(slots=True)
class Draft:
    """A movement that was decided in memory and waits to be written."""

    kind: str
    reference: str
    postings: list[PostingRow] = field(default_factory=list)
    balances: dict[int, Decimal] = field(default_factory=dict)


class WalletRow(NamedTuple):
    """What is written back to a wallet that still has the sequence it had; in the order of the UPDATE below."""

    id: int
    balance: Decimal
    sequence: int
    sequence_before: int


class NewWalletRow(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def owner_id(self) -> int: ...
    @property
    def currency(self) -> str: ...


# The time is that of this statement, so it is taken under the locks: in one wallet it never falls behind its sequence.
WRITE = """
WITH movement AS MATERIALIZED (
    SELECT nextval('payments_transaction_id_seq') AS id, m.number, m.kind, m.reference
    FROM unnest(%s::int[], %s::text[], %s::text[]) AS m (number, kind, reference)
), transactions AS (
    INSERT INTO payments_transaction (id, kind, reference, created_at)
    SELECT id, kind, reference, statement_timestamp() FROM movement
), postings AS (
    INSERT INTO payments_posting (transaction_id, currency_id, amount, source_id, destination_id,
        source_sequence, source_balance, destination_sequence, destination_balance)
    SELECT movement.id, p.currency, p.amount, p.source, p.destination,
        p.source_sequence, p.source_balance, p.destination_sequence, p.destination_balance
    FROM unnest(%s::int[], %s::text[], %s::numeric[], %s::bigint[], %s::bigint[],
        %s::bigint[], %s::numeric[], %s::bigint[], %s::numeric[])
        WITH ORDINALITY AS p (number, currency, amount, source, destination,
        source_sequence, source_balance, destination_sequence, destination_balance, line)
    JOIN movement USING (number) ORDER BY p.line
), balances AS (
    UPDATE payments_wallet SET balance = w.balance, sequence = w.sequence
    FROM unnest(%s::bigint[], %s::numeric[], %s::bigint[], %s::bigint[]) AS w (id, balance, sequence, sequence_before)
    WHERE payments_wallet.id = w.id AND payments_wallet.sequence = w.sequence_before
    RETURNING 1
)
SELECT id, (SELECT count(*) FROM balances) FROM movement ORDER BY number
"""


def write(drafts: Sequence[Draft], wallets: Sequence[WalletRow]) -> tuple[list[int], int]:
    """Insert the drafts and set the wallets that are still as they were before.

    Returns the new transactions' ids in the drafts' order, and how many wallets were set: roll back if not all.
    """
    rows = [(number, *row) for number, draft in enumerate(drafts) for row in draft.postings]
    parameters = [
        *prepared.columns([(number, draft.kind, draft.reference) for number, draft in enumerate(drafts)], 3),
        *prepared.columns(rows, 9),
        *prepared.columns(wallets, 4),
    ]
    with prepared.cursor() as cursor:
        cursor.execute(WRITE, parameters)
        written = cursor.fetchall()
    return [row[0] for row in written], written[0][1]


def set_held(wallet_id: int, held: Decimal, *, before: Decimal) -> bool:
    """Set what is held of a wallet that still holds what it did; False when it does not."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE payments_wallet SET held = %s WHERE id = %s AND held = %s", [held, wallet_id, before])
        return bool(cursor.rowcount)


def open_wallets(wallets: Sequence[NewWalletRow]) -> int:
    """Insert empty wallets in the given order, leaving out ids that exist; return how many were new.

    Waits for another atomic block that is inserting one of the ids.
    """
    rows = [(wallet.id, wallet.owner_id, wallet.currency) for wallet in wallets]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO payments_wallet (id, owner_id, currency_id, balance, held, sequence, created_at)"
            " SELECT n.id, n.owner_id, n.currency, 0, 0, 0, statement_timestamp()"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) WITH ORDINALITY AS n (id, owner_id, currency, line)"
            " ORDER BY n.line ON CONFLICT (id) DO NOTHING",
            prepared.columns(rows, 3),
        )
        return int(cursor.rowcount)
