"""The types of events: every one that there is, with what it tells and an example of its data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _


class UnknownEventType(Exception):
    """There is no such type, and no family of that name."""

    def __init__(self, pattern: str) -> None:
        super().__init__(_("There is no event type %(pattern)s.") % {"pattern": repr(pattern)})
        self.pattern = pattern


@dataclass(frozen=True, slots=True)
class EventType:
    name: str
    description: str
    #: What `data` of such an event may be.
    example: Mapping[str, Any]


#: By their names, in the order in which the documents list them. Sources add theirs when Django is set up.
TYPES: dict[str, EventType] = {}


def expand(patterns: Iterable[str]) -> list[str]:
    """Return the names that the patterns stand for, without repeats: `wallet.*` is every type of that family.

    Raises UnknownEventType.
    """
    names: dict[str, None] = {}
    for pattern in patterns:
        family = pattern.removesuffix("*") if pattern.endswith(".*") else None
        matching = [name for name in TYPES if (name.startswith(family) if family else name == pattern)]
        if not matching:
            raise UnknownEventType(pattern)
        names.update(dict.fromkeys(matching))
    return list(names)
