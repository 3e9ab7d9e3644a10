"""Group commit in the event loop: what happens to a batch that goes well, and to one that does not."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any, TypeVar

import psycopg
import pytest
from django.core.management import call_command
from django.db import DataError, OperationalError, connection
from prometheus_client import REGISTRY

from payments.conftest import stored
from payments.ledger import booking
from payments.models import Wallet
from payments.webhooks import receiving
from payments.webhooks.receiving import (
    Credited,
    DeadlinePassed,
    GroupCommitter,
    Notice,
    QueueFull,
    credit,
    group_commit,
)
from payments.webhooks.receiving.provider_cache import provider_cache
from postgres.pipeline import pipeline_connection_of
from tests.support.sessions import end_sessions
from tests.support.threads import closing_connection

Result = TypeVar("Result")


@pytest.fixture
def user(committed_db: None, alice: Any) -> Any:
    provider_cache.invalidate()
    provider_cache.get("sha256_concat")  # which an event loop could not
    return alice


def notice(external_id: str, user: Any, *, account_id: int = 77, amount: str = "10") -> Notice:
    provider = provider_cache.peek("sha256_concat")
    assert provider is not None
    return Notice(provider, external_id, getattr(user, "pk", user), account_id, Decimal(amount))


class Desk:
    """A committer, and what it has delivered, by token; batch by batch."""

    def __init__(self) -> None:
        self.batches: list[dict[str, Any]] = []
        self._more = asyncio.Event()
        self.committer: GroupCommitter[str] = GroupCommitter(self._deliver)

    def _deliver(self, settled: receiving.Outcomes[str]) -> None:
        self.batches.append(dict(settled))
        self._more.set()

    async def settle(self, *notices: Notice) -> dict[str, Any]:
        """Submit them in one turn of the loop, and wait for all. Their external ids are their tokens."""
        before = len(self.batches)
        for each in notices:
            self.committer.submit(each, each.external_id)
        settled: dict[str, Any] = {}
        async with asyncio.timeout(60):
            while len(settled) < len(notices):
                await self._more.wait()
                self._more.clear()
                settled = {token: outcome for batch in self.batches[before:] for token, outcome in batch.items()}
        return settled


def at_the_desk(work: Callable[[Desk], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        desk = Desk()
        try:
            return await work(desk)
        finally:
            await desk.committer.close(timeout=5)

    return asyncio.run(run())


def kinds(settled: dict[str, Any]) -> dict[str, type]:
    return {token: type(outcome) for token, outcome in settled.items()}


def test_those_who_come_in_one_turn_share_a_commit(user: Any) -> None:
    batch = [notice(f"n{number}", user) for number in range(5)]

    async def work(desk: Desk) -> list[int]:
        await desk.settle(notice("warm", user))
        await desk.settle(*batch)
        return [len(settled) for settled in desk.batches]

    assert at_the_desk(work) == [1, 5]
    assert len({row["xmin"] for row in rows("SELECT xmin::text FROM payments_webhookevent")}) == 2
    assert (stored().postings, stored().balances) == (6, 60)


def rows(sql: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_what_has_to_be_read_first_is_read(user: Any) -> None:
    """The ids of the house's wallets are asked for once in each process, by a thread: the loop cannot wait."""
    booking.forget_house_wallets()
    settled = at_the_desk(lambda desk: desk.settle(notice("a", user), notice("b", user)))
    assert kinds(settled) == {"a": Credited, "b": Credited}
    assert stored().postings == 2


def test_a_notice_that_fails_the_batch_fails_alone(user: Any) -> None:
    async def work(desk: Desk) -> dict[str, Any]:
        await desk.settle(notice("warm", user))
        return await desk.settle(notice("a", user), notice("b\0", user), notice("c", user))

    assert kinds(at_the_desk(work)) == {"a": Credited, "b\0": DataError, "c": Credited}
    assert (stored().postings, stored().balances) == (3, 30)


@pytest.fixture
def hasty_sessions(committed_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    end_sessions()
    session = connection.settings_dict["SESSION"]
    monkeypatch.setitem(connection.settings_dict, "SESSION", session | {"lock_timeout": "200"})
    yield
    end_sessions()


def test_a_wallet_that_somebody_holds_delays_its_own_notices_only(user: Any, hasty_sessions: None) -> None:
    credit([notice("first", user, account_id=90)])
    connection.close()

    async def work(desk: Desk) -> dict[str, Any]:
        await desk.settle(notice("warm", user))
        return await desk.settle(notice("a", user), notice("b", user, account_id=90), notice("c", user))

    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT 1 FROM payments_wallet WHERE id = 90 FOR UPDATE")
        settled = at_the_desk(work)
        other.rollback()
    assert kinds(settled) == {"a": Credited, "b": OperationalError, "c": Credited}
    assert (stored().postings, stored().balances) == (4, 40)


def test_a_connection_that_was_lost_meanwhile_costs_nobody_his_credit(user: Any) -> None:
    async def work(desk: Desk) -> list[type]:
        outcomes = [*(await desk.settle(notice("a", user))).values()]
        await asyncio.to_thread(_end_all_others)
        outcomes += (await desk.settle(notice("b", user))).values()
        outcomes += (await desk.settle(notice("c", user))).values()
        return [type(outcome) for outcome in outcomes]

    connection.close()
    assert at_the_desk(work) == [Credited] * 3
    assert stored().postings == 3


def test_the_event_loop_takes_over_a_connection_that_a_thread_has_used(user: Any) -> None:
    """The pool has one, and what is prepared in its session stays so: nothing may be prepared there twice."""
    end_sessions()
    credit([notice("a", user)])
    connection.close()
    settled = at_the_desk(lambda desk: desk.settle(notice("b", user), notice("c", user)))
    assert kinds(settled) == {"b": Credited, "c": Credited}


def _end_all_others() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.close()


def test_a_session_whose_plans_somebody_has_discarded_is_replaced(user: Any) -> None:
    async def work(desk: Desk) -> list[type]:
        await desk.settle(notice("a", user))
        session = desk.committer.connection
        assert session is not None
        session.connection.execute("DEALLOCATE ALL")
        outcomes = [*(await desk.settle(notice("b", user))).values(), *(await desk.settle(notice("c", user))).values()]
        assert desk.committer.connection is not session
        return [type(outcome) for outcome in outcomes]

    assert at_the_desk(work) == [Credited] * 2
    assert stored().postings == 3


def test_all_connections_may_have_lost_their_plans(user: Any) -> None:
    """As after a migration that changes a column: the batch is tried until one is new."""
    together = Barrier(3)

    def spoil(number: int) -> None:
        credit([notice(f"before {number}", user, account_id=100 + number)])
        with connection.cursor() as cursor:
            together.wait(30)
            cursor.execute("DEALLOCATE ALL")
            together.wait(30)

    async def work(desk: Desk) -> dict[str, Any]:
        await desk.settle(notice("warm", user))
        session = desk.committer.connection
        assert session is not None
        session.connection.execute("DEALLOCATE ALL")
        with ThreadPoolExecutor(3) as threads:
            await asyncio.to_thread(lambda: [*threads.map(closing_connection, [spoil] * 3, range(3))])
        return await desk.settle(notice("after", user))

    try:
        assert kinds(at_the_desk(work)) == {"after": Credited}
    finally:
        end_sessions()  # those of the spoilt that the batch did not need would meet another test
    assert stored().postings == 5


@pytest.mark.parametrize("names", ["a", "ab"])
def test_a_commit_whose_answer_is_lost_is_found_again(user: Any, names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wire breaks after the commit was carried out: the thread's second try says so, and nothing moves twice."""

    async def work(desk: Desk) -> Any:
        await desk.settle(notice("warm", user))
        session = desk.committer.connection
        assert session is not None
        once = session.exchange

        def deaf(statements: Sequence[Any]) -> Generator[None, None, Any]:
            answers = yield from once(statements)
            if not pipeline_connection_of(session.connection).is_in_transaction:
                session.close()
                raise psycopg.OperationalError("the answer is lost")
            return answers

        monkeypatch.setattr(session, "exchange", deaf)
        return await desk.settle(*(notice(name, user) for name in names))

    outcomes = at_the_desk(work)
    assert [outcome.duplicate for outcome in outcomes.values()] == [True] * len(names)
    assert (stored().postings, stored().balances) == (1 + len(names), 10 + 10 * len(names))


def test_what_nobody_has_foreseen_is_the_outcome_and_the_writer_goes_on(user: Any) -> None:
    """The thread that would mend a batch cannot be had: its notices are told, and the next batch is credited."""

    async def work(desk: Desk) -> dict[str, Any]:
        await desk.settle(notice("warm", user))
        desk.committer.thread.shutdown()
        settled = await desk.settle(notice("a", user), notice("b\0", user))
        return settled | await desk.settle(notice("c", user))

    assert kinds(at_the_desk(work)) == {"a": RuntimeError, "b\0": RuntimeError, "c": Credited}
    assert stored().postings == 2


def figure(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"till_webhook_{name}", labels) or 0


def test_every_notice_is_counted_and_measured_once(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment after its answer, or when the process ends: for several batches at once."""
    names = {
        "credits_total": {"provider": "sha256_concat"},
        "duplicates_total": {"provider": "sha256_concat"},
        "conflicts_total": {"provider": "sha256_concat"},
        "unmatched_total": {"provider": "sha256_concat", "reason": "user_not_found"},
        "batch_size_count": {},
        "batch_size_sum": {},
        "seconds_count": {},
    }

    def figures() -> list[float]:
        return [figure(name, **labels) for name, labels in names.items()]

    async def work(desk: Desk) -> tuple[list[float], list[float]]:
        await desk.settle(notice("a", user), notice("b", user), notice("s", user.pk + 1000, account_id=500))
        await asyncio.sleep(0.2)
        once = figures()
        monkeypatch.setattr(group_commit, "METRICS_SECONDS", 3600)
        await desk.settle(notice("a", user), notice("b", user, amount="99"))
        await desk.settle(notice("c", user))
        return once, figures()

    before = figures()
    once, soon = at_the_desk(work)
    assert [b - a for a, b in zip(before, once, strict=True)] == [2, 0, 0, 1, 1, 3, 3]
    assert soon == once
    assert [b - a for a, b in zip(once, figures(), strict=True)] == [1, 1, 1, 0, 2, 3, 3]


def test_redeliveries_that_cross_update_what_waits_in_one_order(user: Any) -> None:
    """Unmatched notices have no wallet whose lock would put the two writers in order."""
    stranger = user.pk + 1000
    batch = [notice(f"u{number}", stranger, account_id=500 + number) for number in range(240)]
    credit(batch)
    end_sessions()  # each tells of its deadlocks when it ends
    time.sleep(1)
    before = rows(_DEADLOCKS)
    connection.close()

    async def work() -> list[type]:
        desks = Desk(), Desk()
        try:
            await asyncio.gather(*(desk.settle(notice(f"warm{n}", user)) for n, desk in enumerate(desks)))
            settled: list[dict[str, Any]] = []
            for _ in range(10):
                settled += await asyncio.gather(desks[0].settle(*batch), desks[1].settle(*reversed(batch)))
            return [type(outcome) for each in settled for outcome in each.values()]
        finally:
            for desk in desks:
                await desk.committer.close(timeout=5)

    assert set(asyncio.run(work())) == {receiving.UserNotFound}
    assert rows(_DEADLOCKS) == before


_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def test_a_full_queue_is_told_at_once(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_WAITING", 3)

    async def work(desk: Desk) -> dict[str, Any]:
        settling = asyncio.create_task(desk.settle(*(notice(f"n{number}", user) for number in range(3))))
        await asyncio.sleep(0)
        with pytest.raises(QueueFull):
            desk.committer.submit(notice("more", user), "more")
        return await settling

    assert set(kinds(at_the_desk(work)).values()) == {Credited}
    assert stored().postings == 3


def test_who_has_waited_too_long_is_not_credited(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "DEADLINE_SECONDS", -1.0)
    assert kinds(at_the_desk(lambda desk: desk.settle(notice("a", user)))) == {"a": DeadlinePassed}
    assert stored().postings == 0


def test_batches_are_bounded_and_in_order(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_BATCH", 4)
    batch = [notice(f"n{number}", user) for number in range(10)]

    async def work(desk: Desk) -> list[list[str]]:
        assert set(kinds(await desk.settle(*batch)).values()) == {Credited}
        return [[*settled] for settled in desk.batches]

    assert at_the_desk(work) == [["n0", "n1", "n2", "n3"], ["n4", "n5", "n6", "n7"], ["n8", "n9"]]
    assert Wallet.objects.get(pk=77).balance == 100


def test_the_batch_under_way_is_finished_before_it_closes(user: Any) -> None:
    async def run() -> list[type]:
        desk = Desk()
        await desk.settle(notice("warm", user))
        desk.committer.submit(notice("a", user), "a")
        while desk.committer.waiting:  # until it has been taken
            await asyncio.sleep(0)
        await desk.committer.close(timeout=5)
        return [type(outcome) for batch in desk.batches for outcome in batch.values()]

    assert asyncio.run(run()) == [Credited, Credited]
    assert stored().postings == 2


def test_the_books_balance_after_all_of_it(user: Any, bob: Any) -> None:
    batch = [notice(f"n{number}", (user, bob)[number % 2], account_id=80 + number % 2) for number in range(20)]
    at_the_desk(lambda desk: desk.settle(*batch))
    call_command("check_ledger")
