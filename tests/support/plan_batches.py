"""Several plans as one batch, decided in an event loop: there Django refuses every query."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from payments.operations.plan import MoneyPlan, UnitOfWork, queue_ask
from postgres import pipeline
from postgres.pipeline import Pipeline, PipelineSteps

Result = TypeVar("Result")


def run_batch(*plans: MoneyPlan[Any]) -> list[Any]:
    """Return what each plan decided, or its refusal; all that were not refused are committed together."""
    return pipeline.run(_steps(plans))


def in_a_running_loop(work: Callable[[], Result]) -> Result:
    async def run() -> Result:
        return work()

    return asyncio.run(run())


def _steps(plans: Sequence[MoneyPlan[Any]]) -> PipelineSteps[list[Any]]:
    first = Pipeline()
    answered = queue_ask(plans, first)
    yield first
    work = answered()
    outcomes = in_a_running_loop(lambda: [_outcome(plan, work) for plan in plans])
    last = Pipeline(commit=True)
    work.queue_write(last)
    yield last
    return outcomes


def _outcome(plan: MoneyPlan[Any], work: UnitOfWork) -> Any:
    try:
        with work.all_or_nothing():
            return plan.decide(work)
    except Exception as refusal:
        return refusal
