"""Steps to run, and an event loop to run them in."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from payments.models import Currency
from postgres.event_loop_connection import EventLoopConnection, connect
from postgres.pipeline import Pipeline, PipelineSteps

Result = TypeVar("Result")
CURRENCY = "INSERT INTO payments_currency (code, name, decimal_places, is_active) VALUES ($1, 'X', 2, true)"
#: Refused at the end of the block, where foreign keys are checked.
ORPHAN = (
    "INSERT INTO payments_posting (transaction_id, currency_id, amount, source_id, destination_id,"
    " destination_sequence, destination_balance) VALUES (0, 'USD', 1, 9000000000999999, 1, 1, 1)"
)


def in_a_loop(work: Callable[[EventLoopConnection], Awaitable[Result]]) -> Result:
    """Do the work in an event loop of its own, with a session of its own."""

    async def run() -> Result:
        session = EventLoopConnection(await asyncio.to_thread(connect))
        try:
            return await work(session)
        finally:
            session.close()

    return asyncio.run(run())


def asking(*statements: tuple[str, ...], commit: bool = False) -> PipelineSteps[list[Any]]:
    """One pipeline for each statement; the last may bring the COMMIT along. The rows of each."""
    rows = []
    for statement, *parameters in statements:
        pipeline = Pipeline(commit=commit and statement == statements[-1][0])
        read = pipeline.execute(statement, *parameters)
        yield pipeline
        rows.append(read())
    return rows


def currencies() -> list[str]:
    return [*Currency.objects.filter(code__startswith="XX").order_by("code").values_list("code", flat=True)]
