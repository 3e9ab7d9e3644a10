"""The SQL that writes wallets, transactions and postings: arrays in, one statement however long the list."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, Protocol

from django.db import connection

from payments.ledger import trips


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
WITH drawn AS MATERIALIZED (
    SELECT array_agg(nextval('payments_transaction_id_seq')) AS ids FROM generate_series(1, cardinality($1::text[]))
), transactions AS (
    INSERT INTO payments_transaction (id, kind, reference, created_at)
    SELECT drawn.ids[t.number], t.kind, t.reference, statement_timestamp()
    FROM drawn, unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (kind, reference, number)
), postings AS (
    INSERT INTO payments_posting (transaction_id, currency_id, amount, source_id, destination_id,
        source_sequence, source_balance, destination_sequence, destination_balance)
    SELECT drawn.ids[p.number], p.currency, p.amount, p.source, p.destination,
        p.source_sequence, p.source_balance, p.destination_sequence, p.destination_balance
    FROM drawn, unnest($3::int[], $4::text[], $5::numeric[], $6::bigint[], $7::bigint[],
        $8::bigint[], $9::numeric[], $10::bigint[], $11::numeric[])
        WITH ORDINALITY AS p (number, currency, amount, source, destination,
        source_sequence, source_balance, destination_sequence, destination_balance, line)
    ORDER BY p.line
), balances AS (
    UPDATE payments_wallet SET balance = w.balance, sequence = w.sequence
    FROM unnest($12::bigint[], $13::numeric[], $14::bigint[], $15::bigint[])
        AS w (id, balance, sequence, sequence_before)
    WHERE payments_wallet.id = w.id AND payments_wallet.sequence = w.sequence_before
    RETURNING 1
)
SELECT unnest(drawn.ids), (SELECT count(*) FROM balances) FROM drawn
"""


def write(drafts: Sequence[Draft], wallets: Sequence[WalletRow]) -> tuple[list[int], int]:
    """Insert the drafts and set the wallets that are still as they were before.

    Returns the new transactions' ids in the drafts' order, and how many wallets were set: roll back if not all.
    """
    rows = [(number, *row) for number, draft in enumerate(drafts, 1) for row in draft.postings]
    parameters = [
        *trips.columns([(draft.kind, draft.reference) for draft in drafts], 2),
        *trips.columns(rows, 9),
        *trips.columns(wallets, 4),
    ]
    written = trips.ask(WRITE, *parameters)
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
            " ORDER BY n.line ON CONFLICT DO NOTHING",  # two unique indexes hold the id: either may notice
            trips.columns(rows, 3),
        )
        return int(cursor.rowcount)
