"""Round trips: statements that PostgreSQL is sent together and answers together, prepared once in each session.

Django sends a statement at a time with its parameters written into it, so PostgreSQL reads and plans it anew. For what
every webhook needs, that is most of the cost of a batch (docs/decisions/0011). Everything else is Django's.
"""

from collections.abc import Callable, Generator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DataError, connections, transaction

from postgres.pipeline_protocol import Asked, PipelineConnection, Rows

Result = TypeVar("Result")
#: Work that asks for one trip after another, and is not told who makes them: a thread (`travel`) or an event loop
#: (`payments.ledger.Session`). All of them are one atomic block, but for a trip with `commit`, which ends it.
Steps = Generator["Pipeline", None, Result]

# PostgreSQL would plan most of these statements anew each time, which costs as much as to execute them. A plan that is
# kept must not be one for tables that were small when it was made: it always goes by the indexes.
KEEP_PLANS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
KEEP_PLANS_IN_THIS_BLOCK = "SELECT " + ", ".join(  # our own words
    f"set_config('{name}', '{value}', true)" for name, value in KEEP_PLANS.items()
)

_wires: WeakKeyDictionary[psycopg.Connection[Any], PipelineConnection] = WeakKeyDictionary()
#: The atomic block in which a session keeps its plans.
_keeping: WeakKeyDictionary[psycopg.Connection[Any], object] = WeakKeyDictionary()


def connection_of(connected: psycopg.Connection[Any]) -> PipelineConnection:
    """Return the one wire of a connection, which knows what is prepared in its session, whoever uses it."""
    wire = _wires.get(connected)
    if wire is None:
        wire = _wires[connected] = PipelineConnection(connected.pgconn, prepares=settings.TILL_POOLER != "transaction")
    return wire


class Pipeline:
    """Statements for one session, in an atomic block; later ones see what earlier ones waited for.

    With `commit`, the block's COMMIT goes along unless it is an inner block; a trip after it begins another. One that
    goes `ahead` is not waited for: PostgreSQL makes it while the steps go on to the next, and nobody reads its answers.
    """

    __slots__ = ("ahead", "answers", "asked", "commit")

    def __init__(self, *, commit: bool = False, ahead: bool = False) -> None:
        if commit and ahead:
            raise ValueError("a COMMIT is waited for")
        self.ahead = ahead
        self.asked: list[Asked] = []
        self.answers: Sequence[Rows] | None = None
        self.commit = commit

    def ask(self, statement: str, *parameters: str) -> Callable[[], Rows]:
        """Add a statement with its parameters $1, $2, … as text; returns what reads its rows after the trip.

        Raises DataError for what PostgreSQL cannot keep.
        """
        return self._added((statement, [*map(text, parameters)]))

    def ask_about(self, rows: Sequence[tuple[Any, ...]], listing: "RowsStatement", *others: str) -> Callable[[], Rows]:
        """Add a statement about rows, as `ask` does. Raises DataError for what PostgreSQL cannot keep."""
        return self._added(listing.about(rows, *others))

    def _added(self, asked: Asked) -> Callable[[], Rows]:
        number = len(self.asked)
        self.asked.append(asked)
        return lambda: (self.answers or ())[number]

    def go(self, ahead: Sequence[Asked] = ()) -> None:
        """Make the trip in this thread's session, behind what goes ahead, and wait for all answers.

        Raises Django's database errors; then nothing later was done.
        """
        database: Any = connections[DEFAULT_DB_ALIAS]
        if not database.in_atomic_block or self.answers is not None:
            raise transaction.TransactionManagementError("a round trip is made once, inside an atomic block")
        database.validate_no_broken_transaction()
        database.ensure_connection()
        if database.queries_logged:
            database.queries_log.extend({"sql": statement, "time": ""} for statement, _ in (*ahead, *self.asked))
        connected, block = database.connection, database.atomic_blocks[0]
        before = [*ahead] if _keeping.get(connected) is block else [(KEEP_PLANS_IN_THIS_BLOCK, ()), *ahead]
        ends = self.commit and not database.savepoint_ids
        if ends:
            _keeping.pop(connected, None)
        else:
            _keeping[connected] = block
        with database.wrap_database_errors:
            answers = connection_of(connected).exchange([*before, *self.asked], commit=ends)
        self.answers = answers[len(before) :]


def run(steps: Steps[Result]) -> Result:
    """Make all the trips of the steps in this thread's session, in an atomic block; return their result."""
    with transaction.atomic():
        ahead: list[Asked] = []
        while True:
            try:
                trip = next(steps)
            except StopIteration as end:
                if ahead:
                    Pipeline().go(ahead)
                result: Result = end.value
                return result
            if trip.ahead:
                ahead += trip.asked
            else:
                trip.go(ahead)
                ahead = []


# Columns as PostgreSQL writes arrays, for parameters that it casts. Each is written whole: to look at every element
# costs more than all else that a batch does in Python.


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
    """A type of PostgreSQL's, and how all values of a column are written as one array, and one value by itself."""

    type: str
    array: Callable[[Sequence[Any]], str]
    value: Callable[[Any], bytes | None]


BIGINT, NUMERIC = Column("bigint", integers, number), Column("numeric", decimals, number)
TEXT = Column("text", texts, text)


class RowsStatement:
    """A statement about any number of rows, which stand in a FROM clause where it says `{rows}`.

    They are parameters $1, $2, … of one array for each column. A single row's are its values, which PostgreSQL plans
    as if they stood there, where it would make a table of arrays first. Other parameters follow them.
    """

    def __init__(self, statement: str, *columns: Column) -> None:
        self._columns = columns
        types = [(number, column.type) for number, column in enumerate(columns, 1)]
        arrays = ", ".join(f"${number}::{type_}[]" for number, type_ in types)
        values = ", ".join(f"${number}::{type_}" for number, type_ in types)
        self._about_many = statement.replace("{rows}", f"unnest({arrays})")
        self._about_one = statement.replace("{rows}", f"(VALUES ({values}))")

    def about(self, rows: Sequence[tuple[Any, ...]], *others: str) -> Asked:
        """Return what is to be asked about the rows. Raises DataError for what PostgreSQL cannot keep."""
        parameters: list[bytes | None]
        if len(rows) == 1:
            parameters = [column.value(value) for column, value in zip(self._columns, rows[0], strict=True)]
        elif rows:
            arrays = zip(self._columns, zip(*rows, strict=True), strict=True)
            parameters = [column.array(values).encode() for column, values in arrays]
        else:
            parameters = [b"{}"] * len(self._columns)
        parameters += [other.encode() for other in others]
        return self._about_one if len(rows) == 1 else self._about_many, parameters
