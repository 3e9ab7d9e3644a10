"""Requests that wait together: whose turn it is, who is refused, and what becomes of them when PostgreSQL is lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from typing import Any, TypeVar

import pytest
from django.db import connections

from payments.models import Currency
from postgres import batch_runner
from postgres.batch_runner import MAX_BATCH, MAX_OF_ONE_CLIENT, MAX_WAITING, PAUSE_SECONDS, BatchRunner
from postgres.pipeline import Pipeline, PipelineSteps
from tests.support.pipeline_steps import CURRENCY, currencies

Result = TypeVar("Result")
#: An item that keeps PostgreSQL busy for so long.
SLOW, VERY_SLOW = "0.3", "30"


@pytest.fixture
def no_currencies(committed_db: None) -> Iterator[None]:
    """Those of before and after."""
    yield
    Currency.objects.filter(code__startswith="XX").delete()


class Stage:
    """A runner, the batches that it began, and what was delivered, in its order."""

    def __init__(self) -> None:
        self.others_want_room = False
        self.runner: BatchRunner[str, str] = BatchRunner(
            self._steps, unique=_key, makes_room=lambda: self.others_want_room
        )
        self.batches: list[list[str]] = []
        self.began_at: list[float] = []
        self.delivered: list[tuple[str, str | None]] = []

    def _steps(self, items: Sequence[str]) -> PipelineSteps[Sequence[str]]:
        self.batches.append([*items])
        self.began_at.append(time.monotonic())
        pipeline = Pipeline(commit=True)
        for item in items:
            if item in (SLOW, VERY_SLOW):
                pipeline.execute(f"SELECT pg_sleep({item})")
            elif item.startswith("XX"):
                pipeline.execute(CURRENCY, item)
        yield pipeline
        return [f"done {item}" for item in items]

    def submit(self, client: Hashable, item: str) -> bool:
        return self.runner.submit(client, item, lambda outcome: self.delivered.append((item, outcome)))

    async def answers(self, number: int) -> list[tuple[str, str | None]]:
        """Wait until so many have been delivered."""
        async with asyncio.timeout(20):
            while len(self.delivered) < number:
                await asyncio.sleep(0.005)
        return self.delivered

    async def answer(self, item: str) -> str | None:
        """Submit one item, which is not refused, and return its outcome."""
        before = len(self.delivered)
        assert self.submit("somebody", item)
        return (await self.answers(before + 1))[-1][1]

    async def is_busy(self) -> None:
        """Wait until a batch is on its way."""
        async with asyncio.timeout(20):
            while not self.batches or self.runner.connection is None:
                await asyncio.sleep(0.005)


def _key(item: str) -> str | None:
    return item if item.startswith("key") else None


def on_stage(work: Callable[[Stage], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        stage = Stage()
        try:
            return await work(stage)
        finally:
            await stage.runner.close(timeout=5)

    return asyncio.run(run())


def test_users_take_turns(no_currencies: None) -> None:
    """Who asks for a hundred things does not keep another waiting who asks for one."""

    async def work(stage: Stage) -> None:
        for number in range(100):
            assert stage.submit("greedy", f"greedy {number}")
        assert stage.submit("modest", "modest")
        await stage.answers(101)
        first = stage.batches[0]
        assert first[:3] == ["greedy 0", "modest", "greedy 1"]
        assert len(first) == MAX_BATCH
        assert [item for batch in stage.batches for item in batch if item != "modest"] == [
            f"greedy {number}" for number in range(100)
        ]

    on_stage(work)


def test_two_items_of_one_key_are_in_two_batches_and_their_neighbours_need_not_wait(no_currencies: None) -> None:
    async def work(stage: Stage) -> None:
        for client, item in ((1, "key a"), (2, "key a"), (1, "b"), (3, "key c"), (2, "d")):
            assert stage.submit(client, item)
        await stage.answers(5)
        assert [sorted(batch) for batch in stage.batches] == [["b", "key a", "key c"], ["d", "key a"]]

    on_stage(work)


def test_one_client_may_fill_their_share_and_all_together_the_queue(no_currencies: None) -> None:
    async def work(stage: Stage) -> None:
        for client in range(MAX_WAITING // MAX_OF_ONE_CLIENT):
            assert all(stage.submit(client, "x") for _ in range(MAX_OF_ONE_CLIENT))
            assert not stage.submit(client, "one too many")
        assert not stage.submit("another", "no room")
        assert {outcome for _, outcome in await stage.answers(MAX_WAITING)} == {"done x"}
        assert await stage.answer("y") == "done y"
        assert stage.runner.waiting == 0

    on_stage(work)


def test_who_has_waited_for_too_long_fails_and_is_not_done(
    no_currencies: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_runner, "MAX_WAIT_SECONDS", 0.1)

    async def work(stage: Stage) -> None:
        stage.submit("slow", SLOW)
        await stage.is_busy()
        assert stage.submit("late", "XXA")
        assert await stage.answers(2) == [(SLOW, f"done {SLOW}"), ("XXA", None)]
        assert stage.batches == [[SLOW]]

    on_stage(work)
    assert currencies() == []


def test_who_waits_behind_a_batch_that_is_stuck_fails_in_time(
    no_currencies: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_runner, "MAX_WAIT_SECONDS", 0.3)
    monkeypatch.setattr(batch_runner, "SWEEP_SECONDS", 0.05)

    async def work(stage: Stage) -> None:
        stage.submit("stuck", VERY_SLOW)
        await stage.is_busy()
        for client in ("late", "later"):
            assert stage.submit(client, "XXA")
        assert await stage.answers(2) == [("XXA", None)] * 2
        assert stage.runner.waiting == 0
        assert stage.runner.connection is not None
        await asyncio.to_thread(_terminate, stage.runner.connection.connection.info.backend_pid)
        assert (await stage.answers(3))[-1] == (VERY_SLOW, None)
        assert await stage.answer("XXB") == "done XXB"

    on_stage(work)
    assert currencies() == ["XXB"]


def test_a_sender_that_fails_keeps_nobody_waiting(no_currencies: None) -> None:
    async def work(stage: Stage) -> None:
        def fail(_: Any) -> None:
            raise ZeroDivisionError

        assert stage.runner.submit("failing", "a", fail)
        assert stage.submit("other", "b")
        assert await stage.answers(1) == [("b", "done b")]

    on_stage(work)


def test_a_batch_that_is_refused_leaves_nothing_and_the_next_one_is_done(no_currencies: None) -> None:
    async def work(stage: Stage) -> None:
        for item in ("XXA", "XXB", "XXB"):
            stage.submit("somebody", item)
        assert {outcome for _, outcome in await stage.answers(3)} == {None}
        assert await stage.answer("XXC") == "done XXC"

    on_stage(work)
    assert currencies() == ["XXC"]


def test_a_lost_session_fails_its_batch_and_the_next_one_gets_another(no_currencies: None) -> None:
    async def work(stage: Stage) -> None:
        stage.submit("one", "XXA")
        stage.submit("two", VERY_SLOW)
        await stage.is_busy()
        assert stage.runner.connection is not None
        lost = stage.runner.connection.connection.info.backend_pid
        await asyncio.to_thread(_terminate, lost)
        assert sorted(await stage.answers(2)) == [(VERY_SLOW, None), ("XXA", None)]
        assert await stage.answer("XXB") == "done XXB"
        assert stage.runner.connection.connection.info.backend_pid != lost

    on_stage(work)
    assert currencies() == ["XXB"]


def _terminate(pid: int) -> None:
    database = connections["default"]
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    database.close()


def test_while_nothing_connects_everybody_is_sent_away_at_once(
    committed_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try would cost the time that it takes to fail."""

    async def work(stage: Stage) -> None:
        with monkeypatch.context() as away:
            settings = connections.settings["default"]
            away.setitem(settings, "NAME", "nowhere")
            away.setitem(settings, "OPTIONS", {**settings["OPTIONS"], "pool": False})
            assert await stage.answer("a") is None
            assert not stage.submit("somebody", "b")
        assert not stage.submit("somebody", "c")
        await asyncio.sleep(PAUSE_SECONDS + 0.05)
        assert await stage.answer("d") == "done d"
        assert stage.batches == [["d"]]

    on_stage(work)


def test_closing_lets_a_batch_end_and_fails_what_takes_too_long(no_currencies: None) -> None:
    async def work(stage: Stage) -> None:
        stage.submit("one", SLOW)
        await stage.is_busy()
        await stage.runner.close(timeout=10)
        assert stage.delivered == [(SLOW, f"done {SLOW}")]

    async def in_a_hurry(stage: Stage) -> None:
        stage.submit("one", VERY_SLOW)
        await stage.is_busy()
        assert stage.runner.connection is not None
        session = stage.runner.connection.connection.info.backend_pid
        stage.submit("two", "XXA")
        await stage.runner.close(timeout=0.1)
        assert stage.runner.connection.is_lost
        assert await stage.answers(2) == [(VERY_SLOW, None), ("XXA", None)]
        await asyncio.to_thread(_terminate, session)  # PostgreSQL has not noticed yet that nobody listens

    on_stage(work)
    on_stage(in_a_hurry)
    assert currencies() == []


@pytest.mark.parametrize(("others_want_room", "items", "rests"), [(True, 2, True), (True, 1, False), (False, 2, False)])
def test_a_runner_that_makes_room_rests_after_several(
    committed_db: None, monkeypatch: pytest.MonkeyPatch, *, others_want_room: bool, items: int, rests: bool
) -> None:
    """For as long as its batch took. A batch of one is followed by no rest."""
    monkeypatch.setattr(batch_runner, "MAX_REST_SECONDS", 60.0)

    async def work(stage: Stage) -> tuple[float, float]:
        await stage.answer("warm")
        stage.others_want_room = others_want_room
        for _ in range(items):
            assert stage.submit("somebody", SLOW)
        await stage.answers(1 + items)
        answered_at = time.monotonic()
        await stage.answer("next")
        return answered_at - stage.began_at[1], stage.began_at[2] - answered_at

    took, rested = on_stage(work)
    assert took > float(SLOW) * items
    assert (rested > 0.9 * took) is rests


def test_a_rest_has_an_end(committed_db: None) -> None:
    async def work(stage: Stage) -> float:
        await stage.answer("warm")
        stage.others_want_room = True
        for _ in range(2):
            assert stage.submit("somebody", SLOW)
        await stage.answers(3)
        answered_at = time.monotonic()
        await stage.answer("next")
        return stage.began_at[2] - answered_at

    assert on_stage(work) < float(SLOW)


def test_a_runner_that_was_started_has_its_connection(committed_db: None) -> None:
    async def work(stage: Stage) -> bool:
        await stage.runner.start()
        connection = stage.runner.connection
        await stage.answer("first")
        return connection is not None and stage.runner.connection is connection

    assert on_stage(work)
