"""Users' first wallets, for notices that name none.

What holds, whatever comes at once:

* A notice is known by what it says. Which wallet it credited is no part of that, so a repeat is a duplicate although
  the user has opened other wallets since.
* The wallet is chosen again for each delivery, until one of them is credited. So an event that waited for its user
  goes to the wallet that is the first one then.
* It is opened once. Two notices of a user without a wallet in the currency may arrive in two processes. So the one who
  finds none takes an advisory lock on user and currency, and then looks again.

That lock comes before all locks of wallets, and several of them in one order, so nobody deadlocks. Only notices take
it: a user who opens a wallet at this very moment has two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from payments.webhooks.field_maps import FIRST_WALLET
from payments.webhooks.receiving.outcomes import Notice
from postgres.parameters import BIGINT, TEXT, RowsStatement
from postgres.pipeline import Pipeline, PipelineSteps

#: A user and a currency.
_Place = tuple[int, str]

_FIND: Final = RowsStatement(
    """
SELECT asked.owner_id, asked.currency, wallet.id
FROM {rows} AS asked (owner_id, currency) CROSS JOIN LATERAL (
    SELECT id FROM payments_wallet WHERE owner_id = asked.owner_id AND currency_id = asked.currency
    ORDER BY created_at, id LIMIT 1
) wallet
""",
    *(BIGINT, TEXT),
)
_LOCK: Final = RowsStatement(
    """
SELECT pg_advisory_xact_lock(key) FROM (
    SELECT DISTINCT hashtextextended('till first wallet ' || owner_id || ' ' || currency, 0) AS key
    FROM {rows} AS asked (owner_id, currency) ORDER BY key OFFSET 0
) keys
""",
    *(BIGINT, TEXT),
)
_DRAW_IDS: Final = "SELECT nextval('payments_wallet_id_seq') FROM generate_series(1, $1::int)"


@dataclass(slots=True)
class FirstWallets:
    """The wallets of users by currency: those that exist, and ids for those that have to be opened."""

    known: dict[_Place, int] = field(default_factory=dict)
    new: dict[_Place, int] = field(default_factory=dict)

    def of(self, notice: Notice) -> int:
        place = notice.user_id, notice.currency
        return self.known.get(place) or self.new[place]


def find_first_wallets(notices: Iterable[Notice]) -> PipelineSteps[FirstWallets]:
    """Find the wallets of the notices that name none. Asks nothing if all name one."""
    wallets = FirstWallets()
    places = sorted({(notice.user_id, notice.currency) for notice in notices if notice.account_id == FIRST_WALLET})
    if not places:
        return wallets
    wallets.known = yield from _look_up(places)
    missing = [place for place in places if place not in wallets.known]
    if missing:
        wallets.known |= yield from _look_up(missing, lock=True)
        missing = [place for place in missing if place not in wallets.known]
    if missing:
        pipeline = Pipeline()
        drawn = pipeline.execute(_DRAW_IDS, str(len(missing)))
        yield pipeline
        wallets.new = dict(zip(missing, (row[0] for row in drawn()), strict=True))
    return wallets


def wallets_of(notices: Sequence[Notice]) -> PipelineSteps[list[int]]:
    """Return the wallet of each notice, 0 where the first one is not open yet. Locks and opens nothing."""
    places = sorted({(notice.user_id, notice.currency) for notice in notices if notice.account_id == FIRST_WALLET})
    known = (yield from _look_up(places)) if places else {}
    return [notice.account_id or known.get((notice.user_id, notice.currency), FIRST_WALLET) for notice in notices]


def _look_up(places: Sequence[_Place], *, lock: bool = False) -> PipelineSteps[dict[_Place, int]]:
    pipeline = Pipeline()
    if lock:
        pipeline.execute_rows(places, _LOCK)
    rows = pipeline.execute_rows(places, _FIND)
    yield pipeline
    return {(owner_id, currency): id_ for owner_id, currency, id_ in rows()}
