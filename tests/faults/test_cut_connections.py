"""The connection to PostgreSQL is cut before and after each statement of each operation that moves or reserves money.

What is left is all of it or nothing, the client is told to come back, and when he does it is done once.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import count, islice

import pytest
from django.db import InterfaceError, OperationalError

from payments.ledger.services.wallets import open_wallet
from payments.models import Wallet
from payments.orders import services as orders
from payments.webhooks.receiving.provider_cache import provider_cache
from tests.support import recipes
from tests.support.cut_operations import (
    EXPIRY,
    OPERATIONS,
    Act,
    Answer,
    Operation,
    Repeated,
    directly,
    expire,
    person,
    silent,
)
from tests.support.exchanges import store_rate
from tests.support.faulty_proxy import Cut, FaultyProxy, Meaning, Moment, Rows, every_row, faulty_proxy, meaning
from tests.support.ledger import fund
from tests.support.ledger_checks import assert_ledger_balances

pytestmark = pytest.mark.slow

MOMENTS: tuple[Moment, ...] = ("before", "after")
#: Every fourth cut is also followed by an uncut repeat, and in `make torture` every one.
SOME, ALL = 4, 1


@dataclass(frozen=True)
class Outcome:
    """What became of one cut: at which statement, on which side of it, and whether the work was done all the same."""

    statement: str
    moment: Moment
    done: bool
    status: int


@pytest.fixture
def wire(committed_db: None) -> Iterator[FaultyProxy]:
    """The way to the database; in which everything costs a commission and there is a rate."""
    for operation in ("deposit", "withdrawal", "transfer", "exchange"):
        recipes.commission_rule.make(operation=operation, percent=Decimal(1))
    store_rate()
    with faulty_proxy() as wire:
        yield wire


# --- the experiment -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """What was there before the stage, what is there before the act, and the act."""

    others: Rows
    before: Rows
    act: Act

    def left(self) -> tuple[Rows, Meaning]:
        """What there is now, and what it means; no row of others has changed."""
        now = every_row()
        assert now >= self.others, f"not ours to change: {self.others - now}"
        return now, meaning(now - self.others)


def set_up(operation: Operation, others: Rows | None = None) -> Stage:
    provider_cache.invalidate()
    others = every_row() if others is None else others
    act = operation.stage()
    return Stage(others, every_row(), act)


def cut_everywhere(wire: FaultyProxy, operation: Operation, repeats: int = SOME) -> list[Outcome]:
    """Cut at each statement on either side, and assert all that is promised."""
    stage = set_up(operation)
    operation.repeated(stage.act(), False)
    _, whole = stage.left()
    operation.repeated(stage.act(), True)
    _, twice = stage.left()
    assert twice == whole or operation.is_noted, "the repeat did it again"
    come_to = {False: whole, True: twice}
    for moment in MOMENTS:
        _repeat_uncut(wire, operation, moment, come_to, repeats)
    return [outcome for moment in MOMENTS for outcome in _cuts(wire, operation, moment, come_to)]


def _repeat_uncut(
    wire: FaultyProxy, operation: Operation, moment: Moment, come_to: dict[bool, Meaning], repeats: int
) -> None:
    """Each on a fresh stage: the first of its requests has not the same statements as a later one."""
    for number in count(repeats, repeats):
        stage, cut = set_up(operation), Cut(number, moment)
        with wire.in_use(cut):
            stage.act()
        left, said = stage.left()
        if not cut.broken:
            return
        done = said == come_to[False]
        assert done or left == stage.before, f"neither before nor after, cut {moment} {cut.sent}: {left - stage.before}"
        _is_repeated(wire, operation, stage, left if done else None, come_to[done])


def _cuts(wire: FaultyProxy, operation: Operation, moment: Moment, come_to: dict[bool, Meaning]) -> Iterator[Outcome]:
    """Cut one statement later each time. A cut that left nothing is followed by the next one: it is a repeat."""
    rows = every_row()
    stage = set_up(operation, rows)
    for number in count(1):
        cut = Cut(number, moment)
        with wire.in_use(cut):
            answer = stage.act()
        left, said = stage.left()
        done = said == come_to[False]
        if not cut.broken:  # it has no more statements than that, and nothing kept it from its work
            operation.repeated(answer, False)
            assert done, f"the repeat came to something else: {left - stage.before}"
            return
        assert done or left == stage.before, f"neither before nor after, cut {moment} {cut.sent}: {left - stage.before}"
        _is_honest(answer, done, operation.repeated)
        if done:
            _is_repeated(wire, operation, stage, left, come_to[True])
            rows = every_row()
            stage = set_up(operation, rows)
        yield Outcome(cut.sent[-1], moment, done, answer.status)


def _is_repeated(wire: FaultyProxy, operation: Operation, stage: Stage, kept: Rows | None, wanted: Meaning) -> None:
    """A repeat that nothing cuts completes the work, or leaves what was kept as it is."""
    with wire.in_use():
        operation.repeated(stage.act(), kept is not None)
    rows, said = stage.left()
    assert said == wanted, f"the repeat came to something else: {rows - stage.before}"
    assert kept is None or rows == kept or operation.is_noted, f"the repeat did it again: {rows - kept}"


def _is_honest(answer: Answer, done: bool, repeated: Repeated) -> None:
    """Nobody is told that it is done when it is not; who is asked to come back is told when."""
    if answer.status == 503:
        assert answer.body["code"] in ("database_unavailable", "database_busy"), answer
        assert int(answer.headers["Retry-After"]) >= 1
        return
    assert done, f"not done, and yet: {answer}"
    repeated(answer, False)


# --- the promise --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("repeats", [SOME, pytest.param(ALL, marks=pytest.mark.torture)])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_cut_connection_leaves_all_or_nothing_and_a_repeat_completes_it(
    wire: FaultyProxy, name: str, repeats: int
) -> None:
    outcomes = cut_everywhere(wire, OPERATIONS[name], repeats)
    undone, done = (
        {cut.statement for cut in outcomes if (cut.moment, cut.done, cut.status) == seen}
        for seen in (("before", False, 503), ("after", True, 503))
    )
    assert undone & done, f"no statement has made it durable, COMMIT or one that is a block by itself: {outcomes}"
    assert_ledger_balances()


@pytest.mark.parametrize("repeats", [SOME, pytest.param(ALL, marks=pytest.mark.torture)])
def test_expiry_in_batches_stops_only_between_two_of_them(wire: FaultyProxy, repeats: int) -> None:
    """Each batch commits by itself: what a cut one leaves is so many of them, whole, and the next run does the rest."""
    steps = [_expired(set_up(EXPIRY), batches) for batches in range(3)]
    stopped = {done for moment in MOMENTS for done in _stops(wire, moment, steps, repeats)}
    assert stopped == set(range(3))
    assert_ledger_balances()


def _expired(stage: Stage, batches: int) -> Meaning:
    for _ in islice(orders.expire_orders(older_than=timedelta(0)), batches):
        pass
    _, said = stage.left()
    expire()
    return said


def _stops(wire: FaultyProxy, moment: Moment, steps: list[Meaning], repeats: int) -> Iterator[int]:
    """Yield how many batches were done by each cut run. Most that did none are followed by the next."""
    stage = set_up(EXPIRY)
    for number in count(1):
        cut = Cut(number, moment)
        with wire.in_use(cut):
            stage.act()
        batches = steps.index(stage.left()[1])
        if not cut.broken:
            assert batches == len(steps) - 1
            return
        yield batches
        if batches or number % repeats == 0:
            silent(stage.act(), True)
            assert stage.left()[1] == steps[-1]
            stage = set_up(EXPIRY)


# --- this test would notice ---------------------------------------------------------------------------------


def in_two_blocks(wallet: Wallet) -> None:
    """Each once, but not both together."""
    for number in range(2):
        if lines(wallet) == number:
            give(wallet)


def anew_each_time(wallet: Wallet) -> None:
    give(wallet)


def saying_it_is_done(wallet: Wallet) -> None:
    with suppress(OperationalError, InterfaceError):
        if not lines(wallet):
            give(wallet)


def lines(wallet: Wallet) -> int:
    wallet.refresh_from_db()
    return wallet.sequence


def give(wallet: Wallet) -> None:
    fund(wallet.pk, "1")


@pytest.mark.parametrize(
    ("work", "noticed"),
    [
        (in_two_blocks, "neither before nor after"),
        (anew_each_time, "the repeat did it again"),
        (saying_it_is_done, "not done, and yet"),
    ],
)
def test_work_that_breaks_the_promise_is_caught(
    wire: FaultyProxy, work: Callable[[Wallet], None], noticed: str
) -> None:
    def stage() -> Act:
        wallet = open_wallet(owner_id=person("alice").pk, currency="USD")
        return directly(partial(work, wallet))

    with pytest.raises(AssertionError, match=noticed):
        cut_everywhere(wire, Operation(stage, silent))
