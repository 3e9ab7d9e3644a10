"""What the house owes and earns, by currency, for the staff site's front page. It never reads the whole history.

What users hold is what the house's wallets lack. Each posting moves an amount from one wallet to another of the same
currency, so all balances of a currency add up to zero. What a month brought is the balance now less that of when the
month began. The latter is derived once a month, and stored.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from api.time_ranges import last_id_before
from payments.ledger import booking
from payments.ledger.booking import HouseBalance
from payments.ledger.models import Currency, HouseOpening, Transaction, Wallet
from payments.money import EXACT

#: The figures are at most so old.
SECONDS_OLD = 10
#: After so long nothing is committed any more that began before (the timeouts of statements and idle blocks).
_SETTLED = timedelta(minutes=10)
_EARNING = (Wallet.House.COMMISSION, Wallet.House.SALES)


class CurrencySums(NamedTuple):
    """`owed` is what all users hold together. `commission` and `sales` are those of this month."""

    currency: Currency
    owed: Decimal
    commission: Decimal
    sales: Decimal
    clearing: Decimal


def house_sums() -> list[CurrencySums]:
    """Return the sums of each currency in which money has moved, at most SECONDS_OLD seconds old."""
    return cache.get_or_set("house-sums", lambda: read_house_sums(timezone.now()), SECONDS_OLD) or []


def read_house_sums(now: datetime) -> list[CurrencySums]:
    """Cost: the checkpoint and its tail, 20,000 postings long at most; and once a month the month's own postings."""
    balances = booking.house_balances()
    moved = {one.currency for one in balances if one.balance}
    openings = _openings([one for one in balances if one.house in _EARNING], now)
    currencies = Currency.objects.filter(pk__in=moved).order_by("pk")
    return [_sums(currency, balances, openings) for currency in currencies]


def _sums(currency: Currency, balances: Iterable[HouseBalance], openings: dict[int, Decimal]) -> CurrencySums:
    of_currency = {one.house: one for one in balances if one.currency == currency.pk}
    total = Decimal(0)
    for one in of_currency.values():
        total = EXACT.add(total, one.balance)
    commission, sales = (_earned(of_currency[house], openings) for house in _EARNING)
    return CurrencySums(currency, EXACT.minus(total), commission, sales, of_currency[Wallet.House.CLEARING].balance)


def _earned(house: HouseBalance, openings: dict[int, Decimal]) -> Decimal:
    return EXACT.subtract(house.balance, openings.get(house.wallet_id, Decimal(0)))


# --- what the house held when the month began --------------------------------------------------------------------

# One snapshot for all: the balances now, as in `booking.house`, less what the month has brought. Most postings are of
# notices. They touch neither commission nor sales, and their transactions are not read.
_BALANCES_BEFORE = """
WITH tail AS (
    SELECT source_id, destination_id, amount FROM payments_posting
    WHERE id > (SELECT coalesce(min(posting_id), 0) FROM payments_housecheckpoint)
), since AS (
    SELECT source_id, destination_id, amount
    FROM payments_posting posting JOIN payments_transaction booked ON booked.id = posting.transaction_id
    WHERE posting.transaction_id > %(after)s AND booked.created_at >= %(start)s
        AND (source_id = ANY(%(wallets)s) OR destination_id = ANY(%(wallets)s))
), moved AS (
    SELECT destination_id AS wallet_id, amount FROM tail WHERE destination_id = ANY(%(wallets)s)
    UNION ALL SELECT source_id, -amount FROM tail WHERE source_id = ANY(%(wallets)s)
    UNION ALL SELECT destination_id, -amount FROM since WHERE destination_id = ANY(%(wallets)s)
    UNION ALL SELECT source_id, amount FROM since WHERE source_id = ANY(%(wallets)s)
), net AS (
    SELECT wallet_id, sum(amount) AS amount FROM moved GROUP BY wallet_id
)
SELECT wallet.id, coalesce(checkpoint.balance, 0) + coalesce(net.amount, 0)
FROM payments_wallet wallet
LEFT JOIN payments_housecheckpoint checkpoint ON checkpoint.wallet_id = wallet.id
LEFT JOIN net ON net.wallet_id = wallet.id
WHERE wallet.id = ANY(%(wallets)s)
"""


def _openings(earning: Iterable[HouseBalance], now: datetime) -> dict[int, Decimal]:
    """Return what the wallets held when the month began. Of a wallet that was opened since then, nothing."""
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    stored = dict(HouseOpening.objects.filter(month=start.date()).values_list("wallet_id", "balance"))
    if stored:
        return stored
    derived = _balances_before(start, [one.wallet_id for one in earning])
    if now > start + _SETTLED:
        _store(start.date(), derived)
    return derived


def _balances_before(start: datetime, wallet_ids: list[int]) -> dict[int, Decimal]:
    after = last_id_before(Transaction, time="created_at", moment=start)
    with connection.cursor() as cursor:
        cursor.execute(_BALANCES_BEFORE, {"after": after, "start": start, "wallets": wallet_ids})
        return dict(cursor.fetchall())


def _store(month: date, balances: dict[int, Decimal]) -> None:
    """Store them for everybody. Whoever is second stores nothing."""
    rows = [HouseOpening(wallet_id=wallet_id, month=month, balance=balance) for wallet_id, balance in balances.items()]
    HouseOpening.objects.bulk_create(rows, ignore_conflicts=True)
