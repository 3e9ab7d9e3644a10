"""Runs the checks over the books in ranges, on one snapshot."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, localcontext

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from payments.audit import checks, documents
from payments.audit.report import Difference, Report
from payments.ledger.booking.house import FIRST_HOUSE_WALLET_ID
from payments.ledger.models import Transaction
from payments.money import EXACT

#: Rows of a table, or postings of a range of wallets, that one statement reads: about 100 MB of PostgreSQL's memory.
RANGE_ROWS = 100_000

#: Called with the rows that are checked and the rows that there are.
Progress = Callable[[int, int], None]


def tables() -> dict[str, str]:
    """Return what is checked, by its name in reports."""
    claims = {document.name: document.table for document in documents.registered()}
    return {
        "postings": "payments_posting",
        "transactions": "payments_transaction",
        **claims,
        "wallets": "payments_wallet",
    }


def audit(*, limit: int = 20, on_progress: Progress | None = None, range_rows: int = RANGE_ROWS) -> Report:
    """Compute everything again from the postings, and name the first `limit` differences of each kind.

    Takes no lock. It sees the books at one moment (REPEATABLE READ), so it is exact while others book. Inside an
    atomic block it sees what that block sees.
    """
    with _snapshot() as cursor, localcontext(EXACT):
        return _Audit(cursor, Report(limit), on_progress or _silent, range_rows).run()


def _silent(_done: int, _total: int) -> None:
    pass


@contextmanager
def _snapshot() -> Iterator[CursorWrapper]:
    nested = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if not nested:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # A range is read through its index even when PostgreSQL's statistics are too old to see that it should.
        cursor.execute(
            "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;"
            " SET LOCAL enable_seqscan = off; SET LOCAL work_mem = '32MB'"
        )
        yield cursor


@dataclass(slots=True)
class _Audit:
    cursor: CursorWrapper
    report: Report
    on_progress: Progress
    range_rows: int
    done: int = 0
    house: dict[int, tuple[Decimal, Decimal]] = field(default_factory=dict)

    def run(self) -> Report:
        self.report.checked = {name: self._count(table) for name, table in tables().items()}
        for after, upto in self._pages("payments_posting"):
            self._check(checks.POSTINGS, after=after, upto=upto)
            self._add_house_moves(after=after, upto=upto)
        booked = checks.TRANSACTIONS.format(unclaimed=documents.unclaimed())
        for after, upto in self._pages("payments_transaction"):
            self._check(booked, after=after, upto=upto, kinds=Transaction.Kind.values)
        for document in documents.registered():
            for after, upto in self._pages(document.table):
                self._check(document.check, after=after, upto=upto)
        for after, upto in self._wallet_pages():
            self._check(checks.WALLETS, after=after, upto=upto)
        self._check(checks.HOUSE, first_house=FIRST_HOUSE_WALLET_ID)
        self._check_house()
        self._check_currencies()
        return self.report

    def _count(self, table: str) -> int:
        self.cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - one of `tables`
        return int(self.cursor.fetchone()[0])

    def _pages(self, table: str) -> Iterator[tuple[int, int]]:
        return self._walk(checks.PAGE.format(table=table), self.range_rows)

    def _wallet_pages(self) -> Iterator[tuple[int, int]]:
        return self._walk(checks.WALLET_PAGE, self.range_rows, self.range_rows)

    def _walk(self, page: str, *size: int) -> Iterator[tuple[int, int]]:
        """Yield ranges of ids (after, up to and including) and tell the progress."""
        after = -(2**63)
        while True:
            self.cursor.execute(page, [after, *size])
            upto, rows = self.cursor.fetchone()
            if not rows:
                return
            yield after, upto
            after, self.done = upto, self.done + rows
            self.on_progress(self.done, sum(self.report.checked.values()))

    def _check(self, check: str, **parameters: int | list[str]) -> None:
        self.cursor.execute(checks.BOUNDED.format(check=check), {**parameters, "limit": self.report.limit})
        counted: set[str] = set()
        for *columns, total in self.cursor.fetchall():
            difference = Difference(*columns)
            self.report.add(difference, total=0 if difference.kind in counted else total)
            counted.add(difference.kind)

    def _add_house_moves(self, *, after: int, upto: int) -> None:
        self.cursor.execute(checks.HOUSE_MOVES, {"after": after, "upto": upto})
        for wallet_id, moved, moved_before_checkpoint in self.cursor.fetchall():
            all_, before = self.house.get(wallet_id, (Decimal(0), Decimal(0)))
            self.house[wallet_id] = all_ + moved, before + moved_before_checkpoint

    def _check_house(self) -> None:
        """Compare the checkpoints, and note each house wallet's balance."""
        self.cursor.execute(checks.HOUSE_WALLETS)
        for wallet_id, house, currency, checkpoint in self.cursor.fetchall():
            balance, up_to_checkpoint = self.house.get(wallet_id, (Decimal(0), Decimal(0)))
            self.report.house.setdefault(currency, {})[house] = balance
            if checkpoint is not None and checkpoint != up_to_checkpoint:
                self.report.add(
                    Difference("checkpoint_balance", wallet_id, None, None, f"{up_to_checkpoint:f}", f"{checkpoint:f}")
                )

    def _check_currencies(self) -> None:
        self.cursor.execute(checks.USERS_TOTALS)
        self.report.users = dict(self.cursor.fetchall())
        for currency in sorted(self.report.users.keys() | self.report.house.keys()):
            house = sum(self.report.house.get(currency, {}).values(), Decimal(0))
            users = self.report.users.get(currency, Decimal(0))
            if users + house:
                difference = Difference(
                    "currency_total", None, None, None, f"{currency} 0", f"{currency} {users + house:f}"
                )
                self.report.add(difference)
