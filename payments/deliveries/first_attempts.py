"""The first attempts at new events: a worker takes a batch of them, and their deliveries are stored with the results.

So an event that is delivered at once costs one INSERT. A batch whose worker died lapses: its events then have
deliveries whose first attempt was lost.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from payments.deliveries import queue
from payments.deliveries.models import EventDelivery, EventEndpoint
from payments.deliveries.queue import AttemptResult, Claim
from payments.events.models import Event
from payments.events.types import TYPES

_TAKE = f"""
{queue.NEW_EVENTS}, moved AS ({queue.MOVE_CURSOR}), batch AS (
    INSERT INTO payments_eventbatch (endpoint_id, positions, claimed_until)
    SELECT %(endpoint)s, array_agg(position), now() + %(claim)s * interval '1 second' FROM taken HAVING count(*) > 0
    RETURNING id, created_at
)
SELECT batch.id, batch.created_at, position, type, source_id FROM batch CROSS JOIN taken ORDER BY position
"""  # noqa: S608 - our own words

# A batch that lapsed is not there any more, and its late results are dropped.
_STORE = """
WITH batch AS (DELETE FROM payments_eventbatch WHERE id = %(batch)s RETURNING endpoint_id, created_at)
INSERT INTO payments_eventdelivery
    (endpoint_id, position, type, status, attempts, next_attempt_at, log, created_at, delivered_at)
SELECT endpoint_id, position, type, status, attempts, now() + coalesce(pause, 0) * interval '1 second', log::jsonb,
    created_at, CASE WHEN status = 'delivered' THEN now() END
FROM batch CROSS JOIN unnest(
    %(positions)s::bigint[], %(types)s::text[], %(statuses)s::text[], %(attempts)s::int[], %(pauses)s::float8[],
    %(logs)s::text[]
) AS result (position, type, status, attempts, pause, log)
ON CONFLICT DO NOTHING
"""

_LAPSE = """
WITH batch AS (
    DELETE FROM payments_eventbatch WHERE claimed_until <= now() RETURNING endpoint_id, positions, created_at
)
INSERT INTO payments_eventdelivery (endpoint_id, position, type, attempts, created_at)
SELECT batch.endpoint_id, event.position, event.type, 1, batch.created_at
FROM batch JOIN payments_event AS event ON event.position = ANY(batch.positions)
ORDER BY event.position ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class TakenEvents:
    """New events of one endpoint that this worker may send once: those whose types this release knows."""

    batch_id: int
    events: Sequence[Event]
    known: Sequence[Event]
    claims: Sequence[Claim]


def take(endpoint_id: int, limit: int) -> TakenEvents | None:
    """Take the events that follow, if there are any. Commits at once: no two workers ever get one event."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {**queue.parameters_of(endpoint_id, limit), "claim": queue.CLAIM_SECONDS})
        rows = cursor.fetchall()
    if not rows:
        return None
    batch_id, created_at = rows[0][:2]
    events = [Event(position=position, type=type_, source_id=source) for *_, position, type_, source in rows]
    known = [event for event in events if event.type in TYPES]
    return TakenEvents(batch_id, events, known, _claims(endpoint_id, known, created_at))


def _claims(endpoint_id: int, events: Sequence[Event], created_at: datetime) -> list[Claim]:
    first = partial(EventDelivery, endpoint_id=endpoint_id, attempts=1, attempts_before=0, created_at=created_at)
    begun_at = timezone.now()
    return [Claim(first(position=event.position, type=event.type), begun_at) for event in events]


def note(endpoint_id: int, taken: TakenEvents, results: Sequence[AttemptResult]) -> EventEndpoint.DisabledReason | None:
    """Store the deliveries, and return why the endpoint was switched off, if it was. Safe to repeat.

    What was not sent after all is due at once, with its first attempt still to come.
    """
    with transaction.atomic():
        _store(taken, results)
        return queue.judge(endpoint_id, results)


def lapse() -> None:
    """Give the events of batches whose workers died their deliveries: the next attempt is the second."""
    with connection.cursor() as cursor:
        cursor.execute(_LAPSE)


def _store(taken: TakenEvents, results: Sequence[AttemptResult]) -> None:
    by_position = {result.claim.delivery.position: result for result in results}
    rows = [_row(event, by_position.get(event.position)) for event in taken.events]
    names = ("positions", "types", "statuses", "attempts", "pauses", "logs")
    parameters: dict[str, Any] = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(_STORE, parameters | {"batch": taken.batch_id})


def _row(event: Event, result: AttemptResult | None) -> tuple[object, ...]:
    if result is None:
        return event.position, event.type, EventDelivery.Status.PENDING, 0, None, "[]"
    status, seconds = queue.what_follows(result)
    return event.position, event.type, status, 1, seconds, json.dumps([queue.log_entry(result)])
