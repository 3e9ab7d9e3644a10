"""JSON pointers (RFC 6901): where in a document a value stands. No Django."""

import re
from functools import lru_cache
from typing import Any, Final

from api.marked import marked

MAX_LENGTH: Final = 200
MAX_DEPTH: Final = 10
_POINTER: Final = re.compile(r"(?:/(?:[^~/]|~[01])*+)++")
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,3}", re.ASCII)

#: A pointer that was read: the names and places on the way.
PointerTokens = tuple[str, ...]


class Missing(Exception):
    """Nothing stands there."""


def read(pointer: str) -> PointerTokens:
    """Read a pointer to a value inside of a document. Raises ValueError, which says what is wrong."""
    if len(pointer) > MAX_LENGTH or not pointer.isprintable() or not _POINTER.fullmatch(pointer):
        raise ValueError(
            marked(
                "A JSON pointer begins with a slash, such as /data/amount, and has at most %(count)s characters.",
                count=MAX_LENGTH,
            )
        )
    tokens = tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))
    if len(tokens) > MAX_DEPTH:
        raise ValueError(marked("A JSON pointer has at most %(count)s parts.", count=MAX_DEPTH))
    return tokens


@lru_cache(maxsize=1024)
def write(tokens: PointerTokens) -> str:
    """Return the pointer. It is remembered: every notice of a provider has the same ones."""
    return "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)


def look_up(document: Any, tokens: PointerTokens) -> Any:
    """Return what stands there. Raises Missing."""
    for token in tokens:
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list) and _INDEX.fullmatch(token) and int(token) < len(document):
            document = document[int(token)]
        else:
            raise Missing
    return document
