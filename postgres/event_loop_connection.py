"""A connection that the event loop watches: it runs pipelines, and no thread waits for PostgreSQL."""

import asyncio
from collections.abc import Generator, Sequence
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from postgres.pipeline import KEEP_PLANS, KEEP_PLANS_IN_THIS_BLOCK, PipelineSteps, pipeline_connection_of
from postgres.pipeline_connection import BEGIN, COMMIT, ROLLBACK, Rows, Statement

Result = TypeVar("Result")
#: The socket is also read this often. uvloop reports an error of a socket once and then stops watching it. If
#: PostgreSQL ends with something unread, the first read may not show that the stream has ended.
CHECK_SECONDS = 0.2
#: Without an answer by then, the network is cut: PostgreSQL itself cancels what takes longer.
MAX_SECONDS = 60.0


def connect() -> psycopg.Connection[Any]:
    """Return a connection for an EventLoopConnection. If there is a pool, the connection is one of the pool's.

    It may wait, so call it in a thread. Raises Django's database errors.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    with database.wrap_database_errors:
        connection: psycopg.Connection[Any] = database.get_new_connection(database.get_connection_params())
        try:
            connection.autocommit = True
            database._configure_connection(connection)  # time zone and role; a pool's connections have them already
            if not settings.POOLS_TRANSACTIONS:
                for name, value in KEEP_PLANS.items():
                    connection.execute("SELECT set_config(%s, %s, false)", [name, value])
                connection.execute("DISCARD PLANS")  # plans made before these settings; prepared statements stay
        except BaseException:
            disconnect(connection)
            raise
    return connection


def disconnect(connection: psycopg.Connection[Any]) -> None:
    """Close the connection, and tell the pool. Its settings suit no other user, so it is never used again."""
    connection.close()
    pool: Any = getattr(connection, "_pool", None)
    if pool is not None:
        pool.putconn(connection)


class EventLoopConnection:
    """A connection made by `connect`, for the running event loop. It runs the steps of one atomic block at a time.

    After an error the block is rolled back, or the connection is closed (`is_lost`).
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.is_lost = False
        self.connection = connection
        self._pipeline_connection = pipeline_connection_of(connection)
        #: What every block begins with if a pooler may give each block another session of PostgreSQL's.
        self._plan_settings: Sequence[Statement] = (
            [(KEEP_PLANS_IN_THIS_BLOCK, ())] if settings.POOLS_TRANSACTIONS else ()
        )
        self._loop = asyncio.get_running_loop()
        #: The steps that wait for results, and the future of their outcome.
        self._current: tuple[Generator[None, None, Any], asyncio.Future[Any]] | None = None
        self._sent_at = 0.0
        self._socket = connection.pgconn.socket
        self._loop.add_reader(self._socket, self._receive)
        self._check_timer = self._loop.call_later(CHECK_SECONDS, self._check)

    async def run(self, steps: PipelineSteps[Result]) -> Result:
        """Run the steps' pipelines in an atomic block. Returns the steps' result when the block is durable.

        When the steps raise an exception, the block is rolled back first. Raises Django's database errors.
        """
        if self._current is not None:
            raise RuntimeError("a connection does one piece of work at a time")
        outcome: asyncio.Future[Result] = self._loop.create_future()
        self._current = self._run_steps(steps), outcome
        self._resume()
        try:
            return await outcome
        except psycopg.Error:
            with connections[DEFAULT_DB_ALIAS].wrap_database_errors:
                raise
        except (asyncio.CancelledError, GeneratorExit):  # nobody waits any more
            self.close()
            raise

    def close(self) -> None:
        """Close the connection. PostgreSQL rolls back what was not committed, and `run` raises. Safe to repeat."""
        if not self.is_lost:
            self.is_lost = True
            self._check_timer.cancel()
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            disconnect(self.connection)
            self._resume(psycopg.OperationalError("the session was closed"))

    def _resume(self, error: psycopg.Error | None = None) -> None:
        """Resume the steps: their results have arrived, or the error says why they never will.

        The next pipeline is sent in the same turn of the loop. Waking a task would cost another turn.
        """
        if self._current is None:
            return
        (work, outcome), self._current = self._current, None
        try:
            if error is None:
                next(work)
            else:
                work.throw(error)
        except StopIteration as end:
            if not outcome.done():
                outcome.set_result(end.value)
        except Exception as failure:
            if not outcome.done():
                outcome.set_exception(failure)
        except BaseException:  # the process is about to end
            self.close()
            outcome.cancel()
            raise
        else:
            self._current = work, outcome

    def _run_steps(self, steps: PipelineSteps[Result]) -> Generator[None, None, Result]:
        is_open = False
        unread = 0
        try:
            while True:
                try:
                    pipeline = next(steps)
                except StopIteration as end:
                    if is_open:
                        yield from self.exchange((COMMIT,))
                    result: Result = end.value
                    return result
                # Statements that are sent together are a block by themselves, without BEGIN and COMMIT.
                if is_open:
                    statements = pipeline.statements
                elif pipeline.commit:
                    statements = [*self._plan_settings, *pipeline.statements]
                else:
                    statements = [BEGIN, *self._plan_settings, *pipeline.statements]
                unread += len(statements) - len(pipeline.statements)
                if pipeline.flush_early:
                    self._send(statements, flush_early=True)
                    unread += len(pipeline.statements)
                else:
                    results = yield from self.exchange(
                        [*statements, COMMIT] if is_open and pipeline.commit else statements
                    )
                    pipeline.results, unread = results[unread:], 0
                is_open = not pipeline.commit
        except Exception:
            yield from self._roll_back()
            raise

    def _roll_back(self) -> Generator[None, None, None]:
        """Roll back the block if it is open. Close the connection if that fails."""
        try:
            if not self.is_lost and self._pipeline_connection.is_in_transaction:
                yield from self.exchange((ROLLBACK,))
        except psycopg.Error:
            self.close()

    def exchange(self, statements: Sequence[Statement]) -> Generator[None, None, Sequence[Rows]]:
        """Send the statements as they are, yield until their results have arrived, and return the rows of each.

        Unlike PipelineConnection.exchange it adds no BEGIN or COMMIT. What was flushed early has its rows first.
        """
        self._send(statements)
        try:
            yield
        except psycopg.Error:
            self.close()
            raise
        return self._pipeline_connection.results()

    def _send(self, statements: Sequence[Statement], *, flush_early: bool = False) -> None:
        if self.is_lost:
            raise psycopg.OperationalError("the connection is lost")
        self._sent_at = self._loop.time()
        try:
            if not self._pipeline_connection.send(statements, flush_early=flush_early):
                self._loop.add_writer(self._socket, self._flush)
        except psycopg.Error:
            self.close()
            raise

    def _flush(self) -> None:
        try:
            if self._pipeline_connection.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.Error as error:
            self._fail(error)

    def _check(self) -> None:
        self._check_timer = self._loop.call_later(CHECK_SECONDS, self._check)
        if self._current is not None and self._loop.time() - self._sent_at > MAX_SECONDS:
            self._fail(psycopg.OperationalError("there was no answer for too long"))
        else:
            self._receive()

    def _receive(self) -> None:
        """Read the socket: results have arrived, or the server has closed the connection."""
        try:
            is_complete = self._pipeline_connection.receive()
        except psycopg.Error as error:
            self._fail(error)
        else:
            if is_complete:
                self._resume()

    def _fail(self, error: psycopg.Error) -> None:
        self._resume(error)
        self.close()
