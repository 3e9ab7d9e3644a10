"""Steps to make trips for, and an event loop to make them in."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from payments.ledger import booking
from payments.ledger.booking import EventLoopConnection, Pipeline, Steps
from payments.models import Currency

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
        session = EventLoopConnection(await asyncio.to_thread(booking.connect))
        try:
            return await work(session)
        finally:
            session.close()

    return asyncio.run(run())


def asking(*statements: tuple[str, ...], commit: bool = False) -> Steps[list[Any]]:
    """One trip for each statement; the last may bring the COMMIT along. The rows of each."""
    rows = []
    for statement, *parameters in statements:
        trip = Pipeline(commit=commit and statement == statements[-1][0])
        answer = trip.ask(statement, *parameters)
        yield trip
        rows.append(answer())
    return rows


def currencies() -> list[str]:
    return [*Currency.objects.filter(code__startswith="XX").order_by("code").values_list("code", flat=True)]
