"""Parameters of statements, as text: arrays and values that PostgreSQL casts to a column's type."""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import DataError

from postgres.pipeline_connection import Statement

# A column becomes one array, in PostgreSQL's notation. Each is written as a whole: looking at every element would cost
# more than everything else that a batch does in Python.


def integers(values: Sequence[int | None]) -> str:
    """Return whole numbers, or NULL for None. PostgreSQL reads Python's list of them, except for the brackets."""
    return "{" + str([*values])[1:-1].replace("None", "NULL") + "}"


def decimals(values: Sequence[Decimal | None]) -> str:
    """Return amounts, or NULL for None."""
    return ("{" + ",".join(map(str, values)) + "}").replace("None", "NULL")


def texts(values: Sequence[str]) -> str:
    """Return texts. Raises DataError for what PostgreSQL cannot store: a NUL character, or a value that is no text."""
    if not values:
        return "{}"
    try:
        joined = "\0".join(values)
    except TypeError as error:
        raise DataError("an array of texts holds texts only") from error
    if joined.count("\0") != len(values) - 1:
        raise DataError("an array of texts holds no NUL")
    return '{"' + joined.replace("\\", "\\\\").replace('"', '\\"').replace("\0", '","') + '"}'


#: Stands between documents. No JSON text and no printable line holds it.
SEPARATOR = "\x1f"


def documents(values: Sequence[str]) -> str:
    """Return long texts for `string_to_array`, which reads them several times faster than PostgreSQL's notation.

    Raises DataError for a text with the separator, and as `texts` does.
    """
    try:
        joined = SEPARATOR.join(values)
    except TypeError as error:
        raise DataError("an array of texts holds texts only") from error
    if "\0" in joined or joined.count(SEPARATOR) != max(0, len(values) - 1):
        raise DataError("an array of documents holds no NUL and no separator")
    return joined


def number(value: Decimal | int | None) -> bytes | None:
    return None if value is None else str(value).encode()


def text(value: object) -> bytes:
    """Return a text. Raises DataError, as `texts` does."""
    if not isinstance(value, str) or "\0" in value:
        raise DataError("a text is a text, and holds no NUL")
    return value.encode()


def objects(values: Sequence[dict[str, Any] | None]) -> str:
    """Return JSON objects, or NULL for None."""
    return "{" + ",".join("NULL" if value is None else _quoted(json.dumps(value)) for value in values) + "}"


def _quoted(element: str) -> str:
    return '"' + element.replace("\\", "\\\\").replace('"', '\\"') + '"'


def json_object(value: dict[str, Any] | None) -> bytes | None:
    return None if value is None else json.dumps(value).encode()


class Column(NamedTuple):
    """A type of PostgreSQL's, with the writer of an array of its values and the writer of one value."""

    type: str
    array: Callable[[Sequence[Any]], str]
    value: Callable[[Any], bytes | None]
    #: How PostgreSQL reads the array of parameter {number}, and an array of none.
    read: str = "${number}::{type}[]"
    empty: bytes = b"{}"


BIGINT, NUMERIC = Column("bigint", integers, number), Column("numeric", decimals, number)
TEXT = Column("text", texts, text)
JSON = Column("jsonb", objects, json_object)
DOCUMENT = Column("text", documents, text, f"string_to_array(${{number}}::text, chr({ord(SEPARATOR)}))", b"")


class RowsStatement:
    """A statement about any number of rows. `{rows}` in its text is where a FROM clause reads them.

    The rows are parameters $1, $2, …, one array for each column; other parameters follow. The parameters of a single
    row are its values instead, which PostgreSQL plans as constants: arrays would become a table first.
    """

    def __init__(self, statement: str, *columns: Column) -> None:
        self._columns = columns
        numbered = [*enumerate(columns, 1)]
        arrays = ", ".join(column.read.format(number=number, type=column.type) for number, column in numbered)
        values = ", ".join(f"${number}::{column.type}" for number, column in numbered)
        self._many_rows = statement.replace("{rows}", f"unnest({arrays})")
        self._one_row = statement.replace("{rows}", f"(VALUES ({values}))")

    def with_rows(self, rows: Sequence[tuple[Any, ...]], *others: str) -> Statement:
        """Return the statement with its parameters. Raises DataError for what PostgreSQL cannot store."""
        parameters: list[bytes | None]
        if len(rows) == 1:
            parameters = [column.value(value) for column, value in zip(self._columns, rows[0], strict=True)]
        elif rows:
            arrays = zip(self._columns, zip(*rows, strict=True), strict=True)
            parameters = [column.array(values).encode() for column, values in arrays]
        else:
            parameters = [column.empty for column in self._columns]
        parameters += [other.encode() for other in others]
        return self._one_row if len(rows) == 1 else self._many_rows, parameters
