"""Where events come from: append-only tables, each with the types of its events. Apps above this one add theirs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from payments.events.types import TYPES, EventType


class EventKey(NamedTuple):
    type: str
    source_id: int


class EventContent(NamedTuple):
    #: When it happened.
    timestamp: datetime
    data: dict[str, Any]


#: Reads what events tell, from rows that never change: the same content each time.
Reader = Callable[[Sequence[EventKey]], Mapping[EventKey, EventContent]]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A table whose rows stay as they were inserted, and whose `id` comes from a sequence that keeps none in reserve.

    Each row draws its id in the database transaction that inserts it. Texts are SQL and never come from outside.
    """

    name: str
    table: str
    types: tuple[EventType, ...]
    read: Reader
    #: The events of a row, in their order: the SQL of a type, and of the condition on which there is one.
    events: tuple[tuple[str, str], ...]
    #: What that SQL needs besides the id.
    columns: tuple[str, ...] = ()


_sources: dict[str, Source] = {}
_readers: dict[str, Reader] = {}


def register(source: Source) -> None:
    """Let the relay read this source too. Safe to repeat."""
    _sources[source.name] = source
    for event_type in source.types:
        TYPES[event_type.name] = event_type
        _readers[event_type.name] = source.read


def registered() -> Iterable[Source]:
    """Return the sources in the order in which one pass of the relay gives positions."""
    return _sources.values()


def reader_of(event_type: str) -> Reader:
    return _readers[event_type]
