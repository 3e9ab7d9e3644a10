"""Statements: the lines of one wallet between two moments, and its balance at one, found by number."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from payments.ledger.models import Wallet
from payments.ledger.queries import history

#: A moment includes what was booked in it: PostgreSQL's time has microseconds.
_TICK = timedelta(microseconds=1)
#: Lines that one query reads when a whole period is streamed.
CHUNK = 200


class StatementLine(NamedTuple):
    """`amount` is signed; `counterparty` is the other side's wallet. Fields in the order of the SELECT below."""

    sequence: int
    amount: Decimal
    balance: Decimal
    transaction: int
    kind: str
    reference: str
    counterparty: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Period:
    """The lines of a wallet with the numbers `low + 1` to `high`, and the balances before and after them."""

    wallet: Wallet
    low: int
    high: int
    opening_balance: Decimal
    closing_balance: Decimal


# Numbers are unique on each side, so the limits leave nothing out: they tell the planner how few the lines are.
_LINES = """
SELECT line.sequence, line.amount, line.balance, booked.id, booked.kind, booked.reference, line.counterparty,
    booked.created_at
FROM (
    (SELECT source_sequence AS sequence, -amount AS amount, source_balance AS balance, transaction_id,
        destination_id AS counterparty
    FROM payments_posting
    WHERE source_id = %(wallet)s AND source_sequence > %(low)s AND source_sequence <= %(high)s
    LIMIT %(high)s - %(low)s)
    UNION ALL
    (SELECT destination_sequence, amount, destination_balance, transaction_id, source_id
    FROM payments_posting
    WHERE destination_id = %(wallet)s AND destination_sequence > %(low)s AND destination_sequence <= %(high)s
    LIMIT %(high)s - %(low)s)
) AS line
JOIN payments_transaction booked ON booked.id = line.transaction_id
ORDER BY line.sequence
"""


def period_of(wallet: Wallet, *, start: datetime | None, end: datetime | None) -> Period:
    """Find what was booked on a user's wallet from `start` up to before `end` (None: since ever, until now).

    Two small queries however long the history. The result stays right: lines are never changed.
    """
    low, high = history.sequence_range(wallet.pk, start=start, end=end)
    return Period(wallet, low, high, _balance_after(wallet, low), _balance_after(wallet, high))


def balance_at(wallet: Wallet, moment: datetime) -> Decimal:
    """Return the balance that the wallet had at a moment, with what was booked in that very microsecond."""
    with suppress(OverflowError):  # the last moment of the calendar
        moment += _TICK
    return _balance_after(wallet, history.sequence_range(wallet.pk, start=None, end=moment)[1])


def lines(wallet_id: int, *, low: int, high: int) -> list[StatementLine]:
    """Return the wallet's lines with the numbers `low + 1` to `high`, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(_LINES, {"wallet": wallet_id, "low": low, "high": high})
        return [StatementLine(*row) for row in cursor.fetchall()]


def all_lines(period: Period) -> Iterator[StatementLine]:
    """Yield every line of the period, holding a few hundred at a time."""
    for low in range(period.low, period.high, CHUNK):
        yield from lines(period.wallet.pk, low=low, high=min(low + CHUNK, period.high))


def _balance_after(wallet: Wallet, number: int) -> Decimal:
    if not number:
        return Decimal(0)
    [line] = lines(wallet.pk, low=number - 1, high=number)
    return line.balance
