"""Reads of the ledger, as the event loop takes them: what a user asks about wallets and transactions of their own."""

from typing import Any

from api.pagination import first_page
from payments.ledger.serializers.transactions import posting_members, transaction_members
from payments.ledger.serializers.wallets import wallet_members
from payments.operations.fast_read import FastRead, ReadRequest
from postgres.parameters import BIGINT
from postgres.pipeline_connection import Rows
from postgres.questions import Question, QuestionBatch

_OWN_WALLET = Question(
    """
SELECT wanted.n, wallet.id, wallet.currency_id, currency.decimal_places, wallet.balance, wallet.held, wallet.created_at
FROM {rows} AS wanted (n, wallet_id, owner_id)
JOIN payments_wallet wallet ON wallet.id = wanted.wallet_id AND wallet.owner_id + 0 = wanted.owner_id
JOIN payments_currency currency ON currency.code = wallet.currency_id
""",
    *(BIGINT, BIGINT),
)
_FIRST_WALLETS = Question(
    """
SELECT wanted.n, wallet.id, wallet.currency_id, currency.decimal_places, wallet.balance, wallet.held, wallet.created_at
FROM {rows} AS wanted (n, owner_id, page_size)
CROSS JOIN LATERAL (
    SELECT * FROM payments_wallet WHERE payments_wallet.owner_id = wanted.owner_id
    ORDER BY payments_wallet.id LIMIT wanted.page_size + 1
) AS wallet
JOIN payments_currency currency ON currency.code = wallet.currency_id
ORDER BY wanted.n, wallet.id
""",
    *(BIGINT, BIGINT),
)

# A row for each posting on a wallet of the user's: first what `transaction_members` takes, then `posting_members`.
_POSTINGS = """
SELECT wanted.n, {complete}, booked.id, booked.kind, booked.reference, booked.created_at, reverses.original_id,
    reversal.transaction_id, posting.source_id, posting.destination_id, posting.currency_id, currency.decimal_places,
    posting.amount, CASE WHEN source.owner_id = wanted.owner_id THEN posting.source_balance END,
    CASE WHEN destination.owner_id = wanted.owner_id THEN posting.destination_balance END
FROM {transactions}
JOIN payments_posting posting ON posting.transaction_id = booked.id
JOIN payments_wallet source ON source.id = posting.source_id
JOIN payments_wallet destination ON destination.id = posting.destination_id
JOIN payments_currency currency ON currency.code = posting.currency_id
LEFT JOIN payments_reversal reverses ON reverses.transaction_id = booked.id
LEFT JOIN payments_reversal reversal ON reversal.original_id = booked.id
WHERE source.owner_id = wanted.owner_id OR destination.owner_id = wanted.owner_id
ORDER BY wanted.n, booked.id DESC, posting.id
"""
_OWN_TRANSACTION = Question(
    _POSTINGS.format(
        complete="true",
        transactions="{rows} AS wanted (n, transaction_id, owner_id)"
        " JOIN payments_transaction booked ON booked.id = wanted.transaction_id",
    ),
    *(BIGINT, BIGINT),
)
# As in payments.ledger.queries.history, the last lines of each wallet are found by the bounds of their numbers. With
# two lines for each transaction there are enough, and one more. A page that holds a wallet's very last line may
# lack older ones: then it is not complete.
_LAST_TRANSACTIONS = Question(
    _POSTINGS.format(
        complete="page.is_complete",
        transactions="""{rows} AS wanted (n, owner_id, page_size)
CROSS JOIN LATERAL (
    SELECT line.transaction_id, bool_and(line.sequence > line.low) AS is_complete
    FROM (
        SELECT id, sequence - 2 * (wanted.page_size + 1) AS low, sequence AS high FROM payments_wallet
        WHERE payments_wallet.owner_id = wanted.owner_id
    ) AS wallet
    CROSS JOIN LATERAL (
        SELECT transaction_id, source_sequence AS sequence, wallet.low FROM payments_posting
        WHERE source_id = wallet.id AND source_sequence >= wallet.low AND source_sequence <= wallet.high
        UNION ALL
        SELECT transaction_id, destination_sequence, wallet.low FROM payments_posting
        WHERE destination_id = wallet.id AND destination_sequence >= wallet.low
            AND destination_sequence <= wallet.high
    ) AS line
    GROUP BY line.transaction_id ORDER BY line.transaction_id DESC LIMIT wanted.page_size + 1
) AS page
JOIN payments_transaction booked ON booked.id = page.transaction_id""",
    ),
    *(BIGINT, BIGINT),
)


def _ask_wallet(questions: QuestionBatch, user_id: int, wallet_id: int) -> Rows:
    return questions.ask(_OWN_WALLET, wallet_id, user_id)


def _answer_wallet(rows: Rows, _request: ReadRequest) -> dict[str, Any] | None:
    return wallet_members(*rows[0]) if rows else None


def _ask_wallets(questions: QuestionBatch, user_id: int, limit: int) -> Rows:
    return questions.ask(_FIRST_WALLETS, user_id, limit)


def _answer_wallets(rows: Rows, request: ReadRequest) -> dict[str, Any] | None:
    return first_page(request.url, [wallet_members(*row) for row in rows], request.number)


def _ask_transaction(questions: QuestionBatch, user_id: int, transaction_id: int) -> Rows:
    return questions.ask(_OWN_TRANSACTION, transaction_id, user_id)


def _answer_transaction(rows: Rows, _request: ReadRequest) -> dict[str, Any] | None:
    return _transactions_from(rows)[0] if rows else None


def _ask_transactions(questions: QuestionBatch, user_id: int, limit: int) -> Rows:
    return questions.ask(_LAST_TRANSACTIONS, user_id, limit)


def _answer_transactions(rows: Rows, request: ReadRequest) -> dict[str, Any] | None:
    if not all(row[0] for row in rows):
        return None
    return first_page(request.url, _transactions_from(rows), request.number)


def _transactions_from(rows: Rows) -> list[dict[str, Any]]:
    """Return the members of each transaction. Its rows follow each other."""
    transactions: list[dict[str, Any]] = []
    postings: list[dict[str, Any]] = []
    last_id = 0
    for row in rows:
        if row[1] != last_id:
            last_id, kind, reference, created_at, reverses, reversed_by = row[1:7]
            postings = []
            transactions.append(
                transaction_members(last_id, kind, reference, created_at, reverses, reversed_by, postings)
            )
        postings.append(posting_members(*row[7:]))
    return transactions


ONE_WALLET = FastRead(_ask_wallet, _answer_wallet)
FIRST_WALLETS = FastRead(_ask_wallets, _answer_wallets)
ONE_TRANSACTION = FastRead(_ask_transaction, _answer_transaction)
FIRST_TRANSACTIONS = FastRead(_ask_transactions, _answer_transactions)
