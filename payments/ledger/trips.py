"""Round trips: statements that PostgreSQL is sent together and answers together, prepared once in each session.

Django sends a statement at a time with its parameters written into it, so PostgreSQL reads and plans it anew. For what
every webhook needs, that is most of the cost of a batch (docs/decisions/0010). Everything else is Django's.
"""

import select
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, DataError, connections, transaction
from psycopg import errors, pq
from psycopg.adapt import Transformer

Rows = list[tuple[Any, ...]]

# PostgreSQL would plan most of these statements anew each time, which costs as much as to execute them. A plan that is
# kept must not be one for tables that were small when it was made: it always goes by the indexes.
_KEEP_PLANS = (
    "SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),"
    " set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)"
)
#: What only a new session mends: a column's type has changed under a plan, or somebody has discarded the plans.
_STALE = {"0A000", "26000"}


@dataclass(slots=True)
class _Session:
    """What a connection of psycopg's has been told: statements by name, and the atomic block that keeps plans."""

    prepared: dict[str, bytes] = field(default_factory=dict)
    #: Reads rows. It knows no connection, which it would keep alive, nor how Django reads JSON.
    reader: Any = field(default_factory=Transformer)
    block: object = None


_sessions: WeakKeyDictionary[psycopg.Connection[Any], _Session] = WeakKeyDictionary()


def _session(connected: psycopg.Connection[Any]) -> _Session:
    session = _sessions.get(connected)
    if session is None:
        session = _sessions[connected] = _Session()
    return session


class Trip:
    """Statements for this thread's session, in an atomic block; later ones see what earlier ones waited for."""

    def __init__(self) -> None:
        self._asked: list[tuple[str, list[bytes]]] = []
        self._answers: list[Rows] | None = None

    def ask(self, statement: str, *parameters: str) -> Callable[[], Rows]:
        """Add a statement with its parameters $1, $2, … as text; returns what reads its rows after `go`."""
        number = len(self._asked)
        self._asked.append((statement, [parameter.encode() for parameter in parameters]))
        return lambda: (self._answers or [])[number]

    def go(self, *, commit: bool = False) -> None:
        """Send what was asked, once, and wait for all answers. Raises Django's database errors: nothing later was done.

        With `commit`, the block's COMMIT goes along unless it is an inner block: nothing may be asked after it.
        """
        database: Any = connections[DEFAULT_DB_ALIAS]
        if not database.in_atomic_block or self._answers is not None:
            raise transaction.TransactionManagementError("a round trip is made once, inside an atomic block")
        database.validate_no_broken_transaction()
        database.ensure_connection()
        if database.queries_logged:
            database.queries_log.extend({"sql": statement, "time": ""} for statement, _ in self._asked)
        session = _session(database.connection)
        asked = self._asked
        if is_first := session.block is not database.atomic_blocks[0]:
            session.block = database.atomic_blocks[0]
            asked = [(_KEEP_PLANS, []), *asked]
        with database.wrap_database_errors:
            answers = _exchange(database.connection, session, asked, commit=commit and not database.savepoint_ids)
        self._answers = answers[1:] if is_first else answers


def ask(statement: str, *parameters: str) -> Rows:
    """Make the trip for one statement."""
    trip = Trip()
    answer = trip.ask(statement, *parameters)
    trip.go()
    return answer()


def array(values: Sequence[object]) -> str:
    """Return numbers (or None), or texts, as PostgreSQL writes an array, for a parameter that the statement casts.

    Whole columns at a time: to look at each element costs more than all else that a batch does in Python. Raises
    DataError for what PostgreSQL cannot keep: NUL in a text, texts among other things.
    """
    are_texts = {issubclass(type_, str) for type_ in set(map(type, values))}
    if True not in are_texts:
        return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"
    joined = "" if False in are_texts else "\0".join(values)  # type: ignore[arg-type]
    if joined.count("\0") != len(values) - 1:
        raise DataError("an array of texts holds texts only, without NUL")
    return '{"' + joined.replace("\\", "\\\\").replace('"', '\\"').replace("\0", '","') + '"}'


def columns(rows: Sequence[tuple[object, ...]], width: int) -> list[str]:
    """Return an array for each of the `width` columns, also when there are no rows."""
    return [array(column) for column in zip(*rows, strict=True)] if rows else ["{}"] * width


def _exchange(
    connected: psycopg.Connection[Any], session: _Session, asked: Sequence[tuple[str, list[bytes]]], commit: bool
) -> list[Rows]:
    """Do by libpq's pipeline what psycopg's does statement by statement."""
    libpq, known = connected.pgconn, session.prepared
    unknown = dict.fromkeys(statement for statement, _ in asked if statement not in known)
    new = {statement: b"till_%d" % (len(known) + number) for number, statement in enumerate(unknown)}
    results: list[Any] = []
    begin = libpq.transaction_status == pq.TransactionStatus.IDLE
    try:
        libpq.enter_pipeline_mode()
        if begin:
            libpq.send_query_params(b"BEGIN", None)
        for statement, name in new.items():
            libpq.send_prepare(name, statement.encode())
        for statement, parameters in asked:
            libpq.send_query_prepared(known.get(statement) or new[statement], parameters)
        if commit:
            libpq.send_query_params(b"COMMIT", None)
        libpq.pipeline_sync()
        _collect(libpq, results)
        libpq.exit_pipeline_mode()
    except BaseException:  # half an exchange: what comes next on this connection would be anybody's answer
        libpq.finish()
        _raise_first_error(results)  # the server's own reason to hang up says more than that it did
        raise
    answers = iter(results[1:] if begin else results)
    for (statement, name), result in zip(new.items(), answers, strict=False):
        if result.status == pq.ExecStatus.COMMAND_OK:  # it stays prepared, whatever becomes of the rest
            known[statement] = name
    try:
        _raise_first_error(results)
    except psycopg.Error as error:
        if error.sqlstate in _STALE:
            libpq.finish()
        raise
    return [_rows(session.reader, result) for _, result in zip(asked, answers, strict=False)]


def _collect(libpq: Any, results: list[Any]) -> None:
    """Add the results up to the pipeline's end. Raises OperationalError when the connection is lost."""
    socket = select.poll()
    socket.register(libpq.socket, select.POLLIN | select.POLLOUT)
    while libpq.flush():
        socket.poll()
        libpq.consume_input()
    socket.modify(libpq.socket, select.POLLIN)
    while True:
        while libpq.is_busy():
            socket.poll()
            libpq.consume_input()
        result = libpq.get_result()
        if result is None:
            if libpq.status == pq.ConnStatus.BAD:
                raise psycopg.OperationalError("the connection is lost")
        elif result.status == pq.ExecStatus.PIPELINE_SYNC:
            return
        else:
            results.append(result)


def _raise_first_error(results: Sequence[Any]) -> None:
    for result in results:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result, encoding="utf-8")


def _rows(reader: Any, result: Any) -> Rows:
    reader.set_pgresult(result)
    try:
        rows: Rows = reader.load_rows(0, result.ntuples, tuple)
        return rows
    finally:
        reader.set_pgresult(None)  # or the last result would stay in memory as long as the session
