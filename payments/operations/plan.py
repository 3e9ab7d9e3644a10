"""Plans of money operations, and how they are run: one pipeline locks and asks, one writes and commits.

Lock order, written down once, so that nobody waits in a circle:

1. counters of requests, and Idempotency-Keys, by user and key (`batch`);
2. rows that an operation is about, in the order of `postgres.questions.LockOrder`, each kind by ascending id;
3. wallets, by ascending id.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from django.db.models import Model

from payments.ledger import booking
from postgres import pipeline
from postgres.model_rows import moment_of, queue_insert
from postgres.parameters import RowsStatement
from postgres.pipeline import Pipeline, PipelineSteps
from postgres.pipeline_connection import Rows
from postgres.questions import QuestionBatch

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


class Questions(QuestionBatch):
    """What a batch asks, and the wallets that it locks."""

    def __init__(self) -> None:
        super().__init__()
        self.wallet_ids: set[int] = set()

    def lock_wallets(self, *wallet_ids: int) -> None:
        """Lock users' wallets until the block ends. Ids of no wallet, and the house's, are left out."""
        self.wallet_ids.update(wallet_ids)

    def queue(self, pipeline: Pipeline, *, transactions: int) -> "Callable[[], UnitOfWork]":
        """Queue all locks and then all reads, and draw ids for so many transactions.

        Returns a function that fills the answers after the run, and returns where the plans are decided.
        """
        fill_locked = self.queue_locking(pipeline)
        read_wallets = booking.queue_lock(self.wallet_ids, pipeline, transactions=transactions)
        fill_read = self.queue_reading(pipeline)

        def read() -> UnitOfWork:
            fill_locked()
            fill_read()
            return UnitOfWork(read_wallets())

        return read


@dataclass(slots=True)
class UnitOfWork:
    """Where plans are decided: the locked wallets, the time, and the rows to write."""

    locked: booking.LockedWallets
    _inserts: dict[type[Model], list[Model]] = field(default_factory=dict)
    _updates: dict[RowsStatement, list[tuple[Any, ...]]] = field(default_factory=dict)
    #: Answers that were changed, and what each was before.
    _changed: list[tuple[Rows, Rows]] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The clock of PostgreSQL under the locks."""
        return moment_of(self.locked.clock)

    def own_wallet(self, wallet_id: int, owner_id: int, *, field: str | None = None) -> booking.LockedWallet:
        """Return a locked wallet of the owner's. Raises WalletNotFound: strangers' and absent ones look alike."""
        wallet = self.locked.wallets.get(wallet_id)
        if wallet is None or wallet.owner_id != owner_id:
            raise booking.WalletNotFound(field=field)
        return wallet

    def book(self, new: booking.NewTransaction) -> booking.Booked:
        """Book one transaction. Raises its refusal, a LedgerError."""
        return self.locked.add(new)

    def hold(self, wallet_id: int, amount: Decimal) -> None:
        """Reserve money of a locked wallet. Raises InsufficientFunds."""
        self.locked.add_hold(wallet_id, amount)

    def release(self, wallet_id: int, amount: Decimal) -> None:
        """Give back what was held."""
        self.locked.add_release(wallet_id, amount)

    def insert(self, instance: Model) -> None:
        """Write a new row, all of whose fields are set."""
        self._inserts.setdefault(type(instance), []).append(instance)

    def update(self, statement: RowsStatement, *row: Any) -> None:
        """Write one row of a statement that changes rows. Its first value is the id: the last row of an id counts."""
        self._updates.setdefault(statement, []).append(row)

    def change_answer(self, answer: Rows, *row: Any) -> None:
        """Make this the only row of an answer. Plans that asked the same see it: the same list is their answer."""
        self._changed.append((answer, [*answer]))
        answer[:] = [row]

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Take back what was written and changed inside when an exception leaves the block."""
        written: tuple[dict[Any, list[Any]], ...] = (self._inserts, self._updates)
        lengths = [{key: len(rows) for key, rows in kind.items()} for kind in written]
        unchanged = len(self._changed)
        try:
            with self.locked.all_or_nothing():
                yield
        except BaseException:
            for kind, before in zip(written, lengths, strict=True):
                for key, rows in kind.items():
                    del rows[before.get(key, 0) :]
            while len(self._changed) > unchanged:
                answer, earlier = self._changed.pop()
                answer[:] = earlier
            raise

    def queue_write(self, pipeline: Pipeline) -> None:
        """Queue all rows: transactions, postings and balances first, then what refers to them."""
        self.locked.queue_added(pipeline)
        for instances in filter(None, self._inserts.values()):
            queue_insert(instances, pipeline)
        for statement, rows in self._updates.items():
            if rows:
                pipeline.execute_rows([*{row[0]: row for row in rows}.values()], statement)


class MoneyPlan(Protocol[Result_co]):
    """One money operation. Its methods are called once each, in their order, in one atomic block.

    A plan may also have `find(questions: QuestionBatch) -> None`, which comes first. It reads, without a lock, what
    `ask` must know and what never changes. The wallet of an order is such: one statement locks all wallets.
    """

    def ask(self, questions: Questions) -> None:
        """Ask for what the decision needs, and for the locks. Raises nothing."""

    def decide(self, work: UnitOfWork) -> Result_co:
        """Decide under the locks, without asking anybody, and write. Raises the refusal; nothing is written then."""


def find_steps(plans: Sequence[MoneyPlan[Any]]) -> PipelineSteps[None]:
    """Let the plans find what they must know before they ask. Most have nothing to find: then no pipeline is run."""
    questions = QuestionBatch()
    for plan in plans:
        if find := getattr(plan, "find", None):
            find(questions)
    pipeline = Pipeline()
    fill = questions.queue_reading(pipeline)
    if pipeline.statements:
        yield pipeline
        fill()


def queue_ask(plans: Sequence[MoneyPlan[Any]], pipeline: Pipeline) -> Callable[[], UnitOfWork]:
    """Queue what the plans lock and ask, as `Questions.queue` does."""
    questions = Questions()
    for plan in plans:
        plan.ask(questions)
    return questions.queue(pipeline, transactions=len(plans))


def plan_steps(plan: MoneyPlan[Result]) -> PipelineSteps[Result]:
    """Run one plan in an atomic block. Raises its refusal."""
    yield from find_steps([plan])
    first = Pipeline()
    read = queue_ask([plan], first)
    yield first
    work = read()
    result = plan.decide(work)
    last = Pipeline(commit=True)
    work.queue_write(last)
    yield last
    return result


def carry_out(plan: MoneyPlan[Result]) -> Result:
    """Run one plan in this thread, in an atomic block. Raises its refusal. Not idempotent."""
    return pipeline.run(plan_steps(plan))
