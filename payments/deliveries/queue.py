"""The queue of deliveries: filled from the events, claimed by workers, and told of results. All in SQL.

Several workers at once share it. None waits for another: a row that somebody holds is passed over.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.functions import Least, Now, Random
from django.utils import timezone

from api.timestamps import timestamp
from payments.deliveries import schedule
from payments.deliveries.attempts import AttemptOutcome
from payments.deliveries.models import MAX_LOGGED, TEST_TYPE, EventDelivery, EventEndpoint
from payments.events.types import TYPES

#: Open deliveries of an endpoint. One that is dead fills no table: its events wait where they are.
MAX_OPEN = 1000
#: Events that one filling looks at.
MAX_SCANNED = 5000
#: Seconds after which somebody else may try. An attempt takes ten at most.
CLAIM_SECONDS = 30
#: Seconds over which the deliveries of an endpoint that is back are spread.
SPREAD_SECONDS = 30
PRUNED_AT_A_TIME = 1000
#: Shorter failures are none of the endpoint's.
OUTAGE = timedelta(minutes=1)

#: Whether an endpoint wants an event. Its row says so and no list of ours: a newer release may have given the event.
WANTED = "(types = '{}' OR type = ANY(types) OR split_part(type, '.', 1) || '.*' = ANY(types))"

# The endpoint's row is locked, so the events of one endpoint are taken by one worker at a time.
NEW_EVENTS = f"""
WITH endpoint AS (
    SELECT id, position, types FROM payments_eventendpoint WHERE id = %(endpoint)s AND is_active FOR UPDATE SKIP LOCKED
), room AS (
    SELECT least(%(limit)s, %(max_open)s - count(*)) AS free FROM (
        SELECT FROM payments_eventdelivery WHERE endpoint_id = %(endpoint)s AND status = 'pending' LIMIT %(max_open)s
    ) AS open
), scanned AS (
    SELECT event.position, event.type, source_id, {WANTED} AS is_wanted FROM endpoint CROSS JOIN LATERAL (
        SELECT position, type, source_id FROM payments_event WHERE position > endpoint.position ORDER BY position
        LIMIT CASE WHEN endpoint.types = '{{}}' THEN (SELECT free FROM room) ELSE %(scan)s END
    ) AS event
), taken AS (
    SELECT position, type, source_id FROM scanned WHERE is_wanted ORDER BY position LIMIT (SELECT free FROM room)
)"""  # noqa: S608 - our own words
MOVE_CURSOR = """
UPDATE payments_eventendpoint SET position = reached.position
FROM (
    SELECT CASE WHEN count(*) < (SELECT free FROM room) THEN (SELECT max(position) FROM scanned)
        ELSE max(position) END AS position
    FROM taken
) AS reached
WHERE id = (SELECT id FROM endpoint) AND reached.position > payments_eventendpoint.position
RETURNING payments_eventendpoint.position
"""
_FILL = f"""
{NEW_EVENTS}, stored AS (
    INSERT INTO payments_eventdelivery (endpoint_id, position, type)
    SELECT %(endpoint)s, position, type FROM taken ORDER BY position ON CONFLICT DO NOTHING
)
{MOVE_CURSOR}
"""  # noqa: S608 - our own words

_CLAIM = """
UPDATE payments_eventdelivery SET attempts = attempts + 1, claimed_until = now() + %(claim)s * interval '1 second'
WHERE id = ANY(ARRAY(
    SELECT id FROM payments_eventdelivery
    WHERE endpoint_id = %(endpoint)s AND status = 'pending' AND next_attempt_at <= now()
        AND (claimed_until IS NULL OR claimed_until <= now()) AND type = ANY(%(known)s)
    ORDER BY next_attempt_at, id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
))
RETURNING id, position, type, attempts, attempts_before, created_at
"""

# A result of an attempt that is not the last any more is dropped: the claim ran out, and somebody tried again.
_NOTE = """
UPDATE payments_eventdelivery SET
    status = result.status, claimed_until = NULL,
    next_attempt_at = coalesce(now() + result.pause * interval '1 second', next_attempt_at),
    delivered_at = CASE WHEN result.status = 'delivered' THEN now() END,
    log = CASE WHEN jsonb_array_length(log) >= %(kept)s THEN log - 0 ELSE log END || result.entry::jsonb
FROM unnest(%(ids)s::bigint[], %(attempts)s::int[], %(statuses)s::text[], %(pauses)s::float8[], %(entries)s::text[])
    AS result (id, attempt, status, pause, entry)
WHERE payments_eventdelivery.id = result.id AND attempts = result.attempt AND payments_eventdelivery.status = 'pending'
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this worker may send once, as the attempt of this number."""

    delivery: EventDelivery
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class AttemptResult:
    claim: Claim
    outcome: AttemptOutcome


def fill(endpoint_id: int) -> bool:
    """Give the events that came since their deliveries; tell whether there were any. Never waits.

    Stops when the endpoint has MAX_OPEN open deliveries, or after MAX_SCANNED events.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FILL, parameters_of(endpoint_id, MAX_OPEN))
        return cursor.fetchone() is not None


def parameters_of(endpoint_id: int, limit: int) -> dict[str, int]:
    """Return what NEW_EVENTS needs, for so many events."""
    return {"endpoint": endpoint_id, "limit": limit, "max_open": MAX_OPEN, "scan": MAX_SCANNED}


def due() -> QuerySet[EventDelivery]:
    """Return the deliveries that may be claimed now."""
    unclaimed = Q(claimed_until__isnull=True) | Q(claimed_until__lte=Now())
    return EventDelivery.objects.filter(
        unclaimed, status=EventDelivery.Status.PENDING, next_attempt_at__lte=Now(), type__in=known_types()
    )


def known_types() -> list[str]:
    """Return the types whose bodies this release can tell. A newer one beside it delivers the others."""
    return [*TYPES, TEST_TYPE]


def claim(endpoint_id: int, limit: int) -> list[Claim]:
    """Take deliveries that are due, the longest due first. Commits at once: no two workers ever get one attempt."""
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {
            "endpoint": endpoint_id,
            "limit": limit,
            "claim": CLAIM_SECONDS,
            "known": known_types(),
        }
        cursor.execute(_CLAIM, parameters)
        rows = sorted(cursor.fetchall())
    begun_at = timezone.now()
    return [
        Claim(
            EventDelivery(
                id=key, endpoint_id=endpoint_id, position=position, type=type_, attempts=attempts,
                attempts_before=before, created_at=created_at,
            ),
            begun_at,
        )
        for key, position, type_, attempts, before, created_at in rows
    ]  # fmt: skip


def note(endpoint_id: int, results: Sequence[AttemptResult]) -> EventEndpoint.DisabledReason | None:
    """Write down what became of attempts at one endpoint; return why it was switched off, if it was. Safe to repeat.

    After a success that ends failures all that waits is due soon. 410, or failures for too long, switch it off.
    """
    with transaction.atomic():
        _write(results)
        return judge(endpoint_id, results)


def judge(endpoint_id: int, results: Sequence[AttemptResult]) -> EventEndpoint.DisabledReason | None:
    """Let the endpoint's state follow from results that are written down."""
    is_gone = any(result.outcome.status_code == 410 for result in results)
    if any(result.outcome.is_success for result in results) and not is_gone:
        _note_success(endpoint_id)
    elif results:
        return _note_failure(endpoint_id, is_gone=is_gone)
    return None


def _write(results: Sequence[AttemptResult]) -> None:
    rows = [_row(result) for result in results]
    columns = zip(*rows, strict=True) if rows else ([], [], [], [], [])
    names = ("ids", "attempts", "statuses", "pauses", "entries")
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, {"kept": MAX_LOGGED, **dict(zip(names, map(list, columns), strict=True))})


def _row(result: AttemptResult) -> tuple[int, int, str, float | None, str]:
    delivery = result.claim.delivery
    return delivery.pk, delivery.attempts, *what_follows(result), json.dumps(log_entry(result))


def what_follows(result: AttemptResult) -> tuple[EventDelivery.Status, float | None]:
    """Return the delivery's status, and the seconds until the next attempt if there is one."""
    delivery, outcome = result.claim.delivery, result.outcome
    if outcome.is_success:
        return EventDelivery.Status.DELIVERED, None
    tried = delivery.attempts - delivery.attempts_before
    pause = schedule.pause_after(tried, chance=random.random(), retry_after=outcome.retry_after)  # noqa: S311
    if pause is None:
        return EventDelivery.Status.FAILED, None
    return EventDelivery.Status.PENDING, pause.total_seconds()


def log_entry(result: AttemptResult) -> dict[str, object]:
    outcome = result.outcome
    return {
        "number": result.claim.delivery.attempts,
        "at": timestamp(result.claim.begun_at),
        "milliseconds": round(outcome.seconds * 1000),
        "status_code": outcome.status_code,
        "error": outcome.error,
        "answer": outcome.answer,
    }


def _note_success(endpoint_id: int) -> None:
    """End the failures; after more than a moment of them, let what waits be sent soon.

    One event that always fails among others that succeed is no outage, and keeps to its schedule.
    """
    failing = EventEndpoint.objects.filter(pk=endpoint_id, failing_since__isnull=False)
    if not failing.exists():
        return
    was_down = failing.filter(failing_since__lte=Now() - OUTAGE).exists()
    failing.update(failing_since=None)
    if was_down:
        make_due(endpoint_id)


def make_due(endpoint_id: int) -> None:
    """Let all that waits for a later attempt be sent soon, spread over half a minute.

    This attempt does not count: however often an endpoint comes and goes, a delivery fails no sooner than it should.
    """
    soon = ExpressionWrapper(
        Now() + Random() * Value(timedelta(seconds=SPREAD_SECONDS), DurationField()), DateTimeField()
    )
    waiting = EventDelivery.objects.filter(endpoint_id=endpoint_id, status=EventDelivery.Status.PENDING)
    # One that waits for its moment already, without an attempt since, has none that could not count.
    uncounted = Least(F("attempts_before") + 1, F("attempts"))
    waiting.filter(next_attempt_at__gt=Now()).update(next_attempt_at=soon, attempts_before=uncounted)


def _note_failure(endpoint_id: int, *, is_gone: bool) -> EventEndpoint.DisabledReason | None:
    endpoint = EventEndpoint.objects.filter(pk=endpoint_id)
    endpoint.filter(failing_since__isnull=True).update(failing_since=Now())
    active = endpoint.filter(is_active=True)
    if is_gone:
        reason = EventEndpoint.DisabledReason.GONE
    else:
        reason = EventEndpoint.DisabledReason.FAILING
        active = active.filter(failing_since__lte=Now() - schedule.GIVE_UP_AFTER)
    return reason if active.update(is_active=False, disabled_reason=reason) else None


def open_deliveries() -> tuple[int, float]:
    """Return how many deliveries wait, and the age of the oldest in seconds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)"
            " FROM payments_eventdelivery WHERE status = 'pending'"
        )
        number, age = cursor.fetchone()
    return int(number), max(float(age), 0.0)


def prune(*, older_than: timedelta) -> int:
    """Delete deliveries of that age that are done with, in small batches that each commit; return how many."""
    done = EventDelivery.objects.exclude(status=EventDelivery.Status.PENDING).order_by("pk")
    deleted, oldest = 0, done.annotate(is_old=Q(created_at__lt=Now() - older_than)).values_list("pk", "is_old")
    # Ids rise with time: where the first ones are young, so are all, and nobody reads the whole table for it.
    while batch := [pk for pk, is_old in oldest[:PRUNED_AT_A_TIME] if is_old]:
        deleted += done.filter(pk__in=batch).delete()[0]  # staff may just have sent one of them again
    return deleted
