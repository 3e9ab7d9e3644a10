"""A session of an event loop's own: it makes trips without waiting for them, so the loop needs no thread to book."""

import asyncio
from collections.abc import Generator, Sequence
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from postgres import pipeline_protocol
from postgres.pipeline import KEEP_PLANS, KEEP_PLANS_IN_THIS_BLOCK, Steps, connection_of
from postgres.pipeline_protocol import Asked, Rows

Result = TypeVar("Result")
#: uvloop tells once of a socket that has an error, as when PostgreSQL ends with something unread, and closes its watch:
#: what one read then leaves (the end, behind the last message) is found by a look now and then.
LOOK_SECONDS = 0.2
#: What is not answered by then never will be: PostgreSQL gives up what takes longer, so the network is cut.
MAX_SECONDS = 60.0


def connect() -> psycopg.Connection[Any]:
    """Return a connection for a Session, from the pool where there is one: it counts it, and gives up soon.

    Waits, so it is for a thread. Raises Django's database errors.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    with database.wrap_database_errors:
        connected: psycopg.Connection[Any] = database.get_new_connection(database.get_connection_params())
        try:
            connected.autocommit = True
            database._configure_connection(connected)  # time zone and role; a pool has done it already
            if not settings.POOLS_TRANSACTIONS:
                for name, value in KEEP_PLANS.items():
                    connected.execute("SELECT set_config(%s, %s, false)", [name, value])
                connected.execute("DISCARD PLANS")  # those that were made without; what is prepared stays so
        except BaseException:
            disconnect(connected)
            raise
    return connected


def disconnect(connected: psycopg.Connection[Any]) -> None:
    """Close it, and let the pool know. It is never used again: it has settings that suit nobody else."""
    connected.close()
    pool: Any = getattr(connected, "_pool", None)
    if pool is not None:
        pool.putconn(connected)


class EventLoopConnection:
    """One connection of `connect`, used by the running event loop, for one piece of work at a time.

    Whatever goes wrong leaves nothing half done: the block is rolled back, or the session is closed (`is_lost`).
    """

    def __init__(self, connected: psycopg.Connection[Any]) -> None:
        self.is_lost = False
        self._connected = connected
        self._wire = connection_of(connected)
        #: What every block begins with, where a pooler may give it another session of PostgreSQL's.
        self._first: Sequence[Asked] = [(KEEP_PLANS_IN_THIS_BLOCK, ())] if settings.POOLS_TRANSACTIONS else ()
        self._loop = asyncio.get_running_loop()
        #: What is being done, while it waits for answers; and what hears how it ended.
        self._under_way: tuple[Generator[None, None, Any], asyncio.Future[Any]] | None = None
        self._sent_at = 0.0
        self._socket = connected.pgconn.socket
        self._loop.add_reader(self._socket, self._receive)
        self._looking = self._loop.call_later(LOOK_SECONDS, self._look)

    async def travel(self, steps: Steps[Result]) -> Result:
        """Make the trips of the steps in an atomic block, durable when this returns; return their result.

        What the steps raise is raised when the block is rolled back. Raises Django's database errors.
        """
        if self._under_way is not None:
            raise RuntimeError("a session does one piece of work at a time")
        ended: asyncio.Future[Result] = self._loop.create_future()
        self._under_way = self._travelling(steps), ended
        self._go_on()
        try:
            return await ended
        except psycopg.Error:
            with connections[DEFAULT_DB_ALIAS].wrap_database_errors:
                raise
        except (asyncio.CancelledError, GeneratorExit):  # nobody waits any more
            self.close()
            raise

    def close(self) -> None:
        """Hang up; PostgreSQL rolls back what was not committed. Safe to repeat. Who waits for an answer is told."""
        if not self.is_lost:
            self.is_lost = True
            self._looking.cancel()
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            disconnect(self._connected)
            self._go_on(psycopg.OperationalError("the session was closed"))

    def _go_on(self, error: psycopg.Error | None = None) -> None:
        """Let the work go on from where it waits: its answers have arrived, or the error says why they never will.

        An answer leads to the next question in the same turn of the loop; to wake a task for each would cost another.
        """
        if self._under_way is None:
            return
        (work, ended), self._under_way = self._under_way, None
        try:
            if error is None:
                next(work)
            else:
                work.throw(error)
        except StopIteration as end:
            if not ended.done():
                ended.set_result(end.value)
        except Exception as failure:
            if not ended.done():
                ended.set_exception(failure)
        except BaseException:  # the process is about to end
            self.close()
            ended.cancel()
            raise
        else:
            self._under_way = work, ended

    def _travelling(self, steps: Steps[Result]) -> Generator[None, None, Result]:
        is_open = False
        unread = 0
        try:
            while True:
                try:
                    trip = next(steps)
                except StopIteration as end:
                    if is_open:
                        yield from self._exchange((pipeline_protocol.COMMIT,))
                    result: Result = end.value
                    return result
                # What is sent at once is a block by itself, without BEGIN and COMMIT.
                if is_open:
                    asked = trip.asked
                else:
                    asked = (
                        [*self._first, *trip.asked]
                        if trip.commit
                        else [pipeline_protocol.BEGIN, *self._first, *trip.asked]
                    )
                unread += len(asked) - len(trip.asked)
                if trip.ahead:
                    self._send(asked, ahead=True)
                    unread += len(trip.asked)
                else:
                    answers = yield from self._exchange(
                        [*asked, pipeline_protocol.COMMIT] if is_open and trip.commit else asked
                    )
                    trip.answers, unread = answers[unread:], 0
                is_open = not trip.commit
        except Exception:
            yield from self._rolling_back()
            raise

    def _rolling_back(self) -> Generator[None, None, None]:
        """Leave the block that may be open; a session that cannot is closed."""
        try:
            if not self.is_lost and self._wire.is_in_a_block:
                yield from self._exchange((pipeline_protocol.ROLLBACK,))
        except psycopg.Error:
            self.close()

    def _exchange(self, asked: Sequence[Asked]) -> Generator[None, None, Sequence[Rows]]:
        self._send(asked)
        try:
            yield
        except psycopg.Error:
            self.close()
            raise
        return self._wire.answers()

    def _send(self, asked: Sequence[Asked], *, ahead: bool = False) -> None:
        if self.is_lost:
            raise psycopg.OperationalError("the connection is lost")
        self._sent_at = self._loop.time()
        try:
            if not self._wire.send(asked, ahead=ahead):
                self._loop.add_writer(self._socket, self._send_on)
        except psycopg.Error:
            self.close()
            raise

    def _send_on(self) -> None:
        try:
            if self._wire.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.Error as error:
            self._lose(error)

    def _look(self) -> None:
        self._looking = self._loop.call_later(LOOK_SECONDS, self._look)
        if self._under_way is not None and self._loop.time() - self._sent_at > MAX_SECONDS:
            self._lose(psycopg.OperationalError("there was no answer for too long"))
        else:
            self._receive()

    def _receive(self) -> None:
        """The socket has something to read: an answer, or that the server has hung up."""
        try:
            arrived = self._wire.receive()
        except psycopg.Error as error:
            self._lose(error)
        else:
            if arrived:
                self._go_on()

    def _lose(self, error: psycopg.Error) -> None:
        self._go_on(error)
        self.close()
