"""What users ask of the API, in turn with pgbench and django-hordak; and webhooks beside it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import neighbours, peer, servers
from benchmarks.databases import FIRST_WALLET, HOT, MANY, Databases
from benchmarks.throughput import (
    PGBENCH_CLIENTS,
    Scenario,
    ShowProgress,
    in_turn,
    measured_pgbench,
)
from benchmarks.user_load import Contestant, UserLoad, measured
from benchmarks.user_requests import PRICE, PRODUCTS, READERS, SIGNED_IN, WORKLOADS, Tokens

PGBENCH = "double_entry_one"
#: Deposits that fill the wallets: a tenth of them is the readers' history, of the others each wallet gets one.
HISTORY = 10_000
#: Of each deposit: nobody runs out of money.
DEPOSITED = 1_000_000
WARM_SECONDS = 1
#: Scenarios that are no workload of users: webhooks by themselves, and both side by side.
WEBHOOKS, STEADY, STEADY_BESIDE, STORM = "webhooks", "steady", "steady_beside", "storm"
NAMES = (*WORKLOADS, WEBHOOKS, STEADY, STEADY_BESIDE, STORM)
#: `before` is an earlier Till, where one is named.
TILLS = ("till", "before")
EVERYBODY = (*TILLS, "hordak", PGBENCH)
#: Who does what at 16 connections. hordak sells nothing. pgbench has nobody who logs in or spends from one wallet.
AT_16 = {
    "transfers": EVERYBODY,
    "into_one": EVERYBODY,
    "from_one": (*TILLS, "hordak"),
    "purchases": (*TILLS, PGBENCH),
    "one_product": (*TILLS, PGBENCH),
    "wallet": EVERYBODY,
    "page": EVERYBODY,
    "login": TILLS,
}
FULL = (
    *(Scenario(workload, 16, contestants) for workload, contestants in AT_16.items()),
    *(
        Scenario(workload, connections, tuple(name for name in contestants if name in ("till", "hordak")))
        for connections in (1, 64)
        for workload, contestants in AT_16.items()
    ),
    Scenario(WEBHOOKS, neighbours.SENDERS, (*TILLS, PGBENCH)),
    Scenario(STEADY, 0, TILLS),
    Scenario(STEADY_BESIDE, neighbours.SENDERS, TILLS),
    Scenario(STORM, 16, TILLS),
)
WEBHOOK_RUNS = {
    WEBHOOKS: neighbours.webhooks,
    STEADY: neighbours.steady_webhooks,
    STEADY_BESIDE: neighbours.steady_beside_users,
}
#: A quick measurement has these at 16 connections, and one wallet at one.
QUICK = ("transfers", "into_one", "purchases", "one_product", "wallet", "page")


def scenarios(*, quick: bool, names: Sequence[str] | None, has_earlier: bool) -> Iterator[Scenario]:
    """What is to be measured: of these names if there are any. A quick measurement leaves hordak out."""
    left_out = {name for name, is_out in (("hordak", quick), ("before", not has_earlier)) if is_out}
    for scenario in FULL:
        is_short = scenario.connections == 16 or scenario.name == "wallet-1" or scenario.workload not in WORKLOADS
        contestants = tuple(name for name in scenario.contestants if name not in left_out)
        if scenario.workload in (names or (QUICK if quick else NAMES)) and contestants and (is_short or not quick):
            yield replace(scenario, contestants=contestants)


class UserContest:
    """The contestants of these scenarios, each with a database of its own that grows from run to run."""

    def __init__(self, databases: Databases, chosen: Iterable[Scenario], *, earlier: str | None = None) -> None:
        self.databases = databases
        self.scenarios = list(chosen)
        self._earlier = earlier
        self._contestants: dict[str, Contestant] = {}

    def __enter__(self) -> "UserContest":
        names = {name for scenario in self.scenarios for name in scenario.contestants}
        folder = self.databases.folder
        try:
            if "till" in names:
                self._contestants["till"] = self._make_till("till", servers.ROOT)
            if "before" in names and self._earlier:
                self._contestants["before"] = self._make_till("before", servers.earlier(folder, self._earlier))
            if "hordak" in names:
                self._contestants["hordak"] = self._make_hordak()
            if PGBENCH in names:
                self.databases.make_double_entry(f"bench_{PGBENCH}")
            for contestant in self._contestants.values():
                contestant.server.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for contestant in self._contestants.values():
            contestant.server.stop()

    def _make_till(self, name: str, root: Path) -> Contestant:
        database, folder = f"bench_users_{name}", self.databases.folder
        url = self.databases.postgres.url(database)
        self.databases.make_till(database, root)
        self.databases.fill_till(database, after=0, upto=HISTORY, amount=DEPOSITED, busy=READERS)
        self.databases.postgres.run_file(
            database, "till_users_sell.sql", first=FIRST_WALLET, signed_in=SIGNED_IN, products=PRODUCTS,
            cents=int(PRICE * 100),
        )  # fmt: skip
        tokens = servers.user_tokens(url, folder, first=FIRST_WALLET, count=SIGNED_IN, root=root)
        server = servers.till(f"users-{name}", url, folder, root)
        return Contestant(database, "till", "till", server, Tokens([f"Bearer {token}" for token in tokens]), root)

    def _make_hordak(self) -> Contestant:
        database = "bench_users_hordak"
        self.databases.make_hordak(database, SIGNED_IN, HISTORY, DEPOSITED, READERS)
        server = servers.hordak("users-hordak", self.databases.postgres.url(database), self.databases.folder)
        return Contestant(database, "hordak", "hordak_users", server, Tokens(peer.user_tokens(FIRST_WALLET, SIGNED_IN)))

    def play(self, *, rounds: int, seconds: float, show_progress: ShowProgress) -> list[dict[str, Any]]:
        """Return every run. Raises Unsound, or what a load generator raises."""
        for name, workload in {
            (name, scenario.workload): None
            for scenario in self.scenarios
            for name in scenario.contestants
            if name in self._contestants and scenario.workload in WORKLOADS
        }:
            self._play(name, Scenario(workload, 16, ()), seconds=WARM_SECONDS)
        return in_turn(self.scenarios, partial(self._play, seconds=seconds), rounds=rounds, show_progress=show_progress)

    def check(self) -> dict[str, str]:
        """Recompute the books of every Till."""
        return {
            name: self.databases.check_ledger(contestant.database, contestant.root)
            for name, contestant in self._contestants.items()
            if contestant.kind == "till"
        }

    def _play(self, name: str, scenario: Scenario, *, seconds: float) -> dict[str, Any]:
        if name == PGBENCH:
            return self._pgbench(scenario, seconds=seconds)
        contestant = self._contestants[name]
        if scenario.workload in WORKLOADS:
            user_load = UserLoad(self.databases, contestant, scenario.workload, connections=scenario.connections)
            return measured(user_load, seconds=seconds)
        if scenario.workload == STORM:
            return neighbours.transfers_in_a_storm(self.databases, contestant, scenario.connections, seconds)
        return WEBHOOK_RUNS[scenario.workload](self.databases, contestant, seconds)

    def _pgbench(self, scenario: Scenario, *, seconds: float) -> dict[str, Any]:
        wallets = HOT if scenario.workload == "into_one" else MANY
        variables = {"first": wallets.first, "last": wallets.last}
        return measured_pgbench(self.databases, PGBENCH, clients=PGBENCH_CLIENTS, seconds=seconds, variables=variables)
