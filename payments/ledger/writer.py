"""The SQL that writes wallets, transactions and postings: arrays in, the same few statements however long the list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Protocol

from django.db import connection

from payments.ledger.trips import Trip, columns, decimals, integers, texts
from payments.ledger.wire import Rows

#: What PostgreSQL says when a wallet is no longer as it was locked (database_guards: till_outdated_books).
OUTDATED_BOOKS: Final = "TL001"

#: id, kind, reference
TransactionRow = tuple[int, str, str]
#: transaction, currency, amount, source, destination; number and balance of the source, then of the destination
PostingRow = tuple[
    int, str, Decimal, int, int, int | None, Decimal | None, int | None, Decimal | None
]  # fmt: skip
#: id, balance, sequence, and the sequence that it still has
WalletRow = tuple[int, Decimal, int, int]


class NewWalletRow(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def owner_id(self) -> int: ...
    @property
    def currency(self) -> str: ...


# The time is that of this statement, so it is taken under the locks: in one wallet it never falls behind its sequence.
_TRANSACTIONS = """
INSERT INTO payments_transaction (id, kind, reference, created_at)
SELECT id, kind, reference, statement_timestamp()
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS t (id, kind, reference)
"""
_POSTINGS = """
INSERT INTO payments_posting (transaction_id, currency_id, amount, source_id, destination_id,
    source_sequence, source_balance, destination_sequence, destination_balance)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::numeric[], $4::bigint[], $5::bigint[],
    $6::bigint[], $7::numeric[], $8::bigint[], $9::numeric[]) AS p
"""
_POSTING_KINDS = (integers, texts, decimals, integers, integers, integers, decimals, integers, decimals)
_BALANCES = """
WITH changed AS (
    UPDATE payments_wallet SET balance = w.balance, sequence = w.sequence
    FROM unnest($1::bigint[], $2::numeric[], $3::bigint[], $4::bigint[]) AS w (id, balance, sequence, sequence_before)
    WHERE payments_wallet.id = w.id AND payments_wallet.sequence = w.sequence_before
    RETURNING 1
)
SELECT CASE WHEN (SELECT count(*) FROM changed) <> cardinality($1::bigint[]) THEN till_outdated_books() END
"""
_OPEN = """
INSERT INTO payments_wallet (id, owner_id, currency_id, balance, held, sequence, created_at)
SELECT n.id, n.owner_id, n.currency, 0, 0, 0, statement_timestamp()
FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS n (id, owner_id, currency)
ON CONFLICT DO NOTHING RETURNING id
"""  # two unique indexes hold the id: either may notice


@dataclass(slots=True)
class Page:
    """What was decided in memory and waits to be written: all of it, or nothing."""

    transactions: list[TransactionRow] = field(default_factory=list)
    postings: list[PostingRow] = field(default_factory=list)
    wallets: list[WalletRow] = field(default_factory=list)

    def write(self, trip: Trip) -> None:
        """Ask for it. The trip fails with OUTDATED_BOOKS unless each wallet still has the sequence that it had."""
        trip.ask(_TRANSACTIONS, *columns(self.transactions, (integers, texts, texts)))
        trip.ask(_POSTINGS, *columns(self.postings, _POSTING_KINDS))
        trip.ask(_BALANCES, *columns(self.wallets, (integers, decimals, integers, integers)))


def set_held(wallet_id: int, held: Decimal, *, before: Decimal) -> bool:
    """Set what is held of a wallet that still holds what it did; False when it does not."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE payments_wallet SET held = %s WHERE id = %s AND held = %s", [held, wallet_id, before])
        return bool(cursor.rowcount)


def opening(wallets: Sequence[NewWalletRow], trip: Trip) -> Callable[[], Rows]:
    """Ask for empty wallets in the given order, but for ids that exist; returns what reads the ids that were new.

    Waits for another atomic block that is inserting one of the ids.
    """
    rows = [(wallet.id, wallet.owner_id, wallet.currency) for wallet in wallets]
    return trip.ask(_OPEN, *columns(rows, (integers, integers, texts)))
