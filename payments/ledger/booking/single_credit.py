"""A single credit: one statement by which PostgreSQL both decides and books, so that one round trip is enough."""

from collections.abc import Callable

from payments.ledger.booking.types import NewTransaction
from payments.money import MAX_AMOUNT
from postgres.pipeline import Pipeline
from postgres.pipeline_connection import Rows

# The statement skips a wallet that another session has locked, because it must not wait. It has locked the tables that
# it writes by then. A checkpoint would wait for those tables (payments.ledger.booking.house) and hold up all bookings.
#
# A statement locks its tables in the order in which it names them, and those of a query before those of its WITH. This
# one names the wallets first. Migrations that lock all tables do the same, so there is no deadlock (docs/guards.md).
#
# An owner may have many wallets: `+ 0` keeps the planner from reading all of them. The transaction's time is the
# clock's, read under the lock, or the wallet's last time if that is later.
_STATEMENT = """
WITH wallet AS (
    SELECT id FROM payments_wallet
    WHERE id = $1::bigint AND owner_id + 0 = $2::bigint AND currency_id = $3::text
        AND balance + $4::numeric <= {max_amount} AND {condition}
    FOR NO KEY UPDATE SKIP LOCKED
), moved AS (
    UPDATE payments_wallet SET balance = balance + $4::numeric, sequence = sequence + 1,
        moved_at = greatest(clock_timestamp(), moved_at)
    FROM wallet WHERE payments_wallet.id = wallet.id
    RETURNING balance, sequence, moved_at
), booked AS (
    INSERT INTO payments_transaction (kind, reference, created_at)
    SELECT $6::text, $7::text, moved_at FROM moved
    RETURNING id
), posted AS (
    INSERT INTO payments_posting
        (transaction_id, currency_id, amount, source_id, destination_id, destination_sequence, destination_balance)
    SELECT booked.id, $3::text, $4::numeric, $5::bigint, $1::bigint, moved.sequence, moved.balance FROM booked, moved
), credited AS (
    SELECT booked.id AS transaction_id, moved.balance FROM booked, moved
), {then}
"""


class SingleCredit:
    """A statement that moves money from the house to a user's wallet, if it exists, has room and nobody has locked it.

    PostgreSQL evaluates the caller's `condition` before it locks the wallet. So the condition cannot prevent a repeat:
    that needs a unique key. `then` continues the WITH after `credited` (transaction_id, balance), which has no row when
    nothing moved. The final SELECT of `then` names no table, to keep the order of locks. Its parameters begin with $8.
    """

    def __init__(self, *, condition: str, then: str) -> None:
        self.statement = _STATEMENT.format(condition=condition, then=then, max_amount=MAX_AMOUNT)

    def queue(
        self, pipeline: Pipeline, new: NewTransaction, owner_id: int, currency: str, *others: str
    ) -> Callable[[], Rows]:
        """Queue a transaction whose only posting goes from a house wallet to the owner's.

        Returns a function that reads the rows after the run. Not idempotent. Raises InvalidTransaction.
        """
        new.check()
        ((house_id, wallet_id, amount),) = new.postings
        numbers = (str(wallet_id), str(owner_id), currency, str(amount), str(house_id))
        return pipeline.execute(self.statement, *numbers, new.kind, new.reference, *others)
