"""Steps make their trips in an event loop or in a thread: both end blocks alike, and do first what goes ahead."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DataError, IntegrityError

from payments.ledger import booking
from payments.ledger.booking import EventLoopConnection, Pipeline, Steps
from payments.models import Currency
from tests.support.pipeline_steps import CURRENCY, ORPHAN, asking, currencies, in_a_loop


@pytest.mark.parametrize("commit", [True, False])
def test_all_trips_are_one_block_which_is_durable_at_the_end(committed_db: None, commit: bool) -> None:
    count = "SELECT count(*)::int FROM payments_currency WHERE code LIKE 'XX%'"
    steps = asking((CURRENCY, "XXA"), (count,), (CURRENCY, "XXB"), commit=commit)
    assert in_a_loop(lambda session: session.travel(steps))[1] == [(1,)]
    assert currencies() == ["XXA", "XXB"]
    Currency.objects.filter(code__startswith="XX").delete()


COUNT = "SELECT count(*)::int FROM payments_currency WHERE code LIKE 'XX%'"


def going_ahead(*ahead: str, then: str | None = COUNT, first: bool = False, commit: bool = True) -> Steps[Any]:
    """Currencies in trips that go ahead, first of all or behind another trip; and what the one after them says."""
    if not first:
        yield from asking(("SELECT 1",))
    for code in ahead:
        trip = Pipeline(ahead=True)
        if code:
            trip.ask(CURRENCY, code)
        yield trip
    if then is None:
        return None
    last = Pipeline(commit=commit)
    said = last.ask(then)
    yield last
    return said()


TRAVELS: dict[str, Callable[[Steps[Any]], Any]] = {
    "session": lambda steps: in_a_loop(lambda session: session.travel(steps)),
    "thread": booking.run,
}


@pytest.mark.parametrize("travel", TRAVELS)
@pytest.mark.parametrize("commit", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_what_goes_ahead_is_done_before_what_follows(
    committed_db: None, travel: str, first: bool, commit: bool
) -> None:
    for _ in range(2):  # what is prepared on the way stays so
        steps = going_ahead("XXA", "", "XXB", first=first, commit=commit)
        assert TRAVELS[travel](steps) == [(2,)]
        assert currencies() == ["XXA", "XXB"]
        Currency.objects.filter(code__startswith="XX").delete()


@pytest.mark.parametrize("travel", TRAVELS)
@pytest.mark.parametrize("second", ["SELECT 1 / $1::int", None], ids=["refused", "stumbling"])
def test_a_commit_ends_the_block_and_what_follows_is_another(
    committed_db: None, travel: str, second: str | None
) -> None:
    """The first is a block by itself; the second keeps its plans as well, and is taken back alone."""

    def steps() -> Steps[None]:
        yield from asking((CURRENCY, "XXA"), commit=True)
        plans.append((yield from asking((CURRENCY, "XXB"), ("SELECT current_setting('plan_cache_mode')",)))[1])
        if second:
            yield from asking((second, "0"), commit=True)
        raise ZeroDivisionError

    plans: list[Any] = []
    with pytest.raises(DataError if second else ZeroDivisionError):
        TRAVELS[travel](steps())
    assert plans == [[("force_generic_plan",)]]
    assert currencies() == ["XXA"]
    Currency.objects.filter(code__startswith="XX").delete()


@pytest.mark.parametrize("refused", [(CURRENCY, "XXA"), (ORPHAN,)], ids=["at once", "at the end"])
@pytest.mark.parametrize("travel", TRAVELS)
def test_a_trip_that_is_a_block_by_itself_is_all_or_nothing(
    committed_db: None, travel: str, refused: tuple[str, ...]
) -> None:
    def steps() -> Steps[None]:
        trip = Pipeline(commit=True)
        trip.ask(CURRENCY, "XXA")
        trip.ask(*refused)
        trip.ask("SELECT 1")
        yield trip

    for _ in range(2):  # prepared in the first, known in the second
        with pytest.raises(IntegrityError):
            TRAVELS[travel](steps())
        assert TRAVELS[travel](asking(("SELECT 7",))) == [[(7,)]]
    assert currencies() == []


def test_a_session_goes_on_after_an_error_at_the_end_of_a_block(committed_db: None) -> None:
    async def work(session: EventLoopConnection) -> Any:
        for _ in range(2):
            with pytest.raises(IntegrityError):
                await session.travel(asking((ORPHAN,), commit=True))
            assert not session.is_lost
        return await session.travel(asking(("SELECT 7",)))

    assert in_a_loop(work) == [[(7,)]]


@pytest.mark.parametrize("travel", TRAVELS)
def test_what_goes_ahead_last_is_done_too(committed_db: None, travel: str) -> None:
    TRAVELS[travel](going_ahead("XXA", then=None))
    assert currencies() == ["XXA"]
    Currency.objects.filter(code__startswith="XX").delete()


def test_what_fails_ahead_leaves_nothing_and_the_session_goes_on(committed_db: None) -> None:
    async def work(session: EventLoopConnection) -> Any:
        for commit in (True, False):
            with pytest.raises(IntegrityError):
                await session.travel(going_ahead("XXA", "XXA", commit=commit))
        return await session.travel(asking(("SELECT 7",)))

    assert in_a_loop(work) == [[(7,)]]
    assert currencies() == []


@pytest.mark.parametrize("codes", [("XXA",), ("XXA", "XXA")], ids=["good", "bad"])
def test_what_the_steps_raise_takes_back_what_went_ahead(committed_db: None, codes: tuple[str, ...]) -> None:
    def stumbling() -> Steps[None]:
        yield from going_ahead(*codes, then=None)
        raise ZeroDivisionError

    async def work(session: EventLoopConnection) -> None:
        with pytest.raises(ZeroDivisionError):
            await session.travel(stumbling())
        if not session.is_lost:
            assert await session.travel(asking(("SELECT 7",))) == [[(7,)]]

    in_a_loop(work)
    with pytest.raises(ZeroDivisionError):
        booking.run(stumbling())
    assert currencies() == []


def test_a_commit_does_not_go_ahead() -> None:
    with pytest.raises(ValueError, match="COMMIT"):
        Pipeline(commit=True, ahead=True)
