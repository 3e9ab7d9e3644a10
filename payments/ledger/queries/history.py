"""A page of the history of some wallets: found by index, however long the history and however deep the page.

The postings of one wallet are its lines. They are numbered without a gap, and the ids and times of their transactions
rise with the numbers. So a binary search over the numbers finds where a page begins, and the page is the merge of the
wallets' next lines. Ranges of numbers are read by their bounds, never "in order until enough". The planner does not
know how long one wallet's history is, and would now and then sort all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from api.fields import MAX_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The transactions to read: between two ids, both excluded, from `start` up to before `end`."""

    limit: int
    newest_first: bool = True
    after: int = 0
    before: int = MAX_ID
    start: datetime | None = None
    end: datetime | None = None
    kind: str | None = None


# Two searches for each wallet: `floor` counts the lines before the span, `ceiling` the lines before its end.
_SEEK = """
WITH RECURSIVE seek (wallet_id, edge, low, high) AS (
    SELECT id, edge, 0::bigint, sequence
    FROM payments_wallet CROSS JOIN (VALUES ('floor'), ('ceiling')) AS edges (edge)
    WHERE id = ANY(%(wallets)s::bigint[]) AND sequence > 0
    UNION ALL
    SELECT wallet_id, edge,
        CASE WHEN early THEN middle ELSE low END, CASE WHEN early THEN high ELSE middle - 1 END
    FROM seek
    CROSS JOIN LATERAL (SELECT (low + high + 1) / 2 AS middle) AS half
    CROSS JOIN LATERAL (
        SELECT CASE edge
            WHEN 'floor' THEN line.transaction_id <= %(after)s::bigint
                OR booked.created_at < coalesce(%(start)s::timestamptz, '-infinity')
            ELSE line.transaction_id < %(before)s::bigint
                AND booked.created_at < coalesce(%(end)s::timestamptz, 'infinity')
            END AS early
        FROM (
            SELECT transaction_id FROM payments_posting
            WHERE source_id = wallet_id AND source_sequence = middle
            UNION ALL
            SELECT transaction_id FROM payments_posting
            WHERE destination_id = wallet_id AND destination_sequence = middle
        ) AS line
        JOIN payments_transaction booked ON booked.id = line.transaction_id
    ) AS probe
    WHERE low < high
)
SELECT wallet_id, max(low) FILTER (WHERE edge = 'floor'), max(low) FILTER (WHERE edge = 'ceiling')
FROM seek WHERE low = high GROUP BY wallet_id
"""

_LINES = """
SELECT DISTINCT line.wallet_id, line.transaction_id
FROM unnest(%(wallets)s::bigint[], %(lows)s::bigint[], %(highs)s::bigint[]) AS stretch (wallet_id, low, high)
CROSS JOIN LATERAL (
    SELECT source_id AS wallet_id, transaction_id FROM payments_posting
    WHERE source_id = stretch.wallet_id AND source_sequence > low AND source_sequence <= high
    UNION ALL
    SELECT destination_id, transaction_id FROM payments_posting
    WHERE destination_id = stretch.wallet_id AND destination_sequence > low AND destination_sequence <= high
) AS line
WHERE %(kind)s::text IS NULL
    OR %(kind)s = (SELECT kind FROM payments_transaction WHERE id = line.transaction_id)
"""


class SequenceRange(NamedTuple):
    """Lines of one wallet: those with the numbers `low + 1` to `high`."""

    wallet_id: int
    low: int
    high: int


def transaction_ids(wallet_ids: Sequence[int], span: Span) -> list[int]:
    """Return up to `span.limit` ids of transactions that touch the wallets, in the span's order.

    One small query finds the place, one reads the page. Only a rare `kind` makes it read on, each time eight times as
    far. House wallets have no numbered lines and add nothing.
    """
    ranges = _seek(wallet_ids, span) if wallet_ids else []
    ids_by_wallet: dict[int, set[int]] = {unread.wallet_id: set() for unread in ranges}
    width = 2 * span.limit  # a transaction with a commission has two lines in a wallet
    while ranges:
        for wallet_id, transaction_id in _lines([_next(unread, span, width) for unread in ranges], span.kind):
            ids_by_wallet[wallet_id].add(transaction_id)
        remaining = [_after_next(unread, span, width) for unread in ranges]
        ranges = [
            unread
            for unread in remaining
            if unread.low < unread.high and len(ids_by_wallet[unread.wallet_id]) < span.limit
        ]
        width *= 8
    return sorted(set().union(*ids_by_wallet.values()), reverse=span.newest_first)[: span.limit]


def sequence_range(wallet_id: int, *, start: datetime | None, end: datetime | None) -> tuple[int, int]:
    """Return (low, high): a user's wallet's lines from `start` up to before `end` are those numbered low + 1 to high.

    low equals high where there is none: then it is the number of the last line before the period.
    """
    bounds = {"after": 0, "before": MAX_ID, "start": start, "end": end}
    rows = _rows(_SEEK, {"wallets": [wallet_id], **bounds})
    low, high = rows[0][1:] if rows else (0, 0)
    return low, max(low, high)


def _next(unread: SequenceRange, span: Span, width: int) -> SequenceRange:
    if span.newest_first:
        return unread._replace(low=max(unread.low, unread.high - width))
    return unread._replace(high=min(unread.high, unread.low + width))


def _after_next(unread: SequenceRange, span: Span, width: int) -> SequenceRange:
    if span.newest_first:
        return unread._replace(high=max(unread.low, unread.high - width))
    return unread._replace(low=min(unread.high, unread.low + width))


def _seek(wallet_ids: Sequence[int], span: Span) -> list[SequenceRange]:
    """Return the range of each wallet that lies in the span, leaving out empty ones."""
    bounds = {"after": span.after, "before": span.before, "start": span.start, "end": span.end}
    ranges = (SequenceRange(*row) for row in _rows(_SEEK, {"wallets": list(wallet_ids), **bounds}))
    return [unread for unread in ranges if unread.low < unread.high]


def _lines(ranges: Sequence[SequenceRange], kind: str | None) -> list[tuple[int, int]]:
    """Return (wallet, transaction) for every line of the kind in the ranges."""
    wallets, lows, highs = (list(column) for column in zip(*ranges, strict=True))
    return _rows(_LINES, {"wallets": wallets, "lows": lows, "highs": highs, "kind": kind})


def _rows(sql: str, parameters: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[Any] = cursor.fetchall()
        return rows
