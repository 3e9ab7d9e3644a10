"""Cheap tricks against a Till on this machine's loopback, each repeated until its time is over.

Every attack runs in a process of its own and counts the answers it gets. They come from another address of the
loopback than the honest traffic, as strangers would.
"""

import asyncio
import json
import random
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import uvloop

from benchmarks import notices
from benchmarks.honest import HOST, Connections, read_answer, request

SOURCE = ("127.0.0.2", 0)
ANSWER_SECONDS = 10.0
#: Lines of the statement that `statements` reads: the attacker's wallet has so many postings.
STATEMENT_LINES = 40_000
FLOOD_BYTES = 300_000_000
#: Attackers pause after each answer, because they share two cores with what they attack. Dozens at a time pause for
#: about as long as Retry-After says. The pauses vary, so that attackers do not act in step.
PAUSE_SECONDS = 0.1
DOZENS_PAUSE_SECONDS = 1.0


@dataclass
class Target:
    """Where the attack goes, as which signed-in user, and what came back."""

    port: int
    token: str
    wallet: int
    until: float
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.until

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(HOST, self.port, local_addr=SOURCE)

    async def send(self, data: bytes, *, wait: float = ANSWER_SECONDS) -> None:
        """One request on a connection of its own."""
        try:
            async with asyncio.timeout(wait):
                reader, writer = await self.open()
                try:
                    writer.write(data)
                    await writer.drain()
                    self.statuses[await read_answer(reader)] += 1
                finally:
                    writer.close()
        except (OSError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError) as error:
            self.statuses[type(error).__name__] += 1


Attack = Callable[[Target], Awaitable[None]]


async def together(
    target: Target, number: int, act: Callable[[], Awaitable[None]], *, pause: float = PAUSE_SECONDS
) -> None:
    """So many at once, each again a moment after its answer: a faster loop would take the cores by itself."""

    async def again() -> None:
        while not target.is_over:
            await act()
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))

    await asyncio.gather(*(again() for _ in range(number)))


async def paced(target: Target, per_second: float, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
    running: set[asyncio.Task[None]] = set()
    while not target.is_over:
        running.add(asyncio.create_task(act()))
        await asyncio.sleep(1 / per_second)
    await asyncio.gather(*running)


# --- what the parser and the log read -----------------------------------------------------------------------


async def long_paths(target: Target) -> None:
    """Six at once of 60 kB, of shapes that a careless pattern reads again from each of its letters."""

    async def act() -> None:
        await target.send(request("GET", "/" + random.choice(["a.", "a-", "a+", "x@", "eyJ", "a:"]) * 30_000))

    await together(target, 6, act)


async def middling_paths(target: Target) -> None:
    """Below most servers' limits: 7.5 kB, six a second."""
    await paced(target, 6, lambda: target.send(request("GET", "/" + "a." * 3_750)))


async def header_floods(target: Target) -> None:
    """Heads that never end: short lines, one long line, one long request line."""

    async def act() -> None:
        kind = random.choice([b"a:b\r\n" * 13_000, b"a" * 65_000, b""])
        reader, writer = await target.open()
        try:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" if kind else b"GET /")
            for _ in range(FLOOD_BYTES // 65_000):
                writer.write(kind or b"a" * 65_000)
                async with asyncio.timeout(ANSWER_SECONDS):
                    await writer.drain()
                if reader.at_eof() or writer.is_closing() or target.is_over:
                    break
            target.statuses["written whole"] += 1
        finally:
            writer.close()

    async def quietly() -> None:
        try:
            await act()
        except (OSError, TimeoutError) as error:
            target.statuses[type(error).__name__] += 1

    await together(target, 4, quietly)


async def slow_heads(target: Target) -> None:
    """More connections than the usual limit of open files, each with a head that arrives byte by byte."""

    async def act() -> None:
        try:
            reader, writer = await target.open()
            writer.write(b"POST /payment/webhook HTTP/1.1\r\n")
            while not (target.is_over or reader.at_eof() or writer.is_closing()):
                writer.write(b"a")
                await asyncio.sleep(random.uniform(1, 3))
            writer.close()
        except OSError as error:
            target.statuses[type(error).__name__] += 1
            await asyncio.sleep(1)

    await together(target, 2_300, act)


# --- bodies -------------------------------------------------------------------------------------------------


def many_members(size: int) -> str:
    """An object whose last name is its first: as many bytes as asked for, about."""
    members = ",".join(f'"{number:05x}":1' for number in range(size // 11 - 2))
    return f'{{{members},"00000":1}}'


async def many_members_to_webhook(target: Target) -> None:
    body = many_members(58_000)
    await together(target, 4, lambda: target.send(request("POST", notices.PATH, body=body)))


async def many_members_to_login(target: Target) -> None:
    body = many_members(1_000_000)
    await together(target, 4, lambda: target.send(request("POST", "/api/v1/auth/login", body=body)))


# --- users --------------------------------------------------------------------------------------------------


async def logins(target: Target) -> None:
    """Four hundred at once, of users who do not exist."""

    async def act() -> None:
        body = json.dumps({"email": f"nobody{random.getrandbits(40)}@example.com", "password": "wrong-password-1"})
        await target.send(request("POST", "/api/v1/auth/login", body=body))

    await together(target, 400, act, pause=DOZENS_PAUSE_SECONDS)


async def registrations(target: Target) -> None:
    """Sixty-four at once; the mail server takes the connection and says nothing."""

    async def act() -> None:
        body = json.dumps({"email": f"new{random.getrandbits(60)}@example.com", "password": "correct-horse-battery"})
        await target.send(request("POST", "/api/v1/auth/register", body=body))

    await together(target, 64, act, pause=DOZENS_PAUSE_SECONDS)


# --- one signed-in user -------------------------------------------------------------------------------------


async def statements(target: Target) -> None:
    """Sixty of forty thousand lines, by one user who hangs up after a second or so."""
    path = f"/api/v1/wallets/{target.wallet}/statement?from=2025-01-01&format=csv"

    async def act() -> None:
        reader, writer = await target.open()
        try:
            writer.write(request("GET", path, token=target.token))
            async with asyncio.timeout(random.uniform(0.5, 1.5)):
                target.statuses[(await reader.readline()).split(b" ", 2)[1].decode()] += 1
                while await reader.read(1000):
                    await asyncio.sleep(0.2)
        finally:
            writer.close()

    async def quietly() -> None:
        try:
            await act()
        except (OSError, TimeoutError, IndexError) as error:
            target.statuses[type(error).__name__] += 1

    await together(target, 60, quietly, pause=DOZENS_PAUSE_SECONDS)


async def writes(target: Target) -> None:
    """Quotes, deposits and dry transfers by email, as many as one user gets through."""
    quote = json.dumps({"source_currency": "USD", "target_currency": "EUR", "amount": "1.00"})
    deposit = json.dumps({"wallet": target.wallet, "amount": "1000000000000000000"})
    probe = json.dumps({"source": target.wallet, "recipient": "victim@example.com", "amount": "1.00"})
    connections = Connections(target.port)

    async def act() -> None:
        key = f"{random.getrandbits(64):016x}"
        path, body = random.choice([("quotes", quote), ("deposits", deposit), ("transfers?dry_run=true", probe)])
        message = request("POST", f"/api/v1/{path}", token=target.token, body=body, Idempotency_Key=key)
        target.statuses[await connections.ask(message)] += 1

    await together(target, 8, act)
    connections.close()


# --- what anybody may read ----------------------------------------------------------------------------------


async def metrics(target: Target) -> None:
    await together(target, 4, lambda: target.send(request("GET", "/metrics")))


async def schemas(target: Target) -> None:
    """Forty at once."""
    await together(target, 40, lambda: target.send(request("GET", "/api/v1/schema")), pause=DOZENS_PAUSE_SECONDS)


ATTACKS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (
        long_paths,
        middling_paths,
        header_floods,
        slow_heads,
        many_members_to_webhook,
        many_members_to_login,
        logins,
        registrations,
        statements,
        writes,
        metrics,
        schemas,
    )
}


def play(name: str, target: Target) -> dict[str, int]:
    """Run one attack to its end and return the answers it got, by status."""
    uvloop.run(_until_over(ATTACKS[name], target))
    return dict(target.statuses)


async def _until_over(attack: Attack, target: Target) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)  # a refused write is the point
    try:
        async with asyncio.timeout(target.until - time.monotonic() + ANSWER_SECONDS):
            await attack(target)
    except TimeoutError:
        target.statuses["unanswered at the end"] += 1


def silent_mail_server() -> socket.socket:
    """A server that takes connections and never says a word. Close it when done."""
    return socket.create_server((HOST, 0), backlog=512)
