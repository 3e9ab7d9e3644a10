"""Reads of the ledger, as the event loop takes them: what a user asks about wallets of their own."""

from typing import Any

from accounts.models import User
from payments.ledger.models import Wallet
from payments.ledger.queries.ledger_questions import currency_from
from payments.ledger.serializers.wallets import wallet_answer
from payments.operations.fast_read import FastRead
from postgres.parameters import BIGINT
from postgres.pipeline_connection import Rows
from postgres.questions import Question, QuestionBatch

_OWN_WALLET = Question(
    "SELECT wanted.n, currency.code, currency.name, currency.decimal_places, currency.is_active,"
    " wallet.id, wallet.balance, wallet.held, wallet.created_at"
    " FROM {rows} AS wanted (n, wallet_id, owner_id)"
    " JOIN payments_wallet wallet ON wallet.id = wanted.wallet_id AND wallet.owner_id + 0 = wanted.owner_id"
    " JOIN payments_currency currency ON currency.code = wallet.currency_id",
    *(BIGINT, BIGINT),
)


def _wallet_from(row: tuple[Any, ...]) -> Wallet:
    currency, (id_, balance, held, created_at) = currency_from([row[:4]]), row[4:]
    return Wallet(pk=id_, currency=currency, balance=balance, held=held, created_at=created_at)


def _ask_wallet(questions: QuestionBatch, user_id: int, wallet_id: int) -> Rows:
    return questions.ask(_OWN_WALLET, wallet_id, user_id)


def _answer_wallet(_user: User, rows: Rows, _wallet_id: int) -> dict[str, Any] | None:
    return wallet_answer(_wallet_from(rows[0])) if rows else None


ONE_WALLET = FastRead(_ask_wallet, _answer_wallet)
