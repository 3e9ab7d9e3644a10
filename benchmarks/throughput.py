"""The contestants in turn, round after round: A B C A B C, so that the machine's moods meet them all."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks import load, machine, notices, pgbench, servers
from benchmarks.databases import HOT, MANY, Databases, Stored

WARM_SECONDS = 2
#: When nothing more was stored for so long, all that was on its way when the load generator hung up has arrived.
QUIET_SECONDS = 0.3
#: Bodies prepared for each second: more than any contestant has been seen to take, and then as much again.
PREPARED = {"till": 25_000, "before": 25_000, "till_view": 6_000, "hordak": 4_000}
PREPARED_ALONE = 6_000
WALLETS = {"many": MANY, "hot": HOT, "repeats": MANY}
PGBENCH_CLIENTS = 16


class Unsound(Exception):
    """A run that lost, doubled or refused something: its figures are worth nothing."""


@dataclass(frozen=True)
class Scenario:
    """One workload at one number of connections, and who runs it."""

    workload: str
    connections: int
    contestants: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.workload}-{self.connections}"


HTTP = ("till", "till_view", "hordak")
FULL = (
    Scenario("many", 64, (*HTTP, "double_entry_one", "double_entry_six", "till_one")),
    Scenario("many", 1, (*HTTP, "double_entry_one")),
    Scenario("many", 16, HTTP),
    Scenario("many", 256, HTTP),
    Scenario("hot", 64, (*HTTP, "double_entry_one", "till_one")),
    Scenario("repeats", 64, HTTP),
)
#: Every figure of the table, and nothing else.
QUICK = (
    Scenario("many", 64, (*HTTP, "double_entry_one", "till_one")),
    Scenario("many", 1, ("till", "double_entry_one")),
    Scenario("hot", 64, ("till", "double_entry_one")),
    Scenario("repeats", 64, ("till",)),
)
#: Till in turn with an earlier one.
BEFORE = (
    Scenario("many", 64, ("till", "before")),
    Scenario("many", 1, ("till", "before")),
    Scenario("many", 256, ("till", "before")),
)
#: pgbench's scripts, and the kind of the tables that each writes.
SCRIPTS = {"double_entry_one": "double_entry", "double_entry_six": "double_entry", "till_one": "till"}
ShowProgress = Callable[[str], None]


class Contest:
    """All contestants, each with a database of its own that grows from run to run."""

    def __init__(self, databases: Databases, *, earlier: str | None = None) -> None:
        """`earlier` is a commit: it is served in turn with what is here, and nobody else is."""
        self.databases = databases
        self._earlier = earlier
        self._servers: dict[str, servers.Server] = {}

    def __enter__(self) -> "Contest":
        databases, url = self.databases, self.databases.postgres.url
        if self._earlier:
            roots = {"till": servers.ROOT, "before": servers.earlier(databases.folder, self._earlier)}
            for name, root in roots.items():
                databases.make_till(f"bench_{name}", root)
                self._servers[name] = servers.till(name, url(f"bench_{name}"), databases.folder, root)
            return self._started()
        makers = {"till": servers.till, "till_view": servers.till_view, "hordak": servers.hordak}
        for name, serve in makers.items():
            (databases.make_hordak if name == "hordak" else databases.make_till)(f"bench_{name}")
            self._servers[name] = serve(name, url(f"bench_{name}"), databases.folder)
        for name, kind in SCRIPTS.items():
            (databases.make_till if kind == "till" else databases.make_double_entry)(f"bench_{name}")
        return self._started()

    def _started(self) -> "Contest":
        try:
            for server in self._servers.values():
                server.launch()
            for server in self._servers.values():
                server.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for server in self._servers.values():
            server.stop()

    def play(
        self, scenarios: Sequence[Scenario], *, rounds: int, seconds: float, show_progress: ShowProgress
    ) -> list[dict[str, Any]]:
        """Return every run. Raises Unsound, or what a load generator raises."""
        for name in self._servers:
            self._post(name, Scenario("many", 16, ()), seconds=min(WARM_SECONDS, seconds))
        return in_turn(scenarios, partial(self._play, seconds=seconds), rounds=rounds, show_progress=show_progress)

    def check(self) -> dict[str, str]:
        """Recompute the books of every Till."""
        names = ("till",) if self._earlier else ("till", "till_view", "till_one")
        return {name: self.databases.check_ledger(f"bench_{name}") for name in names}

    def _play(self, contestant: str, scenario: Scenario, *, seconds: float) -> dict[str, Any]:
        if contestant in self._servers:
            return self._post(contestant, scenario, seconds=seconds)
        return self._pgbench(contestant, scenario, seconds=seconds)

    def _post(self, name: str, scenario: Scenario, *, seconds: float) -> dict[str, Any]:
        server, repeats = self._servers[name], scenario.workload == "repeats"
        count = round(seconds * (PREPARED_ALONE if scenario.connections == 1 else PREPARED[name]))
        notices.write(self.databases.notices_file, count, WALLETS[scenario.workload], repeats=repeats)
        send = partial(
            load.post, server.url, self.databases.notices_file, connections=scenario.connections, seconds=seconds
        )
        kind = "hordak" if name == "hordak" else "till"
        return measured_post(self.databases, f"bench_{name}", server, send, kind=kind,
                             connections=scenario.connections, repeats=repeats)  # fmt: skip

    def _pgbench(self, contestant: str, scenario: Scenario, *, seconds: float) -> dict[str, Any]:
        database, kind = f"bench_{contestant}", SCRIPTS[contestant]
        wallets = WALLETS[scenario.workload]
        variables = {"first": wallets.first, "last": wallets.last}
        if kind == "till":
            variables |= self._till_variables(database)
        return measured_pgbench(
            self.databases, contestant, clients=min(scenario.connections, PGBENCH_CLIENTS), seconds=seconds,
            variables=variables,
        )  # fmt: skip

    def _till_variables(self, database: str) -> dict[str, int]:
        provider, clearing = self.databases.postgres.row(
            database,
            "SELECT (SELECT id FROM payments_provider WHERE slug = 'sha1_colon'),"
            " (SELECT id FROM payments_wallet WHERE house = 'clearing' AND currency_id = 'USD')",
        )
        return {"provider": provider, "clearing": clearing}


def in_turn(
    scenarios: Sequence[Scenario], play: Callable[[str, Scenario], dict[str, Any]], *, rounds: int,
    show_progress: ShowProgress,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return every run: all contestants of all scenarios, round after round."""
    runs = []
    for number in range(1, rounds + 1):
        for scenario in scenarios:
            for contestant in scenario.contestants:
                run = play(contestant, scenario)
                runs.append({"scenario": scenario.name, "contestant": contestant, "round": number, **run})
                cpu = f"  CPU {sum(run['cpu_us'].values()):,.0f} µs" if "cpu_us" in run else ""
                show_progress(f"{number}/{rounds} {scenario.name:<16} {contestant:<17} {run['per_second']:>9,.0f}/s"
                    f"  p50 {run['p50_us'] / 1000:.2f} ms  p99 {run['p99_us'] / 1000:.2f} ms{cpu}")  # fmt: skip
    return runs


def with_cpu(
    databases: Databases, server: servers.Server | None, database: str, work: Callable[[], Any]
) -> tuple[Any, dict[str, float]]:
    """Do the work, and return with it the CPU seconds that server, PostgreSQL and load generator used meanwhile."""
    databases.postgres.begin(database)

    def used() -> dict[str, float]:
        return {
            "server": machine.cpu_seconds(server.pid) if server else 0.0,
            "postgres": machine.cpu_seconds(databases.postgres.pid),
            "client": machine.own_children_cpu_seconds(),
        }

    before = used()
    done = work()
    cpu = {name: seconds - before[name] for name, seconds in used().items()}
    databases.postgres.tidy(database)
    return done, cpu


def per_request(cpu: dict[str, float], requests: int) -> dict[str, float]:
    """Microseconds of CPU for each."""
    return {name: round(seconds * 1e6 / requests, 1) for name, seconds in cpu.items()}


def measured_post(
    databases: Databases, database: str, server: servers.Server, send: Callable[[], load.Load], *,
    kind: str = "till", connections: int, repeats: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Send, and see that what is stored is what was credited. Raises Unsound."""
    before = databases.stored(kind, database)
    sent, cpu = with_cpu(databases, server, database, send)
    credited = credited_once(databases, kind, database, before, sent, connections=connections, repeats=repeats)
    return {**sent.as_json(), "credited": credited, "cpu_us": per_request(cpu, sent.requests)}


def credited_once(
    databases: Databases, kind: str, database: str, before: Stored, sent: load.Load, *, connections: int,
    repeats: bool = False,
) -> int:  # fmt: skip
    """Return how many notices were credited since `before`. Raises Unsound unless they are the ones that were sent."""
    after = stored_at_last(databases, kind, database)
    credited = after.notices - before.notices
    problem = disagreement(sent, credited, connections=connections, repeats=repeats)
    if problem or not after.is_sound:
        raise Unsound(f"{database}: {problem or 'bookings and notices, or balances and postings, differ'}; {sent}")
    return credited


def measured_pgbench(
    databases: Databases, contestant: str, *, clients: int, seconds: float, variables: dict[str, int]
) -> dict[str, Any]:
    """Run a script of pgbench, and see that what is stored is what it reports. Raises Unsound."""
    database, kind = f"bench_{contestant}", SCRIPTS[contestant]
    before = databases.stored(kind, database)
    burst, cpu = with_cpu(
        databases, None, database,
        lambda: pgbench.run(databases.postgres, database, f"{contestant}.sql", seconds=seconds, variables=variables,
                            clients=clients),
    )  # fmt: skip
    after = databases.stored(kind, database)
    if not after.is_sound or after.notices - before.notices != burst.transactions:
        raise Unsound(f"{contestant}: {burst.transactions} reported, {after.notices - before.notices} stored")
    return {**burst.as_json(), "credited": burst.transactions, "cpu_us": per_request(cpu, burst.transactions)}


def stored_at_last(databases: Databases, kind: str, database: str) -> Stored:
    """Return what is stored when nothing is on its way any more."""
    unchanging(lambda: databases.stored(kind, database).notices)
    return databases.stored(kind, database)


def unchanging(count: Callable[[], int]) -> int:
    """Return what is counted as soon as it is the same for a while."""
    while True:
        before = count()
        time.sleep(QUIET_SECONDS)
        after = count()
        if after == before:
            return after


def disagreement(sent: load.Load, credited: int, *, connections: int, repeats: bool = False) -> str:
    """Say what is wrong, or nothing. When wrk stops, each connection may still wait for one answer."""
    distinct = sent.taken - (notices.repeats_among(sent.taken) if repeats else 0)
    unanswered = connections + 1  # wrk throws the first body away
    if not sent.is_clean:
        return f"{sent.refused} refused, {sent.broken} broken, {sent.timed_out} timed out of {sent.requests}"
    if sent.requests > sent.taken or sent.taken - sent.requests > unanswered:
        return f"{sent.taken} sent, {sent.requests} answered"
    if not distinct - unanswered <= credited <= distinct:
        return f"{distinct} distinct notices sent, {credited} credited"
    return ""
