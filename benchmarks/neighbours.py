"""Webhooks by themselves and beside what users ask: what one costs the other."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvloop

from benchmarks import honest, load, notices
from benchmarks.databases import MANY, Databases
from benchmarks.throughput import PREPARED, Unsound, credited_once, measured_post, stored_at_last
from benchmarks.user_load import Contestant, UserLoad

#: Connections that send webhooks, and connections of users beside them.
SENDERS = USERS_BESIDE = 64
#: An open loop, far below what any version takes.
STEADY_PER_SECOND = 200
#: The sender's, as `nice` counts.
FIRST_PRIORITY = -10
#: A neighbour comes so many seconds before what is measured, and stays as long after it.
LEAD_SECONDS = 1.0


def webhooks(databases: Databases, contestant: Contestant, seconds: float) -> dict[str, Any]:
    """As many webhooks as it takes, and nothing else. Raises Unsound."""
    _prepare_notices(databases, seconds)
    return measured_post(
        databases, contestant.database, contestant.server, lambda: _post(databases, contestant, seconds),
        connections=SENDERS,
    )  # fmt: skip


def steady_webhooks(databases: Databases, contestant: Contestant, seconds: float) -> dict[str, Any]:
    """Some webhooks a second, by an open loop: a stall is seen by all who wait. Raises Unsound."""
    databases.postgres.begin(contestant.database)
    run = _steady(databases, contestant, seconds)
    databases.postgres.tidy(contestant.database)
    return run


def steady_beside_users(databases: Databases, contestant: Contestant, seconds: float) -> dict[str, Any]:
    """The same, while half of the users' connections log in and the others transfer. Raises Unsound."""
    loads = {
        name: UserLoad(databases, contestant, name, connections=USERS_BESIDE // 2) for name in ("login", "transfers")
    }
    databases.postgres.begin(contestant.database)
    with _beside([user_load.send for user_load in loads.values()], seconds) as neighbours:
        run = _steady(databases, contestant, seconds)
    sent = {name: neighbour.result() for name, neighbour in zip(loads, neighbours, strict=True)}
    for name, user_load in loads.items():
        user_load.check(sent[name])
    databases.postgres.tidy(contestant.database)
    return {**run, "beside": {name: answered.as_json() for name, answered in sent.items()}}


def transfers_in_a_storm(
    databases: Databases, contestant: Contestant, connections: int, seconds: float
) -> dict[str, Any]:
    """Transfers, while senders deliver as many webhooks as it takes. Raises Unsound."""
    user_load = UserLoad(databases, contestant, "transfers", connections=connections)
    _prepare_notices(databases, seconds + 2 * LEAD_SECONDS)
    before = databases.stored("till", contestant.database)
    databases.postgres.begin(contestant.database)
    with _beside([partial(_post, databases, contestant)], seconds) as neighbours:
        sent = user_load.send(seconds)
    storm = neighbours[0].result()
    credited_once(databases, "till", contestant.database, before, storm, connections=SENDERS)
    user_load.check(sent)
    databases.postgres.tidy(contestant.database)
    return {**sent.as_json(), "beside": {"webhooks": storm.as_json()}}


@contextmanager
def _beside(senders: Sequence[Callable[[float], load.Load]], seconds: float) -> Iterator[list[Future[load.Load]]]:
    """Have neighbours send, from a while before until a while after."""
    with ThreadPoolExecutor(len(senders)) as pool:
        neighbours = [pool.submit(send, seconds + 2 * LEAD_SECONDS) for send in senders]
        time.sleep(LEAD_SECONDS)
        yield neighbours


def _prepare_notices(databases: Databases, seconds: float) -> None:
    notices.write(databases.notices_file, round(seconds * PREPARED["till"]), MANY)


def _post(databases: Databases, contestant: Contestant, seconds: float) -> load.Load:
    return load.post(contestant.server.url, databases.notices_file, connections=SENDERS, seconds=seconds)


def _steady(databases: Databases, contestant: Contestant, seconds: float) -> dict[str, Any]:
    before = databases.stored("till", contestant.database).notices
    with _priority() as has_priority:
        seen = uvloop.run(_at_pace(contestant.server.port, seconds))
    after = stored_at_last(databases, "till", contestant.database)
    requests = seen.statuses.total()
    if seen.refused or after.notices - before != requests or not after.is_sound:
        raise Unsound(f"{contestant.database}: {dict(seen.statuses)}, {after.notices - before} credited")
    latencies = {f"p{part}_us": round(seen.percentile(part / 100) * 1000) for part in (50, 90, 99)}
    rate = round(requests / seconds, 1)
    return {"requests": requests, "per_second": rate, "has_priority": has_priority, **latencies}


@contextmanager
def _priority() -> Iterator[bool]:
    """Run this thread before others: it would measure how long it waits for a core. False where only root may."""
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, FIRST_PRIORITY)
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, usual)


async def _at_pace(port: int, seconds: float) -> honest.Seen:
    connections, seen = honest.Connections(port), honest.Seen()
    until = time.monotonic() + seconds
    await honest.at_pace(STEADY_PER_SECOND, until, lambda: connections.ask(honest.webhook()), seen)
    connections.close()
    return seen
