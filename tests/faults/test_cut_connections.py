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
from django.db import InterfaceError, OperationalError, transaction

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
    new_user,
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
def proxy(committed_db: None) -> Iterator[FaultyProxy]:
    """The way to the database; in which everything costs a commission and there is a rate."""
    for operation in ("deposit", "withdrawal", "transfer", "exchange"):
        recipes.commission_rule.make(operation=operation, percent=Decimal(1))
    store_rate()
    with faulty_proxy() as proxy:
        yield proxy


# --- the experiment -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Experiment:
    """What was there before the stage, what is there before the act, and the act."""

    others: Rows
    before: Rows
    act: Act

    def left(self) -> tuple[Rows, Meaning]:
        """What there is now, and what it means; no row of others has changed."""
        now = every_row()
        assert now >= self.others, f"not ours to change: {self.others - now}"
        return now, meaning(now - self.others)


def set_up(operation: Operation, others: Rows | None = None) -> Experiment:
    provider_cache.invalidate()
    others = every_row() if others is None else others
    act = operation.stage()
    return Experiment(others, every_row(), act)


def cut_everywhere(proxy: FaultyProxy, operation: Operation, repeats: int = SOME) -> list[Outcome]:
    """Cut at each statement on either side, and assert all that is promised."""
    experiment = set_up(operation)
    operation.repeated(experiment.act(), False)
    _, whole = experiment.left()
    operation.repeated(experiment.act(), True)
    _, twice = experiment.left()
    assert twice == whole or operation.is_noted, "the repeat did it again"
    come_to = {False: whole, True: twice}
    for moment in MOMENTS:
        _repeat_uncut(proxy, operation, moment, come_to, repeats)
    return [outcome for moment in MOMENTS for outcome in _cuts(proxy, operation, moment, come_to)]


def _repeat_uncut(
    proxy: FaultyProxy, operation: Operation, moment: Moment, come_to: dict[bool, Meaning], repeats: int
) -> None:
    """Each on a fresh stage: the first of its requests has not the same statements as a later one."""
    for number in count(repeats, repeats):
        experiment, cut = set_up(operation), Cut(number, moment)
        with proxy.in_use(cut):
            experiment.act()
        left, meant = experiment.left()
        if not cut.broken:
            return
        done = meant == come_to[False]
        assert done or left == experiment.before, (
            f"neither before nor after, cut {moment} {cut.sent}: {left - experiment.before}"
        )
        _is_repeated(proxy, operation, experiment, left if done else None, come_to[done])


def _cuts(proxy: FaultyProxy, operation: Operation, moment: Moment, come_to: dict[bool, Meaning]) -> Iterator[Outcome]:
    """Cut one statement later each time. A cut that left nothing is followed by the next one: it is a repeat."""
    rows = every_row()
    experiment = set_up(operation, rows)
    for number in count(1):
        cut = Cut(number, moment)
        with proxy.in_use(cut):
            answer = experiment.act()
        left, meant = experiment.left()
        done = meant == come_to[False]
        if not cut.broken:  # it has no more statements than that, and nothing kept it from its work
            operation.repeated(answer, False)
            assert done, f"the repeat came to something else: {left - experiment.before}"
            return
        assert done or left == experiment.before, (
            f"neither before nor after, cut {moment} {cut.sent}: {left - experiment.before}"
        )
        _is_honest(answer, done, operation.repeated)
        if done:
            _is_repeated(proxy, operation, experiment, left, come_to[True])
            rows = every_row()
            experiment = set_up(operation, rows)
        yield Outcome(cut.sent[-1], moment, done, answer.status)


def _is_repeated(
    proxy: FaultyProxy, operation: Operation, experiment: Experiment, unchanged: Rows | None, wanted: Meaning
) -> None:
    """A repeat that nothing cuts completes the work, or changes none of the rows that are to stay unchanged."""
    with proxy.in_use():
        operation.repeated(experiment.act(), unchanged is not None)
    rows, meant = experiment.left()
    assert meant == wanted, f"the repeat came to something else: {rows - experiment.before}"
    assert unchanged is None or rows == unchanged or operation.is_noted, f"the repeat did it again: {rows - unchanged}"


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
    proxy: FaultyProxy, name: str, repeats: int
) -> None:
    outcomes = cut_everywhere(proxy, OPERATIONS[name], repeats)
    undone, done = (
        {cut.statement for cut in outcomes if (cut.moment, cut.done, cut.status) == seen}
        for seen in (("before", False, 503), ("after", True, 503))
    )
    assert undone & done, f"no statement has made it durable, COMMIT or one that is a block by itself: {outcomes}"
    assert_ledger_balances()


@pytest.mark.parametrize("repeats", [SOME, pytest.param(ALL, marks=pytest.mark.torture)])
def test_expiry_in_batches_stops_only_between_two_of_them(proxy: FaultyProxy, repeats: int) -> None:
    """Each batch commits by itself: what a cut one leaves is so many of them, whole, and the next run does the rest."""
    meanings = [_expired(set_up(EXPIRY), batches) for batches in range(3)]
    stopped = {done for moment in MOMENTS for done in _stops(proxy, moment, meanings, repeats)}
    assert stopped == set(range(3))
    assert_ledger_balances()


def _expired(experiment: Experiment, batches: int) -> Meaning:
    for _ in islice(orders.expire_orders(older_than=timedelta(0)), batches):
        pass
    _, meant = experiment.left()
    expire()
    return meant


def _stops(proxy: FaultyProxy, moment: Moment, meanings: list[Meaning], repeats: int) -> Iterator[int]:
    """Yield how many batches were done by each cut run. Most that did none are followed by the next."""
    experiment = set_up(EXPIRY)
    for number in count(1):
        cut = Cut(number, moment)
        with proxy.in_use(cut):
            experiment.act()
        batches = meanings.index(experiment.left()[1])
        if not cut.broken:
            assert batches == len(meanings) - 1
            return
        yield batches
        if batches or number % repeats == 0:
            silent(experiment.act(), True)
            assert experiment.left()[1] == meanings[-1]
            experiment = set_up(EXPIRY)


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
    with transaction.atomic():
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
    proxy: FaultyProxy, work: Callable[[Wallet], None], noticed: str
) -> None:
    def prepare() -> Act:
        wallet = open_wallet(owner_id=new_user("alice").pk, currency="USD")
        return directly(partial(work, wallet))

    with pytest.raises(AssertionError, match=noticed):
        cut_everywhere(proxy, Operation(prepare, silent))
