"""Strict JSON: what two parsers could understand differently is refused."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext as _
from django.utils.translation import gettext as translated
from django.utils.translation import gettext_noop
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

MAX_NUMBER_LENGTH = 64  # characters; no amount, rate or id comes near
MAX_DEPTH = 32
MAX_MEMBERS = 200  # of one object or list
MAX_VALUES = 20_000  # of a body; counted before any is made, by the signs between them, those in texts too
MAX_NAME_LENGTH = 100  # of a member, which answers repeat
MAX_CONTENT_TYPE_LENGTH = 200

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class UnreadableField(ParseError):
    """A member of the body that is JSON, but cannot be taken; `field` is its name at the top level."""

    def __init__(self, detail: str, *, field: str) -> None:
        super().__init__(detail)
        self.field = field


@dataclass(frozen=True)
class _Unreadable:
    """Stands for a value that cannot be taken until it is known where in the body that is."""

    #: Translated only when it is told: a body may hold thousands of them.
    text: str
    values: Mapping[str, object]
    #: Of the body itself, what the error is about.
    field: str = ""

    @property
    def why(self) -> str:
        return translated(self.text) % self.values


class StrictJSONParser(BaseParser):
    """Read a UTF-8 JSON object; numbers with a point become Decimal, never float."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Raise UnsupportedMediaType, RequestDataTooBig, or ParseError naming what is wrong."""
        refuse_other_media(media_type or "")
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise RequestDataTooBig
        return parse_object(body)


def refuse_other_media(content_type: str) -> None:
    """Only `application/json`, and only in UTF-8. Raise UnsupportedMediaType."""
    if len(content_type) > MAX_CONTENT_TYPE_LENGTH:
        raise UnsupportedMediaType(content_type[:MAX_CONTENT_TYPE_LENGTH], _("Send application/json in UTF-8."))
    kind, parameters = parse_header_parameters(content_type)
    charset = parameters.get("charset", "utf-8").lower()
    if kind != "application/json" or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(content_type, _("Send application/json in UTF-8."))


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the object that the body is. Raise ParseError naming what is wrong."""
    if sum(map(body.count, b",[{")) > MAX_VALUES:
        raise ParseError(_("The body holds more than %(count)s values.") % {"count": MAX_VALUES})
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=lambda name: _Unreadable(gettext_noop("%(name)s is not JSON."), {"name": name}),
        )
    except UnicodeDecodeError as error:
        raise ParseError(
            _("The body is not UTF-8: byte %(position)s cannot be read.") % {"position": error.start}
        ) from None
    except json.JSONDecodeError as error:
        raise ParseError(_("The body is not JSON: %(error)s.") % {"error": error}) from None
    except RecursionError:
        raise ParseError(_("The body is nested too deeply.")) from None
    if isinstance(value, _Unreadable):
        raise UnreadableField(value.why, field=value.field) if value.field else ParseError(value.why)
    if not isinstance(value, dict):
        raise ParseError(_("The body must be a JSON object."))
    for name, part in value.items():
        _refuse_unsafe_name(name)
        _refuse_unsafe(name, part)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Unreadable:
    if len(pairs) > MAX_MEMBERS:
        return _Unreadable(
            gettext_noop("An object has at most %(maximum)s members; this one has %(count)s."),
            {"maximum": MAX_MEMBERS, "count": len(pairs)},
        )
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            known = name[:MAX_NAME_LENGTH]
            return _Unreadable(gettext_noop("The key %(name)s is given twice."), {"name": ascii(known)}, field=known)
        result[name] = value
    return result


def _decimal(literal: str) -> Decimal | _Unreadable:
    if "e" in literal.lower():  # 1e999999999 is ten characters, and gigabytes when written out
        return _Unreadable(
            gettext_noop("The number %(number)s has an exponent: write it out."), {"number": literal[:20]}
        )
    return _too_long(literal) or Decimal(literal)


def _integer(literal: str) -> int | _Unreadable:
    return _too_long(literal) or int(literal)


def _too_long(literal: str) -> _Unreadable | None:
    if len(literal) <= MAX_NUMBER_LENGTH:
        return None
    return _Unreadable(gettext_noop("The number %(number)s… is too long."), {"number": literal[:20]})


def _refuse_unsafe(name: str, value: Any) -> None:
    """Raise UnreadableField for what is inside the member `name`, if it cannot be taken."""
    try:
        _refuse_unsafe_value(value)
    except ParseError as error:
        raise UnreadableField(str(error), field=name) from None


def _refuse_unsafe_value(value: Any) -> None:
    """Refuse what PostgreSQL cannot store (NUL, lone surrogates), repeated keys, and what is nested too deeply."""
    waiting = [(value, 2)]  # the body itself is the first level
    while waiting:
        item, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ParseError(_("The body is nested too deeply."))
        if isinstance(item, _Unreadable):
            raise ParseError(item.why)
        if isinstance(item, str):
            _refuse_unsafe_text(item)
        elif isinstance(item, dict):
            for name in item:
                _refuse_unsafe_name(name)
            waiting += [(part, depth + 1) for part in item.values()]
        elif isinstance(item, list):
            _refuse_long(item)
            waiting += [(part, depth + 1) for part in item]


def _refuse_long(items: list[Any]) -> None:
    if len(items) > MAX_MEMBERS:
        raise ParseError(
            _("A list has at most %(maximum)s items; this one has %(count)s.")
            % {"maximum": MAX_MEMBERS, "count": len(items)}
        )


def _refuse_unsafe_name(name: str) -> None:
    _refuse_unsafe_text(name)
    if len(name) > MAX_NAME_LENGTH:
        raise ParseError(
            _("The name of a member has at most %(maximum)s characters: %(name)s…")
            % {"maximum": MAX_NAME_LENGTH, "name": ascii(name[:20])}
        )


def _refuse_unsafe_text(text: str) -> None:
    unstorable = _UNSTORABLE.search(text)
    if unstorable and unstorable[0] == chr(0):
        raise ParseError(_("The body holds a NUL character."))
    if unstorable:
        raise ParseError(_("The body holds half of a surrogate pair."))
