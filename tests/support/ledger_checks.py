"""Whether the books balance, and whether anything changed."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.db import connection

from payments.audit import audit

#: What check_ledger says of a transaction that no service booked.
UNCLAIMED = {"transaction_event", "transaction_order"}


def differences(**how: Any) -> dict[str, int]:
    """What check_ledger finds but for the transactions that a test booked by hand, for which nobody asked."""
    return {kind: total for kind, total in audit(**how).totals.items() if kind not in UNCLAIMED}


def assert_ledger_balances(*, by_hand: bool = False) -> None:
    """`by_hand`: the test has booked through the ledger alone, so nobody has asked for some of it."""
    if by_hand:
        assert differences() == {}
    else:
        call_command("check_ledger", stdout=io.StringIO(), stderr=io.StringIO())


@contextmanager
def nothing_changes() -> Iterator[None]:
    """Every row of every table is afterwards as it was before; how often somebody asked is counted all the same."""
    before = _fingerprints()
    yield
    assert _fingerprints() == before


def _fingerprints() -> dict[str, str]:
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor)) - {"accounts_throttlecount"}
        fingerprints = {}
        for table in tables:
            rows = "coalesce(string_agg(t::text, '|' ORDER BY t::text), '')"
            cursor.execute(f'SELECT count(*) || md5({rows}) FROM "{table}" t')  # noqa: S608 - our own tables
            fingerprints[table] = cursor.fetchone()[0]
    return fingerprints
