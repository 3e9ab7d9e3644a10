"""A single credit, decided and booked by PostgreSQL in one statement: no answer has to be waited for in between."""

from payments.money import MAX_AMOUNT

# The update takes the wallet's lock and sees what it then holds, so the time is taken after it, and from the clock: in
# one wallet it never falls behind its sequence.
_CREDIT = """
WITH due (wallet_id, owner_id, currency, amount, house_id, kind, reference) AS ({due}),
moved AS (
    UPDATE payments_wallet
    SET balance = payments_wallet.balance + due.amount, sequence = payments_wallet.sequence + 1
    FROM due
    WHERE payments_wallet.id = due.wallet_id AND payments_wallet.owner_id = due.owner_id
        AND payments_wallet.currency_id = due.currency AND payments_wallet.balance + due.amount <= {max_amount}
    RETURNING payments_wallet.balance, payments_wallet.sequence
), booked AS (
    INSERT INTO payments_transaction (kind, reference, created_at)
    SELECT due.kind, due.reference, clock_timestamp() FROM moved, due
    RETURNING id
), posted AS (
    INSERT INTO payments_posting
        (transaction_id, currency_id, amount, source_id, destination_id, destination_sequence, destination_balance)
    SELECT booked.id, due.currency, due.amount, due.house_id, due.wallet_id, moved.sequence, moved.balance
    FROM booked, moved, due
), credited AS (
    SELECT booked.id AS transaction_id, moved.balance FROM booked, moved
)
{then}
"""


def crediting_statement(due: str, then: str) -> str:
    """Return a statement that moves money from the house to a user's wallet, if that is there and has room for it.

    `due` selects at most one row of what is to be credited: wallet_id, owner_id, currency, amount (positive, of at most
    ten decimals), house_id (the wallet that pays), kind, reference. It is not seen again after waiting for the wallet:
    what must not happen twice needs a unique key. `then` goes on behind the expressions of this WITH, the last of which
    is `credited` (transaction_id, balance): no row when nothing was moved.
    """
    return _CREDIT.format(due=due, then=then, max_amount=MAX_AMOUNT)
