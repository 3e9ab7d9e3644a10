"""What users ask of the API, in turn with pgbench: transfers, purchases, a wallet, a page of history."""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any

from benchmarks import bookings, load, servers, user_requests
from benchmarks.databases import FIRST_WALLET, HOT, MANY, Databases
from benchmarks.throughput import (
    PGBENCH_CLIENTS,
    WARM_SECONDS,
    Scenario,
    ShowProgress,
    Unsound,
    in_turn,
    measured_pgbench,
    per_request,
    stored_at_last,
    with_cpu,
)
from benchmarks.user_requests import PRICE, PRODUCTS, SIGNED_IN, WORKLOADS, Tokens

DATABASE = "bench_users"
PGBENCH = "double_entry_one"
#: Deposits that fill the wallets: a tenth of them is the reader's history, the others are one for each wallet.
HISTORY = 10_000
#: Of each deposit: nobody runs out of money.
DEPOSITED = 1_000_000
BOTH = ("till", PGBENCH)
FULL = tuple(Scenario(workload, connections, BOTH) for connections in (16, 1, 64) for workload in WORKLOADS)
#: Every figure of the table, and nothing else.
QUICK = (
    *(
        Scenario(workload, 16, BOTH)
        for workload in ("transfers", "into_one", "purchases", "one_product", "wallet", "page")
    ),
    Scenario("wallet", 1, ("till",)),
)


class UserContest:
    """The contestants, each with a database of its own that grows from run to run."""

    def __init__(self, databases: Databases) -> None:
        self.databases = databases
        self._servers: dict[str, servers.Server] = {}
        self._tokens: dict[str, Tokens] = {}

    def __enter__(self) -> "UserContest":
        url, folder = self.databases.postgres.url(DATABASE), self.databases.folder
        self._make_till()
        self.databases.make_double_entry(f"bench_{PGBENCH}")
        self._tokens["till"] = Tokens(
            [f"Bearer {token}" for token in servers.user_tokens(url, folder, first=FIRST_WALLET, count=SIGNED_IN)]
        )
        self._servers["till"] = servers.till("users", url, folder).start()
        return self

    def __exit__(self, *_error: object) -> None:
        for server in self._servers.values():
            server.stop()

    def _make_till(self) -> None:
        self.databases.make_till(DATABASE)
        self.databases.fill_till(DATABASE, after=0, upto=HISTORY, amount=DEPOSITED)
        self.databases.postgres.run_file(
            DATABASE, "till_users_sell.sql", first=FIRST_WALLET, signed_in=SIGNED_IN, products=PRODUCTS,
            cents=int(PRICE * 100),
        )  # fmt: skip

    def play(
        self, scenarios: Sequence[Scenario], *, rounds: int, seconds: float, show_progress: ShowProgress
    ) -> list[dict[str, Any]]:
        """Return every run. Raises Unsound, or what a load generator raises."""
        for workload in dict.fromkeys(scenario.workload for scenario in scenarios):
            self._ask("till", Scenario(workload, 16, ()), seconds=min(WARM_SECONDS, seconds))
        return in_turn(scenarios, partial(self._play, seconds=seconds), rounds=rounds, show_progress=show_progress)

    def check(self) -> dict[str, str]:
        """Recompute the books of Till."""
        return {"till": self.databases.check_ledger(DATABASE)}

    def _play(self, contestant: str, scenario: Scenario, *, seconds: float) -> dict[str, Any]:
        if contestant in self._servers:
            return self._ask(contestant, scenario, seconds=seconds)
        wallets = HOT if scenario.workload == "into_one" else MANY
        variables = {"first": wallets.first, "last": wallets.last}
        return measured_pgbench(
            self.databases, contestant, clients=PGBENCH_CLIENTS, seconds=seconds, variables=variables
        )

    def _ask(self, kind: str, scenario: Scenario, *, seconds: float) -> dict[str, Any]:
        """Send the requests of a workload, and see that what is stored is what was answered. Raises Unsound."""
        server, workload, prefix = self._servers[kind], WORKLOADS[scenario.workload], f"{secrets.token_hex(8)}-"
        prepared = workload.prepare(self._tokens[kind])
        user_requests.write(self.databases.notices_file, prepared)
        count = partial(bookings.count, self.databases, DATABASE, kind, workload.books)
        before = count()
        send = partial(load.ask, server.url, self.databases.notices_file, prefix, connections=scenario.connections,
                       seconds=seconds)  # fmt: skip
        sent, cpu = with_cpu(self.databases, server, DATABASE, send)
        stored = stored_at_last(self.databases, "till", DATABASE)
        problem = bookings.disagreement(
            sent, bookings.of_run(self.databases, DATABASE, kind, workload.books, prefix), prepared,
            added=count() - before, prefix=prefix, connections=scenario.connections,
        )  # fmt: skip
        if problem or not stored.is_sound:
            raise Unsound(f"{scenario.name}: {problem or 'balances and postings differ'}; {sent}")
        return {**sent.as_json(), "cpu_us": per_request(cpu, sent.requests)}
