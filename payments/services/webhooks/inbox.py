"""The SQL of the inbox: what is known of a batch of notices, and writing down their verdicts."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from payments.ledger.trips import Trip, columns, numbers, texts

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
SELECT provider.id, provider.updated_at::text, event.*
FROM payments_provider provider LEFT JOIN (
    SELECT e.id, e.provider_id, e.external_id, e.user_id, e.account_id, e.amount, e.verdict, e.reason,
        e.transaction_id, e.balance
    FROM unnest($2::bigint[], $3::text[]) AS asked (provider_id, external_id)
    JOIN payments_webhookevent e ON e.provider_id = asked.provider_id AND e.external_id = asked.external_id
        AND e.verdict <> 'conflict'
) event ON event.provider_id = provider.id
WHERE provider.id = ANY($1::bigint[]) AND provider.is_active
"""


def finding(keys: Iterable[Key], trip: Trip) -> Callable[[], tuple[dict[int, str], dict[Key, Entry]]]:
    """Ask for the active providers (id and version) and the known events among the keys; read them after the trip."""
    asked = sorted(set(keys))
    providers = {provider_id: None for provider_id, _ in asked}
    found = trip.ask(_FIND, numbers([*providers]), *columns(asked, (numbers, texts)))

    def read() -> tuple[dict[int, str], dict[Key, Entry]]:
        rows = found()
        entries = (Entry(*row[2:]) for row in rows if row[2] is not None)
        return {row[0]: row[1] for row in rows}, {(entry.provider_id, entry.external_id): entry for entry in entries}

    return read


def finding_users(ids: Iterable[int], trip: Trip) -> Callable[[], set[int]]:
    """Ask which of the ids are users', active or not."""
    found = trip.ask("SELECT id FROM accounts_user WHERE id = ANY($1::bigint[])", numbers(sorted(set(ids))))
    return lambda: {row[0] for row in found()}


def writing(entries: Sequence[Entry], trip: Trip) -> None:
    """Ask for new entries to be inserted in the order of their keys and those that were unmatched to be updated.

    The trip raises IntegrityError when another atomic block has just stored one of the keys; a conflict that is stored
    already is left as it is.
    """
    new = sorted((entry for entry in entries if entry.id is None), key=_KEY)
    conflicts = [entry for entry in new if entry.verdict == "conflict"]
    if conflicts:
        trip.ask(f"{_INSERT} ON CONFLICT DO NOTHING", *columns(conflicts, _KINDS))
        new = [entry for entry in new if entry.verdict != "conflict"]
    if new:
        trip.ask(_INSERT, *columns(new, _KINDS))
    if known := [entry for entry in entries if entry.id is not None]:
        trip.ask(_UPDATE, *columns(known, _KINDS))


_KEY = attrgetter("provider_id", "external_id")
_FIELDS = "id, provider_id, external_id, user_id, account_id, amount, verdict, reason, transaction_id, balance"
_KINDS = (numbers, numbers, texts, numbers, numbers, numbers, texts, texts, numbers, numbers)
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
