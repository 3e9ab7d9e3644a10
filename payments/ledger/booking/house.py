"""The house's wallets: opened once for each currency, and never locked. Their balances are derived from postings."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from payments.ledger.models import Wallet

#: Reading the house's balances moves the checkpoint up by itself once the tail is this long.
LONG_TAIL = 20_000
#: A checkpoint moves at most this many postings at a time, so that no statement takes long.
STEP = 1_000_000
#: House wallets have ids of their own range, so that PostgreSQL can tell them by their id alone (ledger.sql).
FIRST_HOUSE_WALLET_ID = 9 * 10**15
_CHECKPOINT_LOCK = 0x7111_0001  # an advisory lock: one checkpoint at a time


@dataclass(frozen=True, slots=True)
class HouseBalance:
    wallet_id: int
    house: str
    currency: str
    balance: Decimal


#: What this process knows of house wallets: by house and currency the id, and by id the currency.
_ids: dict[tuple[str, str], int] = {}
_currencies: dict[int, str] = {}


def house_wallet(house: str, currency: str) -> int:
    """Return the id of a house wallet. It never changes, so each process reads it once. Raises Wallet.DoesNotExist."""
    id_ = _ids.get((house, currency))
    if id_ is None:
        id_ = _ids[house, currency] = Wallet.objects.values_list("id", flat=True).get(house=house, currency=currency)
    return id_


def read_house_wallets() -> None:
    """Read them all with one query, for what may not ask later. Safe to repeat."""
    for id_, house, currency in Wallet.objects.filter(house__isnull=False).values_list("id", "house", "currency_id"):
        _ids[str(house), currency] = id_
        _currencies[id_] = currency


def forget_house_wallets() -> None:
    """Have the ids read anew, because new wallets were opened."""
    _ids.clear()


def house_currencies(wallet_ids: Iterable[int]) -> dict[int, str]:
    """Return the currency of each id that is a house wallet's. It never changes, so each process reads it once.

    Needs at most one query, however many ids are new.
    """
    ids = set(wallet_ids)
    unseen = [id_ for id_ in ids - _currencies.keys() if id_ >= FIRST_HOUSE_WALLET_ID]
    if unseen:
        houses = Wallet.objects.filter(pk__in=unseen, house__isnull=False)
        _currencies.update(houses.values_list("id", "currency_id"))
    return {id_: _currencies[id_] for id_ in ids & _currencies.keys()}


_OPEN = """
INSERT INTO payments_wallet (id, house, currency_id, balance, held, sequence, created_at)
SELECT nextval('payments_house_wallet_id_seq'), wanted.house, %(currency)s, 0, 0, 0, statement_timestamp()
FROM unnest(%(houses)s::text[]) AS wanted (house)
WHERE NOT EXISTS (SELECT FROM payments_wallet w WHERE w.house = wanted.house AND w.currency_id = %(currency)s)
ON CONFLICT (house, currency_id) WHERE house IS NOT NULL DO NOTHING
"""


def open_house(currency: str) -> None:
    """Open the house's wallets in a currency, under ids of their own range. Safe to repeat."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"currency": currency, "houses": Wallet.House.values})
    forget_house_wallets()


# One snapshot for all: checkpoints and tail are read by a single statement.
_BALANCES = """
WITH tail AS (
    SELECT source_id, destination_id, amount FROM payments_posting
    WHERE id > (SELECT coalesce(min(posting_id), 0) FROM payments_housecheckpoint)
), moved AS (
    SELECT destination_id AS wallet_id, sum(amount) AS net FROM tail GROUP BY 1
    UNION ALL SELECT source_id, -sum(amount) FROM tail GROUP BY 1
)
SELECT wallet.id, wallet.house, wallet.currency_id,
    coalesce(checkpoint.balance, 0) + coalesce((SELECT sum(net) FROM moved WHERE wallet_id = wallet.id), 0)
FROM payments_wallet wallet LEFT JOIN payments_housecheckpoint checkpoint ON checkpoint.wallet_id = wallet.id
WHERE wallet.house IS NOT NULL ORDER BY wallet.currency_id, wallet.house
"""


def house_balances() -> list[HouseBalance]:
    """Return every house wallet's balance, exact at the moment of reading: the checkpoint plus the tail of postings.

    Moves the checkpoint up when the tail is long. Not inside an atomic block, which would keep the checkpoint's lock.
    """
    if not connection.in_atomic_block and _tail_length() > LONG_TAIL:
        checkpoint()
    with connection.cursor() as cursor:
        cursor.execute(_BALANCES)
        return [HouseBalance(*row) for row in cursor.fetchall()]


def _tail_length() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT max(id) FROM payments_posting), 0)"
            " - coalesce((SELECT min(posting_id) FROM payments_housecheckpoint), 0)"
        )
        return int(cursor.fetchone()[0])


def checkpoint() -> bool:
    """Move the checkpoint up to the newest posting. False: bookings left no pause for the lock within half a second.

    PostgreSQL gives ids before commit, so a lower id may commit after the highest visible one. A SHARE lock waits for
    such bookings and holds back new ones. It is kept only while the highest id is read. Safe to run at any time, but
    not inside an atomic block, which would keep the lock (RuntimeError).
    """
    try:
        horizon = _quiet_horizon()
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return False
        raise
    while _advance(horizon):
        pass
    return True


def _quiet_horizon() -> int:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '500ms'")
        cursor.execute("SELECT till_hold_bookings()")  # a SHARE lock on the postings, until the block ends
        cursor.execute("SELECT coalesce(max(id), 0) FROM payments_posting")
        return int(cursor.fetchone()[0])


def _advance(horizon: int) -> bool:
    """Take one step towards the horizon; False when nothing was left to do."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CHECKPOINT_LOCK])
        cursor.execute(_ADVANCE, {"horizon": horizon, "step": STEP})
        return bool(cursor.rowcount)


_ADVANCE = """
WITH base AS (
    SELECT coalesce(min(posting_id), 0) AS posting_id,
        least(coalesce(min(posting_id), 0) + %(step)s, %(horizon)s) AS upto
    FROM payments_housecheckpoint
), tail AS (
    SELECT source_id, destination_id, amount FROM payments_posting, base
    WHERE id > base.posting_id AND id <= base.upto
), moved AS (
    SELECT destination_id AS wallet_id, sum(amount) AS net FROM tail GROUP BY 1
    UNION ALL SELECT source_id, -sum(amount) FROM tail GROUP BY 1
)
INSERT INTO payments_housecheckpoint (wallet_id, balance, posting_id)
SELECT wallet.id,
    coalesce(old.balance, 0) + coalesce((SELECT sum(net) FROM moved WHERE wallet_id = wallet.id), 0),
    base.upto
FROM base, payments_wallet wallet LEFT JOIN payments_housecheckpoint old ON old.wallet_id = wallet.id
WHERE wallet.house IS NOT NULL AND base.upto > base.posting_id
ON CONFLICT (wallet_id) DO UPDATE SET balance = excluded.balance, posting_id = excluded.posting_id
"""
