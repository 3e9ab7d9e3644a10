"""manage.py check_ledger"""

import json
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from payments.audit import MEANINGS, Report, audit
from payments.audit.results import remember

BAR_WIDTH = 40
REDRAW_SECONDS = 0.1


class Command(BaseCommand):
    help = (
        "Compute every balance, number and total again from the postings and name each difference. "
        "Exact while the service runs; takes no lock. Exits with 1 when something differs; /admin shows the result."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the report as one JSON object.")
        parser.add_argument("--limit", type=int, default=20, help="Name at most this many differences of a kind.")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["limit"] < 1:
            raise CommandError("--limit must be at least 1.")
        bar = ProgressBar()
        started = time.monotonic()
        try:
            report = audit(limit=options["limit"], on_progress=bar.show)
        finally:
            bar.clear()
        if options["json"]:
            self.stdout.write(json.dumps(as_json(report)))
        else:
            self.stdout.write(as_text(report, seconds=time.monotonic() - started))
        self._remember(report)
        if not report.is_sound:
            sys.exit(1)

    def _remember(self, report: Report) -> None:
        """Keep the result for /admin; where nothing can be written, as on a replica, the check is good all the same."""
        try:
            remember(report)
        except DatabaseError as error:
            reason = str(error).strip().split("\n", 1)[0]
            self.stderr.write(f"The result is not kept for /admin: {reason}")


class ProgressBar:
    """One line on stderr, drawn over and over; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()
        self._drawn_at = float("-inf")

    def show(self, done: int, total: int) -> None:
        if not self._is_shown or time.monotonic() - self._drawn_at < REDRAW_SECONDS:
            return
        self._drawn_at = time.monotonic()
        filled = BAR_WIDTH * done // total
        sys.stderr.write(f"\r[{'#' * filled:{BAR_WIDTH}}] {100 * done // total:3} %  {done:,} of {total:,} rows")
        sys.stderr.flush()

    def clear(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r\033[K")


def as_text(report: Report, *, seconds: float) -> str:
    checked = ", ".join(f"{count:,} {name}" for name, count in report.checked.items())
    if report.is_sound:
        return f"The books balance: {checked} checked in {seconds:.1f} s."
    lines = [f"The books do not balance: {sum(report.totals.values()):,} differences in {checked}."]
    for kind, total in report.totals.items():
        named = report.differences[kind]
        lines += [f"{kind} ({MEANINGS[kind]}), {total:,}:", *(f"  {difference}" for difference in named)]
        if total > len(named):
            lines.append(f"  ... and {total - len(named):,} more")
    return "\n".join(lines)


def as_json(report: Report) -> dict[str, object]:
    """Amounts and found values are strings; `first` of a kind is bounded by --limit, `total` is not."""
    return {
        "balanced": report.is_sound,
        "checked": report.checked,
        "users": {currency: f"{total:f}" for currency, total in report.users.items()},
        "house": {
            currency: {house: f"{balance:f}" for house, balance in balances.items()}
            for currency, balances in report.house.items()
        },
        "differences": {
            kind: {"total": total, "first": [difference._asdict() for difference in report.differences[kind]]}
            for kind, total in report.totals.items()
        },
    }
