"""Requests as the event loop answers them, without a server: those that are given together are one batch."""

import asyncio
import dataclasses
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from accounts.models import User
from accounts.tokens import open_family
from config.server.api_endpoint import ApiAnswer, ApiEndpoint
from config.server.api_requests import PREFIX, ApiRequest, recognise
from payments.operations.plan import MoneyPlan, Questions, UnitOfWork
from payments.operations.requests import MoneyRequest


class Answered(NamedTuple):
    """`status` 0: the view has to answer."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))

    @property
    def is_replayed(self) -> bool:
        return self.headers.get("idempotent-replayed") == "true"


def transfer(token: str, source: int, destination: int, key: str, amount: str = "1.00") -> ApiRequest:
    body = {"source": source, "destination": destination, "amount": amount}
    headers = {
        "host": "127.0.0.1",
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        "idempotency-key": key,
    }
    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    request = recognise("POST", f"{PREFIX}transfers", b"", named, "http", json.dumps(body).encode())
    assert request is not None
    return request


def token_of(user: User) -> str:
    return open_family(user=user).access


def answers(*requests: ApiRequest) -> list[Answered]:
    return in_batches([requests])[0]


def in_batches(
    batches: Sequence[Sequence[ApiRequest]], meanwhile: Callable[[], None] = lambda: None
) -> list[list[Answered]]:
    """Answer one batch after the other over one connection. `meanwhile` runs in a thread, beside them."""

    async def run() -> list[list[Answered]]:
        endpoint = ApiEndpoint()
        beside = asyncio.create_task(asyncio.to_thread(meanwhile))
        try:
            return [
                [_answered(each) for each in await asyncio.gather(*map(endpoint.answer, batch))] for batch in batches
            ]
        finally:
            await beside
            await endpoint.close(5)

    return asyncio.run(run())


def _answered(answer: ApiAnswer | None) -> Answered:
    if answer is None:
        return Answered(0, {}, {})
    return Answered(answer.status, dict(answer.headers), json.loads(answer.body))


@dataclasses.dataclass
class SpoiltPlan:
    """A plan of ours that decides as it does, and is spoilt by `spoil` after it has written."""

    plan: MoneyPlan[Any]
    spoil: Callable[[Any], None]

    def ask(self, questions: Questions) -> None:
        self.plan.ask(questions)

    def decide(self, work: UnitOfWork) -> Any:
        decided = self.plan.decide(work)
        self.spoil(decided)
        return decided


def spoilt(request: ApiRequest, spoil: Callable[[Any], None]) -> ApiRequest:
    assert isinstance(request.item, MoneyRequest)
    return request._replace(item=dataclasses.replace(request.item, plan=SpoiltPlan(request.item.plan, spoil)))
