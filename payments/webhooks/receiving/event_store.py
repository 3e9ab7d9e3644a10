"""The SQL of webhook events: finds the known events of a batch of notices, and writes their results."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from payments.ledger.booking import NewTransaction, SingleCredit
from payments.webhooks.models import WebhookEvent
from postgres.parameters import BIGINT, DOCUMENT, NUMERIC, TEXT, RowsStatement, integers
from postgres.pipeline import Pipeline

#: Statuses (the column `verdict`), as plain texts.
CREDITED: Final = WebhookEvent.Status.CREDITED.value
UNMATCHED: Final = WebhookEvent.Status.UNMATCHED.value
CONFLICT: Final = WebhookEvent.Status.CONFLICT.value
#: What a repeat must have in common with the first delivery, as the notice says it: user, wallet, the amount by value,
#: and the currency. The wallet is 0 if it names none, the currency empty if it is the provider's. What was credited is
#: no part of it.
Content = tuple[int, int, Decimal, str]
Key = tuple[int, str]


class Entry(NamedTuple):
    """An event as it is stored, or as it will be written. The fields are in the order of the SQL below."""

    id: int | None
    provider_id: int
    external_id: str
    user_id: int
    account_id: int
    amount: Decimal
    currency: str
    transaction_id: int | None
    balance: Decimal | None
    wallet_id: int | None
    status: str
    reason: str
    body: str = ""
    headers: str = ""

    @property
    def content(self) -> Content:
        return self.user_id, self.account_id, self.amount, self.currency


# Runs after the wallets are locked. So it sees the events of every credit of these wallets that came before.
# OFFSET 0 keeps the planner from reading all events of a provider, which looks cheap while there are few.
FIND = RowsStatement(
    """
SELECT provider.id, provider.updated_at::text, event.*
FROM payments_provider provider LEFT JOIN LATERAL (
    SELECT known.*
    FROM {rows} AS asked (provider_id, external_id) CROSS JOIN LATERAL (
        SELECT id, provider_id, external_id, user_id, account_id, amount, coalesce(currency_id, '') AS currency,
            transaction_id, balance, wallet_id, verdict, reason
        FROM payments_webhookevent
        WHERE provider_id = asked.provider_id AND external_id = asked.external_id AND verdict <> 'conflict' OFFSET 0
    ) known
    WHERE asked.provider_id = provider.id
) event ON true
WHERE provider.id = ANY($3::bigint[]) AND provider.is_active
""",
    *(BIGINT, TEXT),
)


def queue_find_events(keys: Iterable[Key], pipeline: Pipeline) -> Callable[[], tuple[dict[int, str], dict[Key, Entry]]]:
    """Queue a look-up of the keys' active providers (id and version) and known events.

    Returns a function that reads them after the run.
    """
    sorted_keys = sorted(set(keys))
    providers = {provider_id: None for provider_id, _ in sorted_keys}
    read_rows = pipeline.execute_rows(sorted_keys, FIND, integers([*providers]))

    def read() -> tuple[dict[int, str], dict[Key, Entry]]:
        rows = read_rows()
        entries = (Entry(*row[2:]) for row in rows if row[2] is not None)
        return {row[0]: row[1] for row in rows}, {(entry.provider_id, entry.external_id): entry for entry in entries}

    return read


def queue_find_users(ids: Iterable[int], pipeline: Pipeline) -> Callable[[], set[int]]:
    """Queue a look-up of the ids that are users', active or not. Returns a function that reads them after the run."""
    read_rows = pipeline.execute(
        "SELECT id FROM accounts_user WHERE id = ANY($1::bigint[])", integers(sorted(set(ids)))
    )
    return lambda: {row[0] for row in read_rows()}


CREDIT = SingleCredit(
    condition="""
        EXISTS (SELECT FROM payments_provider WHERE id = $8::bigint AND is_active AND updated_at::text = $10::text)
        AND NOT EXISTS (
            SELECT FROM payments_webhookevent
            WHERE provider_id = $8::bigint AND external_id = $9::text AND verdict <> 'conflict' OFFSET 0
        )
    """,
    then="""
    entered AS (
        INSERT INTO payments_webhookevent (provider_id, external_id, user_id, account_id, amount, currency_id,
            transaction_id, balance, verdict, reason, body, headers)
        SELECT $8::bigint, $9::text, $2::bigint, $1::bigint, $4::numeric, nullif($11::text, ''),
            transaction_id, balance, 'credited', '', nullif($12::text, ''), nullif($13::text, '')
        FROM credited
        RETURNING transaction_id, balance
    ), known AS (
        SELECT transaction_id, balance FROM (
            SELECT transaction_id, balance, user_id, account_id, amount, currency_id, verdict FROM payments_webhookevent
            WHERE provider_id = $8::bigint AND external_id = $9::text AND verdict <> 'conflict' OFFSET 0
        ) event
        WHERE verdict = 'credited' AND user_id = $2::bigint AND account_id = $1::bigint AND amount = $4::numeric
        AND coalesce(currency_id, '') = $11::text AND
        EXISTS (SELECT FROM payments_provider WHERE id = $8::bigint AND is_active AND updated_at::text = $10::text)
    )
    SELECT transaction_id, balance, false FROM entered UNION ALL SELECT transaction_id, balance, true FROM known
    """,
)


def queue_single_credit(
    entry: Entry, deposit: NewTransaction, pipeline: Pipeline, *, currency: str, version: str
) -> Callable[[], tuple[int, Decimal, bool] | None]:
    """Queue the credit of one notice and its event. Nothing is credited when anything else has to be done for it.

    The key must be new. The wallet must be the user's and in this currency. The provider must be active and of this
    version. The deposit's posting goes from a house wallet to the user's, which the notice must name.

    Returns a function that reads the result after the run: the transaction's id, the balance, and whether it was
    credited before. The result is None when the notice is not credited. The run raises IntegrityError when another
    atomic block has just stored the key. Raises InvalidTransaction.
    """
    others = (str(entry.provider_id), entry.external_id, version, entry.currency, entry.body, entry.headers)
    rows = CREDIT.queue(pipeline, deposit, entry.user_id, currency, *others)
    return lambda: next(iter(rows()), None)


def queue_save(entries: Sequence[Entry], pipeline: Pipeline) -> None:
    """Queue the INSERT of new entries, one for each status and in the order of keys, and the UPDATE of known ones.

    A conflict that is stored already stays as it is, and so do body and headers of a known event. The run raises
    IntegrityError when another atomic block has just stored one of the keys.
    """
    new = [entry for entry in entries if entry.id is None]
    # Most notices name a wallet, in the provider's currency: two columns less cost a large batch a few percent less.
    credited = [entry for entry in new if entry.status == CREDITED]
    if plain := sorted([entry[1:6] + entry[7:9] + entry[12:] for entry in credited if not entry.currency]):
        pipeline.execute_rows(plain, _INSERT_CREDITED)
    if mapped := sorted([entry[1:9] + entry[12:] + entry[9:10] for entry in credited if entry.currency]):
        pipeline.execute_rows(mapped, _INSERT_MAPPED)
    if unmatched := sorted([entry[1:7] + entry[10:] for entry in new if entry.status == UNMATCHED]):
        pipeline.execute_rows(unmatched, _INSERT_UNMATCHED)
    if conflicts := sorted([entry[1:7] + entry[10:] for entry in new if entry.status == CONFLICT]):
        pipeline.execute_rows(conflicts, _INSERT_CONFLICTS)
    if known := sorted([entry[:1] + entry[7:12] for entry in entries if entry.id is not None]):
        pipeline.execute_rows(known, _UPDATE)


_CONTENT = (BIGINT, TEXT, BIGINT, BIGINT, NUMERIC, TEXT)
_INSERT_CREDITED = RowsStatement(
    """
INSERT INTO payments_webhookevent
    (provider_id, external_id, user_id, account_id, amount, transaction_id, balance, body, headers, verdict, reason)
SELECT provider_id, external_id, user_id, account_id, amount, transaction_id, balance,
    nullif(body, ''), nullif(headers, ''), 'credited', ''
FROM {rows} AS e (provider_id, external_id, user_id, account_id, amount, transaction_id, balance, body, headers)
""",
    *(*_CONTENT[:5], BIGINT, NUMERIC, DOCUMENT, DOCUMENT),
)
_INSERT_MAPPED = RowsStatement(
    """
INSERT INTO payments_webhookevent (provider_id, external_id, user_id, account_id, amount, currency_id,
    transaction_id, balance, body, headers, wallet_id, verdict, reason)
SELECT provider_id, external_id, user_id, account_id, amount, currency,
    transaction_id, balance, nullif(body, ''), nullif(headers, ''), wallet_id, 'credited', ''
FROM {rows} AS e (provider_id, external_id, user_id, account_id, amount, currency,
    transaction_id, balance, body, headers, wallet_id)
""",
    *(*_CONTENT, BIGINT, NUMERIC, DOCUMENT, DOCUMENT, BIGINT),
)
_INSERT = """
INSERT INTO payments_webhookevent (provider_id, external_id, user_id, account_id, amount, currency_id,
    verdict, reason, body, headers)
SELECT provider_id, external_id, user_id, account_id, amount, nullif(currency, ''),
    verdict, reason, nullif(body, ''), nullif(headers, '')
FROM {rows} AS e (provider_id, external_id, user_id, account_id, amount, currency, verdict, reason, body, headers)
"""
_INSERT_UNMATCHED = RowsStatement(_INSERT, *_CONTENT, TEXT, TEXT, DOCUMENT, DOCUMENT)
_INSERT_CONFLICTS = RowsStatement(f"{_INSERT} ON CONFLICT DO NOTHING", *_CONTENT, TEXT, TEXT, DOCUMENT, DOCUMENT)
_UPDATE = RowsStatement(
    """
UPDATE payments_webhookevent SET verdict = e.verdict, reason = e.reason,
    transaction_id = e.transaction_id, balance = e.balance, wallet_id = e.wallet_id
FROM {rows} AS e (id, transaction_id, balance, wallet_id, verdict, reason)
WHERE payments_webhookevent.id = e.id
""",
    *(BIGINT, BIGINT, NUMERIC, BIGINT, TEXT, TEXT),
)
