"""The two members, in requests that are plainly right and in answers."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from api.plain_members import is_printable

Metadata = dict[str, str]

REFERENCE_MAX_LENGTH = 255
MAX_KEYS, VALUE_MAX_LENGTH = 20, 500
KEY_PATTERN = "[A-Za-z0-9_.-]{1,40}"
KEY = re.compile(KEY_PATTERN, re.ASCII)
NAMES = ("reference", "metadata")


class Attached(NamedTuple):
    """The two members of one document. Without metadata it is None: so no row stores an empty object."""

    reference: str = ""
    metadata: Metadata | None = None


NOTHING = Attached()


class _Document(Protocol):
    @property
    def reference(self) -> str: ...
    @property
    def metadata(self) -> Metadata | None: ...


def plain_attached(data: Mapping[str, Any]) -> Attached | None:
    """Return the two members of a body if they are plainly right. None: a serializer has to judge."""
    if "reference" not in data and "metadata" not in data:
        return NOTHING
    reference, metadata = data.get("reference", ""), data.get("metadata", {})
    if not is_printable(reference, REFERENCE_MAX_LENGTH) or type(metadata) is not dict or len(metadata) > MAX_KEYS:
        return None
    for key, value in metadata.items():
        if not KEY.fullmatch(key) or not is_printable(value, VALUE_MAX_LENGTH):
            return None
    return Attached(reference, in_order(metadata) or None)


def in_order(metadata: Mapping[str, str] | None) -> Metadata:
    """Return the metadata as every answer has it: by key, and an empty object if there is none."""
    return dict(sorted(metadata.items())) if metadata else {}


def attached_answer(document: _Document) -> dict[str, Any]:
    """Return the two members of an answer."""
    return {"reference": document.reference, "metadata": in_order(document.metadata)}
