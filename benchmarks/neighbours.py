"""Webhooks by themselves and beside what users ask: what one costs the other."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
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
    """The same, while users log in and transfer, each connection in turns. Raises Unsound."""
    user_load = UserLoad(databases, contestant, ["login", "transfers"], connections=USERS_BESIDE)
    databases.postgres.begin(contestant.database)
    with _beside(user_load.send, seconds) as neighbour:
        run = _steady(databases, contestant, seconds)
    user_load.check(neighbour.result())
    databases.postgres.tidy(contestant.database)
    return {**run, "beside": neighbour.result().as_json()}


def transfers_in_a_storm(
    databases: Databases, contestant: Contestant, connections: int, seconds: float
) -> dict[str, Any]:
    """Transfers, while senders deliver as many webhooks as it takes. Raises Unsound."""
    user_load = UserLoad(databases, contestant, ["transfers"], connections=connections)
    _prepare_notices(databases, seconds + 2 * LEAD_SECONDS)
    before = databases.stored("till", contestant.database)
    databases.postgres.begin(contestant.database)
    with _beside(lambda longer: _post(databases, contestant, longer), seconds) as storm:
        sent = user_load.send(seconds)
    credited_once(databases, "till", contestant.database, before, storm.result(), connections=SENDERS)
    user_load.check(sent)
    databases.postgres.tidy(contestant.database)
    return {**sent.as_json(), "beside": storm.result().as_json()}


@contextmanager
def _beside(send: Callable[[float], load.Load], seconds: float) -> Iterator[Future[load.Load]]:
    """Have a neighbour send, from a while before until a while after."""
    with ThreadPoolExecutor(1) as pool:
        neighbour = pool.submit(send, seconds + 2 * LEAD_SECONDS)
        time.sleep(LEAD_SECONDS)
        yield neighbour


def _prepare_notices(databases: Databases, seconds: float) -> None:
    notices.write(databases.notices_file, round(seconds * PREPARED["till"]), MANY)


def _post(databases: Databases, contestant: Contestant, seconds: float) -> load.Load:
    return load.post(contestant.server.url, databases.notices_file, connections=SENDERS, seconds=seconds)


def _steady(databases: Databases, contestant: Contestant, seconds: float) -> dict[str, Any]:
    before = databases.stored("till", contestant.database).notices
    seen = uvloop.run(_at_pace(contestant.server.port, seconds))
    after = stored_at_last(databases, "till", contestant.database)
    requests = seen.statuses.total()
    if seen.refused or after.notices - before != requests or not after.is_sound:
        raise Unsound(f"{contestant.database}: {dict(seen.statuses)}, {after.notices - before} credited")
    latencies = {f"p{part}_us": round(seen.percentile(part / 100) * 1000) for part in (50, 90, 99)}
    return {"requests": requests, "per_second": round(requests / seconds, 1), **latencies}


async def _at_pace(port: int, seconds: float) -> honest.Seen:
    connections, seen = honest.Connections(port), honest.Seen()
    until = time.monotonic() + seconds
    await honest.at_pace(STEADY_PER_SECOND, until, lambda: connections.ask(honest.webhook()), seen)
    connections.close()
    return seen
