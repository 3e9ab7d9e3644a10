"""The SQL of the inbox: what is known of a batch of notices, and writing down their verdicts."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from payments.ledger.trips import Trip, columns, decimals, integers, texts
from payments.models import WebhookEvent

#: Verdicts, as plain texts.
CREDITED: Final = WebhookEvent.Verdict.CREDITED.value
UNMATCHED: Final = WebhookEvent.Verdict.UNMATCHED.value
CONFLICT: Final = WebhookEvent.Verdict.CONFLICT.value
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
    transaction_id: int | None
    balance: Decimal | None
    verdict: str
    reason: str

    @property
    def content(self) -> Content:
        return self.user_id, self.account_id, self.amount


# Asked after the wallets are locked: whoever credited the same wallet before us has committed, and is seen.
# OFFSET 0 keeps the planner from reading all events of a provider, which looks cheap while there are few.
_FIND = """
SELECT provider.id, provider.updated_at::text, event.*
FROM payments_provider provider LEFT JOIN LATERAL (
    SELECT known.*
    FROM unnest($2::bigint[], $3::text[]) AS asked (provider_id, external_id) CROSS JOIN LATERAL (
        SELECT id, provider_id, external_id, user_id, account_id, amount, transaction_id, balance, verdict, reason
        FROM payments_webhookevent
        WHERE provider_id = asked.provider_id AND external_id = asked.external_id AND verdict <> 'conflict' OFFSET 0
    ) known
    WHERE asked.provider_id = provider.id
) event ON true
WHERE provider.id = ANY($1::bigint[]) AND provider.is_active
"""


def finding(keys: Iterable[Key], trip: Trip) -> Callable[[], tuple[dict[int, str], dict[Key, Entry]]]:
    """Ask for the active providers (id and version) and the known events among the keys; read them after the trip."""
    asked = sorted(set(keys))
    providers = {provider_id: None for provider_id, _ in asked}
    found = trip.ask(_FIND, integers([*providers]), *columns(asked, (integers, texts)))

    def read() -> tuple[dict[int, str], dict[Key, Entry]]:
        rows = found()
        entries = (Entry(*row[2:]) for row in rows if row[2] is not None)
        return {row[0]: row[1] for row in rows}, {(entry.provider_id, entry.external_id): entry for entry in entries}

    return read


def finding_users(ids: Iterable[int], trip: Trip) -> Callable[[], set[int]]:
    """Ask which of the ids are users', active or not."""
    found = trip.ask("SELECT id FROM accounts_user WHERE id = ANY($1::bigint[])", integers(sorted(set(ids))))
    return lambda: {row[0] for row in found()}


def writing(entries: Sequence[Entry], trip: Trip) -> None:
    """Ask for new entries to be inserted, in the order of their keys for each verdict, and known ones to be updated.

    The trip raises IntegrityError when another atomic block has just stored one of the keys; a conflict that is stored
    already is left as it is.
    """
    new = [entry for entry in entries if entry.id is None]
    if credited := sorted([entry[1:8] for entry in new if entry.verdict == CREDITED]):
        trip.ask(_INSERT_CREDITED, *columns(credited, _KINDS[1:8]))
    if unmatched := sorted([entry[1:6] + entry[8:] for entry in new if entry.verdict == UNMATCHED]):
        trip.ask(_INSERT, *columns(unmatched, _KINDS[1:6] + _KINDS[8:]))
    if conflicts := sorted([entry[1:6] + entry[8:] for entry in new if entry.verdict == CONFLICT]):
        trip.ask(f"{_INSERT} ON CONFLICT DO NOTHING", *columns(conflicts, _KINDS[1:6] + _KINDS[8:]))
    if known := sorted(entry for entry in entries if entry.id is not None):
        trip.ask(_UPDATE, *columns(known, _KINDS))


_KINDS = (integers, integers, texts, integers, integers, decimals, integers, decimals, texts, texts)
_INSERT_CREDITED = """
INSERT INTO payments_webhookevent
    (provider_id, external_id, user_id, account_id, amount, transaction_id, balance, verdict, reason)
SELECT e.*, 'credited', ''
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::numeric[], $6::bigint[], $7::numeric[]) AS e
"""
_INSERT = """
INSERT INTO payments_webhookevent (provider_id, external_id, user_id, account_id, amount, verdict, reason)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::numeric[], $6::text[], $7::text[]) AS e
"""
_UPDATE = """
UPDATE payments_webhookevent SET
    verdict = e.verdict, reason = e.reason, transaction_id = e.transaction_id, balance = e.balance
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::numeric[], $7::bigint[],
    $8::numeric[], $9::text[], $10::text[])
    AS e (id, provider_id, external_id, user_id, account_id, amount, transaction_id, balance, verdict, reason)
WHERE payments_webhookevent.id = e.id
"""
