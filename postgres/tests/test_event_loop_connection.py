"""The event loop's connection: all pipelines of some steps are one atomic block, and nobody waits for PostgreSQL."""

import asyncio
import os
import signal
import time
from decimal import Decimal
from typing import Any

import pytest
import uvloop
from django.db import DatabaseError, IntegrityError, NotSupportedError, OperationalError, connection

from payments.ledger import booking
from payments.ledger.booking.house import house_currencies
from payments.ledger.models.wallets import FIRST_OWN_WALLET_ID
from postgres import event_loop_connection
from postgres.event_loop_connection import EventLoopConnection, connect
from postgres.parameters import integers, texts
from postgres.pipeline import Pipeline, PipelineSteps
from tests.support.pipeline_steps import CURRENCY, ORPHAN, asking, currencies, in_a_loop
from tests.support.sessions import end_sessions


def test_the_connection_does_one_piece_of_work_at_a_time(committed_db: None) -> None:
    async def work(session: EventLoopConnection) -> list[Any]:
        first = asyncio.create_task(session.run(asking(("SELECT 1",), ("SELECT 2",))))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError):
            await session.run(asking(("SELECT 3",)))
        return await first

    assert in_a_loop(work) == [[(1,)], [(2,)]]


def test_an_interrupt_within_the_steps_closes_it_and_leaves_nothing(committed_db: None) -> None:
    def interrupted() -> PipelineSteps[None]:
        yield from asking((CURRENCY, "XXA"))
        raise KeyboardInterrupt

    sessions = []

    async def work(session: EventLoopConnection) -> None:
        sessions.append(session)
        await session.run(interrupted())

    with pytest.raises(KeyboardInterrupt):
        in_a_loop(work)
    assert sessions[0].is_lost
    assert currencies() == []


def test_no_trip_at_all_is_no_block(committed_db: None) -> None:
    assert in_a_loop(lambda session: session.run(asking())) == []


def goes_wrong(*statements: tuple[str, ...], commit: bool = False) -> tuple[type[BaseException], bool]:
    """What comes of such steps after a first one that was good; nothing of it is left. Whether the session is lost."""

    async def work(session: EventLoopConnection) -> tuple[type[BaseException], bool]:
        with pytest.raises(DatabaseError) as raised:
            await session.run(asking((CURRENCY, "XXA"), *statements, commit=commit))
        if not session.is_lost:
            assert await session.run(asking(("SELECT 7",))) == [[(7,)]]
        return raised.type, session.is_lost

    outcome = in_a_loop(work)
    assert currencies() == []
    return outcome


def test_what_postgresql_refuses_leaves_nothing_and_the_session_goes_on(committed_db: None) -> None:
    assert goes_wrong((CURRENCY, "XXA")) == (IntegrityError, False)
    assert goes_wrong((ORPHAN,), commit=True) == (
        IntegrityError,
        False,
    )  # at the COMMIT, where foreign keys are checked
    assert goes_wrong((ORPHAN,)) == (IntegrityError, False)
    assert goes_wrong(("SELECT till_stale_wallets()",)) == (DatabaseError, False)


def test_what_the_steps_raise_leaves_nothing_and_the_session_goes_on(committed_db: None) -> None:
    def stumbling() -> PipelineSteps[None]:
        yield from asking((CURRENCY, "XXA"))
        raise ZeroDivisionError

    async def work(session: EventLoopConnection) -> Any:
        with pytest.raises(ZeroDivisionError):
            await session.run(stumbling())
        return await session.run(asking(("SELECT 7",)))

    assert in_a_loop(work) == [[(7,)]]
    assert currencies() == []


def test_a_session_that_postgresql_ends_is_lost_and_nothing_is_left(committed_db: None) -> None:
    assert goes_wrong(("SELECT pg_terminate_backend(pg_backend_pid())",)) == (OperationalError, True)


def test_a_lost_session_is_not_used_again(committed_db: None) -> None:
    async def work(session: EventLoopConnection) -> None:
        session.close()
        with pytest.raises(OperationalError):
            await session.run(asking(("SELECT 1",)))

    in_a_loop(work)


def test_the_connection_learns_that_postgresql_has_hung_up_while_nothing_is_asked(committed_db: None) -> None:
    async def work(session: EventLoopConnection) -> None:
        [[(pid,)]] = await session.run(asking(("SELECT pg_backend_pid()",)))
        await asyncio.to_thread(_end, pid)
        async with asyncio.timeout(10):
            while not session.is_lost:
                await asyncio.sleep(0.01)

    in_a_loop(work)


def _stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


def _go_on(pid: int) -> None:
    os.kill(pid, signal.SIGCONT)


def _end(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    connection.close()


def test_who_is_stopped_in_the_middle_leaves_nothing(committed_db: None) -> None:
    async def work(session: EventLoopConnection) -> bool:
        steps = asking((CURRENCY, "XXA"), ("SELECT pg_sleep(1)",))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await session.run(steps)
        return session.is_lost

    assert in_a_loop(work)
    assert currencies() == []


def test_an_answer_that_does_not_come_is_not_waited_for_without_end(
    committed_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the network is cut, and nobody says so."""
    monkeypatch.setattr(event_loop_connection, "MAX_SECONDS", 0.3)
    assert goes_wrong(("SELECT pg_sleep(2)",)) == (OperationalError, True)


def test_who_waits_is_told_when_it_is_closed(committed_db: None) -> None:
    async def work(session: EventLoopConnection) -> None:
        waiting = asyncio.create_task(session.run(asking(("SELECT pg_sleep(1)",))))
        await asyncio.sleep(0.1)
        session.close()
        with pytest.raises(OperationalError):
            await waiting

    in_a_loop(work)


def test_the_loop_does_not_wait(committed_db: None) -> None:
    async def work(session: EventLoopConnection) -> float:
        sleeping = asyncio.create_task(session.run(asking(("SELECT pg_sleep(0.5)",))))
        longest, last = 0.0, time.monotonic()
        while not sleeping.done():
            await asyncio.sleep(0.005)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        return longest

    assert in_a_loop(work) < 0.4


def test_more_than_fits_a_socket_arrives_and_comes_back(committed_db: None) -> None:
    given = ["x" * 1000 + str(number) for number in range(20_000)]
    echo = ("SELECT unnest($1::text[])", texts(given))
    rows = in_a_loop(lambda session: session.run(asking(echo, echo)))
    assert [[row[0] for row in each] for each in rows] == [given, given]


def test_plans_that_a_migration_has_made_stale_end_the_session(committed_db: None) -> None:
    async def work(session: EventLoopConnection) -> bool:
        await session.run(asking(("SELECT a FROM changing",)))
        await asyncio.to_thread(_run, "ALTER TABLE changing ALTER a TYPE varchar(6)")
        with pytest.raises(NotSupportedError):
            await session.run(asking(("SELECT a FROM changing",)))
        return session.is_lost

    _run("CREATE TABLE changing (a varchar(5))")
    try:
        assert in_a_loop(work)
    finally:
        _run("DROP TABLE changing")


def _run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
    connection.close()


def test_the_settings_of_the_connection_meet_nobody_else(committed_db: None) -> None:
    end_sessions()
    plan = "SELECT current_setting('enable_seqscan')"
    assert in_a_loop(lambda session: session.run(asking((plan,)))) == [[("off",)]]
    in_a_loop(lambda session: session.run(asking(("SELECT 1",))))
    with connection.cursor() as cursor:
        cursor.execute(plan)
        assert cursor.fetchone() == ("on",)


def test_the_pool_makes_another_for_each_that_is_lost(committed_db: None) -> None:
    for _ in range(30):  # more than the pool holds
        assert goes_wrong(("SELECT pg_terminate_backend(pg_backend_pid())",)) == (OperationalError, True)


def test_the_ledger_books_over_it(committed_db: None, alice: Any) -> None:
    """Open a wallet, fill it, in one block; the same door as everybody's."""

    def steps() -> PipelineSteps[int]:
        first = Pipeline()
        read_locked = booking.queue_lock([91], first)
        yield first
        locked, opening = read_locked(), Pipeline()
        opened = locked.queue_open([booking.NewWallet(91, alice.pk, "USD")], opening)
        yield opening
        opened()
        last = Pipeline(commit=True)
        [result] = locked.queue_book([deposit], last)
        yield last
        assert isinstance(result, booking.Booked)
        return result.transaction_id

    clearing = booking.house_wallet("clearing", "USD")
    deposit = booking.NewTransaction("deposit", (booking.NewPosting(clearing, 91, Decimal(10)),))
    house_currencies([clearing])  # read once in each process, which an event loop cannot do
    id_ = in_a_loop(lambda session: session.run(steps()))
    [[(balance, sequence)]] = in_a_loop(
        lambda session: session.run(
            asking(("SELECT balance::int, sequence FROM payments_wallet WHERE id = ANY($1::bigint[])", integers([91])))
        )
    )
    assert (balance, sequence) == (10, 1)
    assert 0 < id_ < FIRST_OWN_WALLET_ID


def test_the_connection_notices_a_server_that_was_killed_with_something_unread(committed_db: None) -> None:
    """uvloop, which serves in production, tells of such a socket once: the last words are read, and not the end."""

    async def work() -> bool:
        session = EventLoopConnection(await asyncio.to_thread(connect))
        [[(pid,)]] = await session.run(asking(("SELECT pg_backend_pid()",)))
        _stop(pid)
        waiting = asyncio.create_task(session.run(asking(("SELECT 1",))))
        await asyncio.sleep(0.1)  # it is sent, and will not be read
        await asyncio.to_thread(_end, pid)
        _go_on(pid)
        with pytest.raises(OperationalError):
            async with asyncio.timeout(10):
                await waiting
        return session.is_lost

    assert uvloop.run(work())
