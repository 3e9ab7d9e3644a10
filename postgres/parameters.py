"""Parameters of statements, as text: the arrays and values that PostgreSQL casts to a column's type."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import DataError

from postgres.pipeline_connection import Statement

# Columns as PostgreSQL writes arrays. Each is written whole: to look at every element costs more than all else that a
# batch does in Python.


def integers(values: Sequence[int | None]) -> str:
    """Return whole numbers, or None: Python writes a list of them as PostgreSQL reads it, but for the brackets."""
    return "{" + str([*values])[1:-1].replace("None", "NULL") + "}"


def decimals(values: Sequence[Decimal | None]) -> str:
    """Return amounts, or None."""
    return ("{" + ",".join(map(str, values)) + "}").replace("None", "NULL")


def texts(values: Sequence[str]) -> str:
    """Return texts. Raises DataError for what PostgreSQL cannot keep: NUL in a text, and what is no text."""
    if not values:
        return "{}"
    try:
        joined = "\0".join(values)
    except TypeError as error:
        raise DataError("an array of texts holds texts only") from error
    if joined.count("\0") != len(values) - 1:
        raise DataError("an array of texts holds no NUL")
    return '{"' + joined.replace("\\", "\\\\").replace('"', '\\"').replace("\0", '","') + '"}'


def number(value: Decimal | int | None) -> bytes | None:
    return None if value is None else str(value).encode()


def text(value: object) -> bytes:
    """Return a text. Raises DataError, as `texts` does."""
    if not isinstance(value, str) or "\0" in value:
        raise DataError("a text is a text, and holds no NUL")
    return value.encode()


class Column(NamedTuple):
    """A type of PostgreSQL's, how a column of values is written as one array, and how one value is written."""

    type: str
    array: Callable[[Sequence[Any]], str]
    value: Callable[[Any], bytes | None]


BIGINT, NUMERIC = Column("bigint", integers, number), Column("numeric", decimals, number)
TEXT = Column("text", texts, text)


class RowsStatement:
    """A statement about any number of rows, which stand in a FROM clause where it says `{rows}`.

    The rows are parameters $1, $2, …, one array for each column. A single row's parameters are its values: PostgreSQL
    plans them as constants, where arrays would become a table first. Other parameters follow them.
    """

    def __init__(self, statement: str, *columns: Column) -> None:
        self._columns = columns
        types = [(number, column.type) for number, column in enumerate(columns, 1)]
        arrays = ", ".join(f"${number}::{type_}[]" for number, type_ in types)
        values = ", ".join(f"${number}::{type_}" for number, type_ in types)
        self._many_rows = statement.replace("{rows}", f"unnest({arrays})")
        self._one_row = statement.replace("{rows}", f"(VALUES ({values}))")

    def with_rows(self, rows: Sequence[tuple[Any, ...]], *others: str) -> Statement:
        """Return the statement with its parameters. Raises DataError for what PostgreSQL cannot keep."""
        parameters: list[bytes | None]
        if len(rows) == 1:
            parameters = [column.value(value) for column, value in zip(self._columns, rows[0], strict=True)]
        elif rows:
            arrays = zip(self._columns, zip(*rows, strict=True), strict=True)
            parameters = [column.array(values).encode() for column, values in arrays]
        else:
            parameters = [b"{}"] * len(self._columns)
        parameters += [other.encode() for other in others]
        return self._one_row if len(rows) == 1 else self._many_rows, parameters
