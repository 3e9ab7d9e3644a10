"""The front page: sums by currency, what waits for somebody, whether the books balance, what was booked lately.

Each part is shown to whoever may look at what it tells about.
"""

from typing import Any, NamedTuple

from django.http import HttpRequest

from config.admin_site.ledger_state import ledger_state
from config.admin_site.plots import plots
from config.admin_site.queues import QUEUES
from payments.ledger.admin.display import money
from payments.ledger.queries import daily_counts, house_sums
from payments.ledger.queries.house_sums import CurrencySums


class SumsRow(NamedTuple):
    """A currency's sums, as the page writes them."""

    currency: str
    owed: str
    commission: str
    sales: str
    clearing: str


def front_page(request: HttpRequest) -> dict[str, Any]:
    may = request.user.has_perm
    return {
        "sums": [_row(sums) for sums in house_sums.house_sums()] if may("payments.view_wallet") else None,
        "sums_age": house_sums.SECONDS_OLD,
        "plots": plots() if may("payments.view_transaction") else [],
        "plots_age": daily_counts.SECONDS_OLD,
        "books": ledger_state() if may("payments.view_ledgercheck") else None,
        "shows_attention": any(may(permission) for permission, _ in QUEUES),
        "attention": [waiting for permission, find in QUEUES if may(permission) for waiting in find() if waiting.count],
    }


def _row(sums: CurrencySums) -> SumsRow:
    owed, commission, sales, clearing = (money(amount, sums.currency) for amount in sums[1:])
    return SumsRow(sums.currency.pk, owed, commission, sales, clearing)
