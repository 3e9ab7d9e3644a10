"""From JSON to frozen dataclasses, by their annotations. Members that nobody knows yet are kept in `extra`."""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from till_client.errors import UnexpectedAnswer

Read = Callable[[Any], Any]
R = TypeVar("R", bound="Record")


@dataclass(frozen=True, kw_only=True)
class Record:
    """What Till answers. `extra` has the members that this version of the package does not know."""

    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def decode(kind: type[R], value: object) -> R:
    """Raises UnexpectedAnswer, which names the member; never its value, which may be a secret."""
    if not isinstance(value, Mapping):
        raise UnexpectedAnswer(f"{kind.__name__}: an object was expected")
    known, readers = {}, _readers(kind)  # type: ignore[arg-type]  # every class is hashable
    for name, (member, read, is_needed) in readers.items():
        if member not in value:
            if is_needed:
                raise UnexpectedAnswer(f"{kind.__name__}: {member} is missing")
            continue
        try:
            known[name] = read(value[member])
        except (TypeError, ValueError, ArithmeticError) as error:
            raise UnexpectedAnswer(f"{kind.__name__}: {member} is of another form") from error
    members = {member for member, *_ in readers.values()}
    return kind(**known, extra={name: part for name, part in value.items() if name not in members})


@cache
def _readers(kind: Any) -> dict[str, tuple[str, Read, bool]]:
    """By a field's name: its member, how it is read, and whether it has to be there. `from_` is read from `from`."""
    hints = get_type_hints(kind)
    return {
        part.name: (
            part.name.rstrip("_"),
            _reader(hints[part.name]),
            part.default is MISSING and part.default_factory is MISSING,
        )
        for part in fields(kind)
        if part.name != "extra" and part.metadata.get("header") is None
    }


def _reader(hint: Any) -> Read:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        [inner] = [_reader(argument) for argument in arguments if argument is not types.NoneType]
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        each = _reader(arguments[0])
        return lambda value: tuple(each(part) for part in _exactly(list, value))
    if origin is Mapping or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return lambda value: _exactly(dict, value)
    if isinstance(hint, type) and issubclass(hint, Record):
        return lambda value: decode(hint, value)
    return _PLAIN[hint]


def _exactly(kind: type[Any], value: Any) -> Any:
    """A bool is no int here."""
    if type(value) is not kind:
        raise TypeError(kind.__name__)
    return value


def _decimal(value: Any) -> Decimal:
    number = Decimal(value) if type(value) in (str, int, Decimal) else None
    if number is None or not number.is_finite():
        raise ValueError("a decimal number was expected")
    return number


_PLAIN: dict[Any, Read] = {
    int: lambda value: _exactly(int, value),
    str: lambda value: _exactly(str, value),
    bool: lambda value: _exactly(bool, value),
    Decimal: _decimal,
    datetime: lambda value: datetime.fromisoformat(_exactly(str, value)),
}
