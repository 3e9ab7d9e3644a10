"""The SQL that writes wallets, transactions and postings: the same few statements, however many rows there are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Protocol

from postgres.parameters import BIGINT, NUMERIC, TEXT, RowsStatement
from postgres.pipeline import Pipeline
from postgres.pipeline_connection import Rows

#: The SQLSTATE when a wallet has changed since it was locked (till_stale_wallets in migrations/sql/ledger.sql).
STALE_WALLETS: Final = "TL001"

#: id, kind, reference, time in microseconds since 1970
TransactionRow = tuple[int, str, str, int]
#: transaction, currency, amount, source, destination; sequence and balance of the source, then of the destination
PostingRow = tuple[
    int, str, Decimal, int, int, int | None, Decimal | None, int | None, Decimal | None
]  # fmt: skip
#: id, new balance, new sequence, the sequence that the row must still have, time in microseconds since 1970
WalletRow = tuple[int, Decimal, int, int, int]
#: the same, then the new hold, and the hold that the row must still have
HoldRow = tuple[int, Decimal, int, int, int, Decimal, Decimal]


class NewWalletRow(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def owner_id(self) -> int: ...
    @property
    def currency(self) -> str: ...


# Times come as microseconds since 1970: PostgreSQL reads a number faster than a date, and so does Python.
_TRANSACTIONS = RowsStatement(
    """
INSERT INTO payments_transaction (id, kind, reference, created_at)
SELECT id, kind, reference, timestamptz 'epoch' + time * interval '1 microsecond'
FROM {rows} AS t (id, kind, reference, time)
""",
    *(BIGINT, TEXT, TEXT, BIGINT),
)
_POSTINGS = RowsStatement(
    """
INSERT INTO payments_posting (transaction_id, currency_id, amount, source_id, destination_id,
    source_sequence, source_balance, destination_sequence, destination_balance)
SELECT * FROM {rows} AS p
""",
    *(BIGINT, TEXT, NUMERIC, BIGINT, BIGINT, BIGINT, NUMERIC, BIGINT, NUMERIC),
)
_BALANCES = RowsStatement(
    """
UPDATE payments_wallet SET balance = w.balance, moved_at = timestamptz 'epoch' + w.time * interval '1 microsecond',
    sequence = CASE WHEN payments_wallet.sequence = w.sequence_before THEN w.sequence ELSE till_stale_wallets() END
FROM {rows} AS w (id, balance, sequence, sequence_before, time) WHERE payments_wallet.id = w.id
""",
    *(BIGINT, NUMERIC, BIGINT, BIGINT, BIGINT),
)
# For batches with wallets that were opened in this atomic block. A savepoint that was rolled back may have removed such
# a wallet. So the statement compares the number of changed rows with the number of wallets, its sixth parameter.
_BALANCES_OF_ALL = RowsStatement(
    """
WITH changed AS (
    UPDATE payments_wallet SET balance = w.balance, sequence = w.sequence,
        moved_at = timestamptz 'epoch' + w.time * interval '1 microsecond'
    FROM {rows} AS w (id, balance, sequence, sequence_before, time)
    WHERE payments_wallet.id = w.id AND payments_wallet.sequence = w.sequence_before
    RETURNING 1
)
SELECT CASE WHEN (SELECT count(*) FROM changed) <> $6::bigint THEN till_stale_wallets() END
""",
    *(BIGINT, NUMERIC, BIGINT, BIGINT, BIGINT),
)
# For wallets whose hold changes. What is held and the balance change together, because the one may only fit the other
# as it becomes. A statement that names `held` costs every row a trigger, so others leave it out.
_HOLDS = RowsStatement(
    """
UPDATE payments_wallet SET balance = w.balance, moved_at = timestamptz 'epoch' + w.time * interval '1 microsecond',
    held = w.held,
    sequence = CASE WHEN payments_wallet.sequence = w.sequence_before AND payments_wallet.held = w.held_before
        THEN w.sequence ELSE till_stale_wallets() END
FROM {rows} AS w (id, balance, sequence, sequence_before, time, held, held_before) WHERE payments_wallet.id = w.id
""",
    *(BIGINT, NUMERIC, BIGINT, BIGINT, BIGINT, NUMERIC, NUMERIC),
)
_OPEN = RowsStatement(
    """
INSERT INTO payments_wallet (id, owner_id, currency_id, balance, held, sequence, created_at)
SELECT n.id, n.owner_id, n.currency, 0, 0, 0, statement_timestamp() FROM {rows} AS n (id, owner_id, currency)
ON CONFLICT DO NOTHING RETURNING id
""",  # two unique indexes have the id, and either may find the conflict
    *(BIGINT, BIGINT, TEXT),
)


@dataclass(slots=True)
class WriteBatch:
    """The rows that one booking writes, decided in memory: all of them are written, or none."""

    transactions: list[TransactionRow] = field(default_factory=list)
    postings: list[PostingRow] = field(default_factory=list)
    wallets: list[WalletRow] = field(default_factory=list)
    holds: list[HoldRow] = field(default_factory=list)
    #: Some of the wallets were opened in this atomic block.
    has_new_wallets: bool = False

    def mark(self) -> tuple[int, int]:
        """Return how much there is, for `back_to`."""
        return len(self.transactions), len(self.postings)

    def back_to(self, mark: tuple[int, int]) -> None:
        """Drop the transactions and postings that came after a mark."""
        del self.transactions[mark[0] :]
        del self.postings[mark[1] :]

    def queue_write(self, pipeline: Pipeline) -> None:
        """Queue the rows. The run fails with STALE_WALLETS when a wallet has another sequence, or hold, than before."""
        if self.transactions:
            pipeline.execute_rows(self.transactions, _TRANSACTIONS)
            pipeline.execute_rows(self.postings, _POSTINGS)
        if self.has_new_wallets:
            pipeline.execute_rows(self.wallets, _BALANCES_OF_ALL, str(len(self.wallets)))
        elif self.wallets:
            pipeline.execute_rows(self.wallets, _BALANCES)
        if self.holds:
            pipeline.execute_rows(self.holds, _HOLDS)


def queue_open(wallets: Sequence[NewWalletRow], pipeline: Pipeline) -> Callable[[], Rows]:
    """Queue the creation of empty wallets, in the given order. Returns a function that reads the new ids after the run.

    Ids that exist are left out. The run waits for another atomic block that is inserting one of the ids.
    """
    rows = [(wallet.id, wallet.owner_id, wallet.currency) for wallet in wallets]
    return pipeline.execute_rows(rows, _OPEN)
