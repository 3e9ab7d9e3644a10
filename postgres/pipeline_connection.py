"""One session of PostgreSQL in libpq's pipeline mode: statements are sent together and answered together."""

import select
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from typing import Any

import psycopg
from psycopg import errors, pq
from psycopg.adapt import Transformer

Rows = list[tuple[Any, ...]]
#: The text of a statement, and its parameters as text; None is NULL.
Statement = tuple[str, Sequence[bytes | None]]

BEGIN: Statement = ("BEGIN", ())
COMMIT: Statement = ("COMMIT", ())
ROLLBACK: Statement = ("ROLLBACK", ())
#: Errors that only a new session mends. 0A000: the type of a column changed after a plan was made, or the plans were
#: discarded. The other two come when a pooler gives this connection the session of another client. That session lacks
#: our statements (26000) or has the other client's (42P05).
_STALE = {"0A000", "26000", "42P05"}


class PipelineConnection:
    """Sends statements over one connection and reads their results. Each is prepared once, when it is first sent.

    Without `prepares` a statement is prepared anew each time, without a name: for a pooler that keeps none. An exchange
    returns all results or raises an error. After an error either the session is closed, or it can be used again when
    its block is rolled back.
    """

    def __init__(self, libpq: Any, *, prepares: bool = True) -> None:
        #: Only this object writes the attribute.
        self.libpq = libpq
        self._prepares = prepares
        self._prepared: dict[str, bytes] = {}
        # Made without the connection, which it would keep alive, and without Django's reading of JSON.
        self._transformer: Any = Transformer()
        self._preparing: dict[str, bytes] = {}
        #: The results to come, in order: the text of a statement that is prepared, or "" for one that is executed.
        self._expected: list[str] = []
        self._results: list[Any] = []
        self._is_sending = False
        self._is_waiting = False

    def exchange(self, statements: Sequence[Statement], *, commit: bool) -> list[Rows]:
        """Send the statements, wait, and return the rows of each. Raises psycopg's errors.

        With `commit`, an open block is committed. Without it, a block is begun when none is open. Statements that are
        sent together are a block by themselves, so no exchange needs both BEGIN and COMMIT.
        """
        is_open = self.is_in_transaction
        before = () if is_open or commit else (BEGIN,)
        after = (COMMIT,) if is_open and commit else ()
        try:
            self.send([*before, *statements, *after])
            self.wait()
        except BaseException:
            self.abort()
            raise
        return self.results()[len(before) : len(before) + len(statements)]

    def send(self, statements: Sequence[Statement], *, flush_early: bool = False) -> bool:
        """Send the statements. False: a part waits for room in the socket (`flush`).

        With `flush_early`, PostgreSQL executes them at once. Their results come with those of the next statements.
        """
        libpq = self.libpq
        if not self._is_sending:
            self._preparing, self._expected, self._results = {}, [], []
            libpq.enter_pipeline_mode()
        self._is_sending = flush_early
        for statement, parameters in statements:
            if self._prepares:
                libpq.send_query_prepared(self._prepare(statement), parameters)
            else:
                libpq.send_query_params(statement.encode(), parameters)
            self._expected.append("")
        if not flush_early:
            libpq.pipeline_sync()
            self._is_waiting = True
        return self.flush()

    def _prepare(self, statement: str) -> bytes:
        """Return the name of a statement, and prepare it first if it is not prepared yet."""
        name = self._prepared.get(statement) or self._preparing.get(statement)
        if name is None:
            name = self._preparing[statement] = name_of(statement)
            self.libpq.send_prepare(name, statement.encode())
            self._expected.append(statement)
        return name

    def flush(self) -> bool:
        """Continue to send. True: all is sent."""
        return not self.libpq.flush()

    def receive(self) -> bool:
        """Read what has arrived, without waiting. True: the results are complete.

        Raises OperationalError when the connection is lost. Between exchanges it means that the server has closed it.
        """
        libpq, results = self.libpq, self._results
        libpq.consume_input()
        while self._is_waiting and not libpq.is_busy():
            result = libpq.get_result()
            if result is None:
                if libpq.status == pq.ConnStatus.BAD:
                    raise psycopg.OperationalError("the connection is lost")
            elif result.status == pq.ExecStatus.PIPELINE_SYNC:
                libpq.exit_pipeline_mode()
                self._is_waiting = False
                return True
            else:
                results.append(result)
        return False

    def results(self) -> list[Rows]:
        """Return the rows of each statement of the last exchange. Raises the first error among them."""
        results, expected = self._results, self._expected
        self._results = []
        for statement, name in self._preparing.items():
            at = expected.index(statement)
            if at < len(results) and results[at].status == pq.ExecStatus.COMMAND_OK:
                self._prepared[statement] = name  # and stays prepared, even if a later statement fails
        try:
            _raise_first_error(results)
        except psycopg.Error as error:
            if is_stale_prepared_statement(error):
                self.libpq.finish()
            raise
        return [self._rows(result) for statement, result in zip(expected, results, strict=True) if not statement]

    @property
    def is_in_transaction(self) -> bool:
        return bool(self.libpq.transaction_status != pq.TransactionStatus.IDLE)

    def abort(self) -> None:
        """Close the session in the middle of an exchange. The next exchange would read its results as its own.

        Raises the server's reason if it gave one, which says more than that the connection is lost.
        """
        self.libpq.finish()
        _raise_first_error(self._results)

    def wait(self) -> None:
        """Wait in this thread until the results are complete. Only `exchange` calls it, and aborts when it fails."""
        socket = select.poll()
        socket.register(self.libpq.socket, select.POLLIN | select.POLLOUT)
        while not self.flush():
            socket.poll()
            self.libpq.consume_input()
        socket.modify(self.libpq.socket, select.POLLIN)
        socket.poll()
        while not self.receive():
            socket.poll()

    def _rows(self, result: Any) -> Rows:
        if not result.ntuples:
            return []
        transformer = self._transformer
        transformer.set_pgresult(result)
        try:
            rows: Rows = transformer.load_rows(0, result.ntuples, tuple)
            return rows
        finally:
            transformer.set_pgresult(None)  # otherwise the result would stay in memory until the next one


@cache
def name_of(statement: str) -> bytes:
    """Return the name under which a statement is prepared, which follows from its text.

    So one name never means two statements, even when a pooler gives a connection the session of another client.
    """
    return b"till_" + blake2b(statement.encode(), digest_size=8).hexdigest().encode()


def is_stale_prepared_statement(error: BaseException) -> bool:
    """Tell whether only a new session mends this error. Other connections may meet it too."""
    return any(getattr(each, "sqlstate", None) in _STALE for each in (error, error.__cause__))


def _raise_first_error(results: Sequence[Any]) -> None:
    for result in results:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result, encoding="utf-8")
