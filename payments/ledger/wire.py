"""One session's end of the wire to PostgreSQL: what was sent at once comes back at once (libpq's pipeline)."""

import select
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import errors, pq
from psycopg.adapt import Transformer

Rows = list[tuple[Any, ...]]
#: A statement, and its parameters as text; None is NULL.
Asked = tuple[str, Sequence[bytes | None]]

BEGIN: Asked = ("BEGIN", ())
COMMIT: Asked = ("COMMIT", ())
ROLLBACK: Asked = ("ROLLBACK", ())
#: What only a new session mends: a column's type has changed under a plan, or somebody has discarded the plans.
_STALE = {"0A000", "26000"}


class Wire:
    """Statements are prepared when they are first sent, and stay so for the life of the session.

    What comes back is either all that was asked for, or an error after which the session can be used again (it may
    have to roll back), or one after which it is closed.
    """

    def __init__(self, libpq: Any) -> None:
        self._libpq = libpq
        self._prepared: dict[str, bytes] = {}
        # It knows no connection, which it would keep alive, nor how Django reads JSON.
        self._reader: Any = Transformer()
        #: The statements that are being prepared, in the order of their answers, which come first.
        self._preparing: list[tuple[str, bytes]] = []
        self._results: list[Any] = []
        self._is_waiting = False

    def exchange(self, asked: Sequence[Asked], *, commit: bool) -> list[Rows]:
        """Send, wait, and return the rows of each. BEGIN goes first when no block is open. Raises psycopg's errors."""
        begin = not self.is_in_a_block
        asked = [*((BEGIN,) if begin else ()), *asked, *((COMMIT,) if commit else ())]
        try:
            self.send(asked)
            self._wait()
        except BaseException:
            self.hang_up()
            raise
        return self.answers()[begin : len(asked) - commit]

    def send(self, asked: Sequence[Asked]) -> bool:
        """Put all on its way; False when some of it waits for room (`flush`)."""
        libpq, prepared = self._libpq, self._prepared
        self._results = []
        unknown = dict.fromkeys(statement for statement, _ in asked if statement not in prepared)
        self._preparing = [(each, b"till_%d" % (len(prepared) + n)) for n, each in enumerate(unknown)]
        names = {**prepared, **dict(self._preparing)} if unknown else prepared
        libpq.enter_pipeline_mode()
        for statement, name in self._preparing:
            libpq.send_prepare(name, statement.encode())
        for statement, parameters in asked:
            libpq.send_query_prepared(names[statement], parameters)
        libpq.pipeline_sync()
        self._is_waiting = True
        return self.flush()

    def flush(self) -> bool:
        """Go on sending; True when all is sent."""
        return not self._libpq.flush()

    def receive(self) -> bool:
        """Take what has arrived, without waiting; True when that was all. Raises OperationalError: it is lost.

        Between exchanges, this is how one learns that the server has hung up.
        """
        libpq, results = self._libpq, self._results
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

    def answers(self) -> list[Rows]:
        """Return the rows of each statement of the last exchange. Raises the first error among them."""
        results, preparing = self._results, self._preparing
        self._results = []
        for (statement, name), result in zip(preparing, results, strict=False):
            if result.status == pq.ExecStatus.COMMAND_OK:  # it stays prepared, whatever becomes of the rest
                self._prepared[statement] = name
        try:
            _raise_first_error(results)
        except psycopg.Error as error:
            if error.sqlstate in _STALE:
                self._libpq.finish()
            raise
        return [self._rows(result) for result in results[len(preparing) :]]

    @property
    def is_in_a_block(self) -> bool:
        return bool(self._libpq.transaction_status != pq.TransactionStatus.IDLE)

    def hang_up(self) -> None:
        """Close it in the middle of an exchange: what came next would be anybody's answer.

        Raises the server's own reason, if it gave one: it says more than that the connection is lost.
        """
        self._libpq.finish()
        _raise_first_error(self._results)

    def _wait(self) -> None:
        socket = select.poll()
        socket.register(self._libpq.socket, select.POLLIN | select.POLLOUT)
        while not self.flush():
            socket.poll()
            self._libpq.consume_input()
        socket.modify(self._libpq.socket, select.POLLIN)
        socket.poll()
        while not self.receive():
            socket.poll()

    def _rows(self, result: Any) -> Rows:
        if not result.ntuples:
            return []
        reader = self._reader
        reader.set_pgresult(result)
        try:
            rows: Rows = reader.load_rows(0, result.ntuples, tuple)
            return rows
        finally:
            reader.set_pgresult(None)  # or the last result would stay in memory as long as the session


def _raise_first_error(results: Sequence[Any]) -> None:
    for result in results:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result, encoding="utf-8")
