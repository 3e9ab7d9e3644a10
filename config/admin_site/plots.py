"""What was booked on the last days, as bars."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from payments.ledger.queries import daily_counts
from payments.models import Transaction

DAYS = 14
# The plot's measures, in the units of its viewBox.
WIDTH, HEIGHT, GAP = 280, 90, 4


@dataclass(frozen=True)
class Bar:
    day: date
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Plot:
    """One kind's bars, on a scale of its own: there are a thousand credits for each refund."""

    kind: str
    title: str
    bars: list[Bar]

    @property
    def total(self) -> int:
        return sum(bar.count for bar in self.bars)

    @property
    def most(self) -> int:
        return max(bar.count for bar in self.bars)

    @property
    def today(self) -> int:
        return self.bars[-1].count


_TITLES: dict[str, Any] = {
    Transaction.Kind.DEPOSIT: _("Credits"),
    Transaction.Kind.PURCHASE: _("Purchases"),
    Transaction.Kind.REFUND: _("Refunds"),
}


def plots() -> list[Plot]:
    booked = daily_counts.booked(days=DAYS)
    return [
        Plot(str(kind), str(_TITLES[kind]), bars([(day.date, day.counts[kind]) for day in booked]))
        for kind in daily_counts.KINDS
    ]


def bars(counts: list[tuple[date, int]]) -> list[Bar]:
    """Place a bar for each day; what is not zero is at least two units high."""
    most = max((count for _, count in counts), default=0) or 1
    step = WIDTH / len(counts)
    placed = []
    for number, (day, count) in enumerate(counts):
        height = max(round(HEIGHT * count / most, 1), 2.0) if count else 0.0
        placed.append(Bar(day, count, round(number * step + GAP / 2, 1), HEIGHT - height, round(step - GAP, 1), height))
    return placed
