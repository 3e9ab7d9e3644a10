"""Several plans as one batch, decided in an event loop: there Django refuses every query."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from payments.ledger import booking
from payments.ledger.booking.house import house_currencies
from payments.models import Currency, Wallet
from payments.operations.plan import MoneyPlan, UnitOfWork, find_steps, queue_ask
from postgres import pipeline
from postgres.pipeline import Pipeline, PipelineSteps
from tests.support.ledger import sql

Result = TypeVar("Result")


def run_batch(*plans: MoneyPlan[Any]) -> list[Any]:
    """Return what each plan decided, or its refusal; all that were not refused are committed together."""
    _remember_house()
    outcomes = pipeline.run(_steps(plans))
    sql("SELECT")  # and what a commit would check, where a test has a block of its own around this
    return outcomes


def in_a_running_loop(work: Callable[[], Result]) -> Result:
    async def run() -> Result:
        return work()

    return asyncio.run(run())


def _steps(plans: Sequence[MoneyPlan[Any]]) -> PipelineSteps[list[Any]]:
    yield from find_steps(plans)
    first = Pipeline()
    answered = queue_ask(plans, first)
    yield first
    work = answered()
    outcomes = in_a_running_loop(lambda: [_outcome(plan, work) for plan in plans])
    last = Pipeline(commit=True)
    work.queue_write(last)
    yield last
    return outcomes


def _remember_house() -> None:
    """Read the house's wallets before the loop, as each process does once."""
    codes = Currency.objects.values_list("pk", flat=True)
    house_currencies([booking.house_wallet(house, code) for code in codes for house in Wallet.House.values])


def _outcome(plan: MoneyPlan[Any], work: UnitOfWork) -> Any:
    try:
        with work.all_or_nothing():
            return plan.decide(work)
    except Exception as refusal:
        return refusal
