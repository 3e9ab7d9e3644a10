"""`python -m benchmarks.events`: what a webhook costs with the relay or a worker beside it and without, A B A B.

CPU is that of service, PostgreSQL and the relay, until each event of the run has its position. With `--before COMMIT`
an earlier Till, which has no events, is a contestant too. At the end `check_ledger` recomputes the books.
"""

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import load, machine, notices, servers
from benchmarks.databases import MANY, Databases
from benchmarks.report import HERE
from benchmarks.throughput import PREPARED, WARM_SECONDS, Scenario, credited_once, in_turn, per_request, with_cpu

#: Till by itself comes first: the others are compared with it.
CONTESTANTS = ("till", "relay", "listener")
BEFORE = "before"
STARTING_SECONDS = 6
#: Whose CPU counts; the load generator's does not.
PARTS = ("server", "postgres", "helper")
CAUGHT_UP = """
SELECT (SELECT last_position FROM payments_eventrelay) >= (SELECT count(*) FROM payments_posting)
    + (SELECT count(*) FROM payments_outboxevent)
"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each contestant (5)")
    parser.add_argument("--seconds", type=float, default=10, help="of each run (10)")
    parser.add_argument("--connections", type=int, default=64, help="that send webhooks (64)")
    parser.add_argument("--before", metavar="COMMIT", help="serve this commit in turn with what is here")
    parser.add_argument("--folder", type=Path, default=HERE.parent / "var" / "bench", help="for PostgreSQL and logs")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    print(f"load before: {os.getloadavg()[0]:.2f}", flush=True)
    with Databases(given.folder).open() as databases:
        contest = EventContest(databases, given.before)
        try:
            contest.start()
            runs = contest.play(given)
            print(", ".join(f"{name}: {contest.check(name)}" for name in contest.servers))
        finally:
            contest.stop()
    for name in contest.servers:
        print(compared(runs, name))
    return 0


class EventContest:
    """Each contestant serves a database of its own, which grows from run to run."""

    def __init__(self, databases: Databases, before: str | None) -> None:
        self.databases = databases
        roots = dict.fromkeys(CONTESTANTS, servers.ROOT)
        if before:
            roots[BEFORE] = servers.earlier(databases.folder, before)
        self.roots = roots
        self.servers: dict[str, servers.Server] = {}

    def start(self) -> None:
        for name, root in self.roots.items():
            self.databases.make_till(_database(name), root)
            url = self.databases.postgres.url(_database(name))
            self.servers[name] = servers.till(f"events-{name}", url, self.databases.folder, root)
            self.servers[name].start()

    def stop(self) -> None:
        for server in self.servers.values():
            server.stop()

    def play(self, given: argparse.Namespace) -> list[dict[str, Any]]:
        scenario = Scenario("many", given.connections, tuple(self.servers))
        for name in self.servers:
            self._play(name, scenario, seconds=WARM_SECONDS)
        play = partial(self._play, seconds=given.seconds)
        return in_turn([scenario], play, rounds=given.rounds, show_progress=partial(print, flush=True))

    def check(self, name: str) -> str:
        return self.databases.check_ledger(_database(name), self.roots[name])

    def _play(self, name: str, scenario: Scenario, *, seconds: float) -> dict[str, Any]:
        database, server = _database(name), self.servers[name]
        notices.write(self.databases.notices_file, round(seconds * PREPARED["till"]), MANY, repeats=False)
        send = partial(load.post, server.url, self.databases.notices_file, connections=scenario.connections,
                       seconds=seconds)  # fmt: skip
        before = self.databases.stored("till", database)
        delivered = self._delivered(name)
        with beside(self.databases, name) as helper:
            (sent, of_helper), cpu = with_cpu(self.databases, server, database, partial(self._send, name, send, helper))
        credited = credited_once(self.databases, "till", database, before, sent, connections=scenario.connections)
        figures = per_request(cpu | {"helper": of_helper}, sent.requests)
        delivered = self._delivered(name) - delivered
        return {**sent.as_json(), "credited": credited, "delivered": delivered, "cpu_us": figures}

    def _delivered(self, name: str) -> int:
        if name != "listener":
            return 0
        delivered = "SELECT count(*) FROM payments_eventdelivery WHERE status = 'delivered'"
        return int(self.databases.postgres.row(_database(name), delivered)[0])

    def _send(self, name: str, send: Any, helper: int | None) -> tuple[load.Load, float]:
        """Send, and let the process beside it finish: what it puts off would be nobody's. Return its CPU seconds."""
        before = machine.cpu_seconds(helper) if helper else 0.0
        sent = send()
        while helper and not self.databases.postgres.row(_database(name), CAUGHT_UP)[0]:
            time.sleep(0.05)
        return sent, machine.cpu_seconds(helper) - before if helper else 0.0


@contextmanager
def beside(databases: Databases, name: str) -> Iterator[int | None]:
    """Run what this contestant has beside the service, and yield the process whose CPU counts."""
    programs = {"relay": [["benchmarks/relay_loop.py"]], "listener": _listener()}.get(name, [])
    environment = servers.till_environment(databases.postgres.url(_database(name)), databases.folder)
    environment = {**os.environ, **environment, "PYTHONPATH": str(servers.ROOT), "TILL_MAIL_ACTIVATION_LINK": "0"}
    processes = []
    try:
        for words in programs:
            processes.append(subprocess.Popen([sys.executable, *words], cwd=servers.ROOT, env=environment))
            time.sleep(STARTING_SECONDS)  # they start before the run
        yield processes[-1].pid if processes else None
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()


def _listener() -> list[list[str]]:
    """A program that receives events, and the worker that sends them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [["benchmarks/listener.py", str(port)], ["manage.py", "worker", "--skip-checks"]]


def compared(runs: list[dict[str, Any]], name: str) -> str:
    """A line: the medians of a contestant, and of its ratios to Till by itself in each round."""
    own = {run["round"]: run for run in runs if run["contestant"] == name}
    till = {run["round"]: run for run in runs if run["contestant"] == CONTESTANTS[0]}
    speed = median(own[number]["per_second"] / till[number]["per_second"] for number in own)
    cpu, of_both = (
        median(_cpu(own[number], parts) / _cpu(till[number], parts) for number in own) for parts in (PARTS, PARTS[:2])
    )
    parts = ", ".join(f"{who} {median(run['cpu_us'][who] for run in own.values()):.0f}" for who in PARTS)
    share = median(run["delivered"] / run["requests"] for run in own.values())
    return (
        f"{name:<8} {median(run['per_second'] for run in own.values()):>8,.0f}/s (x {speed:.3f})"
        f"  CPU {median(map(_cpu, own.values())):.1f} µs (x {cpu:.3f}: {parts}; server and postgres x {of_both:.3f})"
        f"{f', {share:.0%} of the events delivered meanwhile' if share else ''}"
    )


def _cpu(run: dict[str, Any], parts: Sequence[str] = PARTS) -> float:
    return float(sum(run["cpu_us"][who] for who in parts))


def _database(name: str) -> str:
    return f"bench_events_{name}"


if __name__ == "__main__":
    sys.exit(main())
