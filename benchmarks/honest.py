"""Honest traffic at a steady pace, whatever the service does: an open loop, so that a stall is seen by all who wait.

A latency runs from the moment at which a request was due, not from when a connection was free for it.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvloop

from benchmarks import notices
from benchmarks.databases import MANY

HOST = "127.0.0.1"
WEBHOOKS_PER_SECOND = 100
CALLS_PER_SECOND = 20
#: After so many seconds a request counts as refused.
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Customer:
    """A user with a wallet, signed in."""

    wallet: int
    token: str


@dataclass
class Seen:
    """What one kind of request met. Latencies in milliseconds; `refused` are all answers but 200 and 201."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    def add(self, status: str, milliseconds: float) -> None:
        self.statuses[status] += 1
        self.latencies.append(milliseconds)

    @property
    def refused(self) -> int:
        return self.statuses.total() - self.statuses["200"] - self.statuses["201"]

    def percentile(self, part: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "requests": self.statuses.total(),
            "refused": self.refused,
            "statuses": dict(self.statuses),
            "p50_ms": round(self.percentile(0.5), 2),
            "p99_ms": round(self.percentile(0.99), 2),
            "max_ms": round(max(self.latencies, default=0.0), 2),
        }


class Connections:
    """Kept-alive connections, opened as they are needed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        stream = self._idle.pop() if self._idle else await asyncio.open_connection(HOST, self.port)
        try:
            yield stream
        except BaseException:
            stream[1].close()
            raise
        self._idle.append(stream)

    async def ask(self, request: bytes) -> str:
        """Send a request and return its status, or the name of what went wrong."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self.one() as (reader, writer):
                writer.write(request)
                return await read_answer(reader)
        except (OSError, EOFError, TimeoutError) as error:
            return type(error).__name__

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()


async def read_answer(reader: asyncio.StreamReader) -> str:
    """Read a whole answer that says its length, and return its status. Raises EOFError."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, length = head.partition(b"content-length:")
    await reader.readexactly(int(length.split(b"\r\n", 1)[0]))
    return head.split(b" ", 2)[1].decode()


def request(method: str, path: str, *, token: str = "", body: str = "", **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {len(body.encode())}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += ["Content-Type: application/json"] if body else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def webhook() -> bytes:
    return request("POST", notices.PATH, body=next(notices.bodies(1, MANY)))


def call(customers: Sequence[Customer]) -> bytes:
    """Two reads for each transfer, by any of them."""
    payer, payee = random.sample(customers, 2)
    transfer = json.dumps({"source": payer.wallet, "destination": payee.wallet, "amount": "0.01"})
    key = f"{random.getrandbits(64):016x}"
    return random.choice(
        [
            request("GET", "/api/v1/wallets", token=payer.token),
            request("GET", "/api/v1/transactions?limit=20", token=payer.token),
            request("POST", "/api/v1/transfers", token=payer.token, body=transfer, Idempotency_Key=key),
        ]
    )


async def at_pace(per_second: float, until: float, ask: Callable[[], Awaitable[str]], seen: Seen) -> None:
    """Begin a request whenever one is due, and wait for all of them at the end."""

    async def timed(due: float) -> None:
        status = await ask()
        seen.add(status, (time.monotonic() - due) * 1000)

    due, running = time.monotonic(), set()
    while due < until:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        running.add(asyncio.create_task(timed(due)))
        due += 1 / per_second
    await asyncio.gather(*running)


async def traffic(port: int, customers: Sequence[Customer], seconds: float) -> dict[str, Seen]:
    """Webhooks, calls and a readiness probe a second, for so long."""
    connections, until = Connections(port), time.monotonic() + seconds
    seen = {"webhooks": Seen(), "calls": Seen(), "ready": Seen()}
    await asyncio.gather(
        at_pace(WEBHOOKS_PER_SECOND, until, lambda: connections.ask(webhook()), seen["webhooks"]),
        at_pace(CALLS_PER_SECOND, until, lambda: connections.ask(call(customers)), seen["calls"]),
        at_pace(1, until, lambda: connections.ask(request("GET", "/health/ready")), seen["ready"]),
    )
    connections.close()
    return seen


def run(port: int, customers: Sequence[Customer], seconds: float) -> dict[str, Seen]:
    """The same for a program without an event loop."""
    return uvloop.run(traffic(port, customers, seconds))
