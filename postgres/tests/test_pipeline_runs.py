"""Steps run in an event loop or in a thread: both end blocks alike, and first execute what is flushed early."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DataError, IntegrityError

from payments.models import Currency
from postgres.event_loop_connection import EventLoopConnection
from postgres.pipeline import Pipeline, PipelineSteps, run
from tests.support.pipeline_steps import CURRENCY, ORPHAN, asking, currencies, in_a_loop


@pytest.mark.parametrize("commit", [True, False])
def test_all_pipelines_are_one_block_which_is_durable_at_the_end(committed_db: None, commit: bool) -> None:
    count = "SELECT count(*)::int FROM payments_currency WHERE code LIKE 'XX%'"
    steps = asking((CURRENCY, "XXA"), (count,), (CURRENCY, "XXB"), commit=commit)
    assert in_a_loop(lambda session: session.run(steps))[1] == [(1,)]
    assert currencies() == ["XXA", "XXB"]
    Currency.objects.filter(code__startswith="XX").delete()


COUNT = "SELECT count(*)::int FROM payments_currency WHERE code LIKE 'XX%'"


def flushed_early(
    *codes: str, then: str | None = COUNT, first: bool = False, commit: bool = True
) -> PipelineSteps[Any]:
    """Insert currencies in pipelines that are flushed early; return the rows of the one after them."""
    if not first:
        yield from asking(("SELECT 1",))
    for code in codes:
        pipeline = Pipeline(flush_early=True)
        if code:
            pipeline.execute(CURRENCY, code)
        yield pipeline
    if then is None:
        return None
    last = Pipeline(commit=commit)
    read = last.execute(then)
    yield last
    return read()


RUNNERS: dict[str, Callable[[PipelineSteps[Any]], Any]] = {
    "session": lambda steps: in_a_loop(lambda session: session.run(steps)),
    "thread": run,
}


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("commit", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_what_is_flushed_early_is_done_before_what_follows(
    committed_db: None, runner: str, first: bool, commit: bool
) -> None:
    for _ in range(2):  # what is prepared on the way stays so
        steps = flushed_early("XXA", "", "XXB", first=first, commit=commit)
        assert RUNNERS[runner](steps) == [(2,)]
        assert currencies() == ["XXA", "XXB"]
        Currency.objects.filter(code__startswith="XX").delete()


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("second", ["SELECT 1 / $1::int", None], ids=["refused", "stumbling"])
def test_a_commit_ends_the_block_and_what_follows_is_another(
    committed_db: None, runner: str, second: str | None
) -> None:
    """The first is a block by itself; the second keeps its plans as well, and is taken back alone."""

    def steps() -> PipelineSteps[None]:
        yield from asking((CURRENCY, "XXA"), commit=True)
        plans.append((yield from asking((CURRENCY, "XXB"), ("SELECT current_setting('plan_cache_mode')",)))[1])
        if second:
            yield from asking((second, "0"), commit=True)
        raise ZeroDivisionError

    plans: list[Any] = []
    with pytest.raises(DataError if second else ZeroDivisionError):
        RUNNERS[runner](steps())
    assert plans == [[("force_generic_plan",)]]
    assert currencies() == ["XXA"]
    Currency.objects.filter(code__startswith="XX").delete()


@pytest.mark.parametrize("refused", [(CURRENCY, "XXA"), (ORPHAN,)], ids=["at once", "at the end"])
@pytest.mark.parametrize("runner", RUNNERS)
def test_a_pipeline_that_is_a_block_by_itself_is_all_or_nothing(
    committed_db: None, runner: str, refused: tuple[str, ...]
) -> None:
    def steps() -> PipelineSteps[None]:
        pipeline = Pipeline(commit=True)
        pipeline.execute(CURRENCY, "XXA")
        pipeline.execute(*refused)
        pipeline.execute("SELECT 1")
        yield pipeline

    for _ in range(2):  # prepared in the first, known in the second
        with pytest.raises(IntegrityError):
            RUNNERS[runner](steps())
        assert RUNNERS[runner](asking(("SELECT 7",))) == [[(7,)]]
    assert currencies() == []


def test_a_session_goes_on_after_an_error_at_the_end_of_a_block(committed_db: None) -> None:
    async def work(session: EventLoopConnection) -> Any:
        for _ in range(2):
            with pytest.raises(IntegrityError):
                await session.run(asking((ORPHAN,), commit=True))
            assert not session.is_lost
        return await session.run(asking(("SELECT 7",)))

    assert in_a_loop(work) == [[(7,)]]


@pytest.mark.parametrize("runner", RUNNERS)
def test_what_is_flushed_early_last_is_done_too(committed_db: None, runner: str) -> None:
    RUNNERS[runner](flushed_early("XXA", then=None))
    assert currencies() == ["XXA"]
    Currency.objects.filter(code__startswith="XX").delete()


def test_what_fails_early_leaves_nothing_and_the_session_goes_on(committed_db: None) -> None:
    async def work(session: EventLoopConnection) -> Any:
        for commit in (True, False):
            with pytest.raises(IntegrityError):
                await session.run(flushed_early("XXA", "XXA", commit=commit))
        return await session.run(asking(("SELECT 7",)))

    assert in_a_loop(work) == [[(7,)]]
    assert currencies() == []


@pytest.mark.parametrize("codes", [("XXA",), ("XXA", "XXA")], ids=["good", "bad"])
def test_what_the_steps_raise_takes_back_what_was_flushed_early(committed_db: None, codes: tuple[str, ...]) -> None:
    def stumbling() -> PipelineSteps[None]:
        yield from flushed_early(*codes, then=None)
        raise ZeroDivisionError

    async def work(session: EventLoopConnection) -> None:
        with pytest.raises(ZeroDivisionError):
            await session.run(stumbling())
        if not session.is_lost:
            assert await session.run(asking(("SELECT 7",))) == [[(7,)]]

    in_a_loop(work)
    with pytest.raises(ZeroDivisionError):
        run(stumbling())
    assert currencies() == []


def test_a_commit_is_not_flushed_early() -> None:
    with pytest.raises(ValueError, match="COMMIT"):
        Pipeline(commit=True, flush_early=True)
