"""The bodies of events, as the feed and the deliveries send them: the same bytes each time."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from api.timestamps import timestamp
from payments.events.models import Event
from payments.events.sources import EventContent, EventKey, Reader, reader_of


def members(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return what the API says of each event. Asks each source once."""
    contents = _contents(EventKey(event.type, event.source_id) for event in events)
    return [_members(event, contents[EventKey(event.type, event.source_id)]) for event in events]


def bodies(events: Sequence[Event]) -> dict[int, bytes]:
    """Return the whole JSON body of each event, by its position."""
    return {body["position"]: _written(body) for body in members(events)}


def _contents(keys: Iterable[EventKey]) -> dict[EventKey, EventContent]:
    by_reader: dict[Reader, list[EventKey]] = {}
    for key in keys:
        by_reader.setdefault(reader_of(key.type), []).append(key)
    return {key: content for read, some in by_reader.items() for key, content in read(some).items()}


def _members(event: Event, content: EventContent) -> dict[str, Any]:
    return {
        "id": str(event),
        "position": event.position,
        "type": event.type,
        "timestamp": timestamp(content.timestamp),
        "data": content.data,
    }


def _written(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
