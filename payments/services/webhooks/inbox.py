"""The SQL of the inbox: what is known of a batch of notices, and writing down their verdicts."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.contrib.auth import get_user_model

from payments.ledger import trips

#: What a repeat must have in common with the first delivery: user, wallet, and the amount by value.
Content = tuple[int, int, Decimal]
Key = tuple[int, str]


class Entry(NamedTuple):
    """An event as it stands, or as it is about to be written; fields in the order of the SQL below."""

    id: int | None
    provider_id: int
    external_id: str
    user_id: int
    account_id: int
    amount: Decimal
    verdict: str
    reason: str = ""
    transaction_id: int | None = None
    balance: Decimal | None = None

    @property
    def content(self) -> Content:
        return self.user_id, self.account_id, self.amount


# Asked after the wallets are locked: whoever credited the same wallet before us has committed, and is seen.
_FIND = """
SELECT provider.id, provider.updated_at::text, event.id, event.provider_id, event.external_id, event.user_id,
    event.account_id, event.amount, event.verdict, event.reason, event.transaction_id, event.balance
FROM unnest($1::bigint[], $2::text[]) AS asked (provider_id, external_id)
JOIN payments_provider provider ON provider.id = asked.provider_id AND provider.is_active
LEFT JOIN payments_webhookevent event ON event.provider_id = asked.provider_id
    AND event.external_id = asked.external_id AND event.verdict <> 'conflict'
"""


def finding(keys: Iterable[Key], trip: trips.Trip) -> Callable[[], tuple[dict[int, str], dict[Key, Entry]]]:
    """Ask for the active providers (id and version) and the known events among the keys; read them after the trip."""
    found = trip.ask(_FIND, *trips.columns(sorted(set(keys)), 2))

    def read() -> tuple[dict[int, str], dict[Key, Entry]]:
        rows = found()
        providers = {row[0]: row[1] for row in rows}
        entries = (Entry(*row[2:]) for row in rows if row[2] is not None)
        return providers, {(entry.provider_id, entry.external_id): entry for entry in entries}

    return read


def existing_users(ids: Iterable[int]) -> set[int]:
    """Return the ids that are users', active or not; no query when there are none to ask for."""
    wanted = set(ids)
    return set(get_user_model().objects.filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else set()


def writing(entries: Sequence[Entry], trip: trips.Trip) -> None:
    """Ask for new entries to be inserted in the order of their keys and those that were unmatched to be updated.

    The trip raises IntegrityError when another atomic block has just stored one of the keys; a conflict that is stored
    already is left as it is.
    """
    new = [entry for entry in entries if entry.id is None]
    for conflict in (False, True):
        rows = [entry for entry in new if (entry.verdict == "conflict") is conflict]
        if rows:
            trip.ask(_INSERT + (" ON CONFLICT DO NOTHING" if conflict else ""), *_columns(rows))
    known = [entry for entry in entries if entry.id is not None]
    if known:
        trip.ask(_UPDATE, *_columns(known))


_FIELDS = "id, provider_id, external_id, user_id, account_id, amount, verdict, reason, transaction_id, balance"
_UNNEST = (
    "unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::numeric[], $7::text[],"
    f" $8::text[], $9::bigint[], $10::numeric[]) AS e ({_FIELDS})"
)
_WRITTEN = _FIELDS.removeprefix("id, ")
_INSERT = f"INSERT INTO payments_webhookevent ({_WRITTEN}) SELECT {_WRITTEN} FROM {_UNNEST}"  # noqa: S608 - our names
_UPDATE = (
    "UPDATE payments_webhookevent SET verdict = e.verdict, reason = e.reason, "  # noqa: S608 - our own names
    f"transaction_id = e.transaction_id, balance = e.balance FROM {_UNNEST} WHERE payments_webhookevent.id = e.id"
)


def _columns(entries: Sequence[Entry]) -> list[str]:
    ordered = sorted(entries, key=lambda entry: (entry.provider_id, entry.external_id))
    return trips.columns(ordered, len(Entry._fields))
