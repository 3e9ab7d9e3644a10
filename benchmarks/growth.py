"""The same work on books of different length: 10^4, 10^6 and 10^7 postings, in turn."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from benchmarks import load, notices, servers
from benchmarks.databases import ADMIN_LOGIN, BUSY_LOGIN, FIRST_WALLET, MANY, Databases, token
from benchmarks.throughput import PREPARED, ShowProgress, Unsound, measured_post

FULL = (10_000, 1_000_000, 10_000_000)
QUICK = (10_000, 100_000)
#: Rows that one statement adds.
CHUNK = 250_000
#: The house's checkpoint is as far behind in all of them: half of what it may be
#: (payments.ledger.booking.house.LONG_TAIL).
TAIL = 10_000
CONNECTIONS = 64
READ_SECONDS = 3.0
#: Books up to this length are copied for each run, so that they are as long in every round.
COPIED = 1_000_000
#: What is read, and who reads it. The busy wallet holds a tenth of all postings, and its owner reads the newest.
READS = {
    "wallet": (f"/api/v1/wallets/{FIRST_WALLET}", BUSY_LOGIN),
    "transactions page": ("/api/v1/transactions?limit=50", BUSY_LOGIN),
    "statement page": (f"/api/v1/wallets/{FIRST_WALLET}/statement?from=2025-01-01&limit=50", BUSY_LOGIN),
    "house balances": ("/api/v1/wallets?house=clearing", ADMIN_LOGIN),
}


def database(size: int) -> str:
    return f"bench_growth_{size}"


class Growth:
    def __init__(self, databases: Databases, sizes: Sequence[int], *, show_progress: ShowProgress) -> None:
        self.databases = databases
        self.sizes = sizes
        self._show_progress = show_progress

    def fill(self) -> dict[str, str]:
        """Make the books, and have check_ledger look at every row of them. Raises CalledProcessError."""
        checks = {}
        for size in self.sizes:
            self._show_progress(f"filling in {size:,} postings …")
            name = database(size)
            self.databases.make_till(name)
            self._add(name, 0, size - TAIL)
            servers.manage(self.databases.postgres.url(name), self.databases.folder, "checkpoint_house")
            self._add(name, size - TAIL, size)
            self.databases.postgres.run_file(name, "till_settle.sql")
            if not self.databases.stored("till", name).is_sound:
                raise Unsound(name)
            checks[str(size)] = self.databases.check_ledger(name)
        return checks

    def _add(self, name: str, after: int, upto: int) -> None:
        for start in range(after, upto, CHUNK):
            self.databases.fill_till(name, after=start, upto=min(start + CHUNK, upto))

    def reads(self, *, rounds: int, seconds: float = READ_SECONDS) -> list[dict[str, Any]]:
        """Return the latencies of one reader, alone."""
        open_ = {size: self._serve(size, database(size)) for size in self.sizes}
        try:
            tokens = {
                (size, login): token(server.url, login)
                for size, server in open_.items()
                for login in (BUSY_LOGIN, ADMIN_LOGIN)
            }
            return [
                self._read(size, what, open_[size].url, tokens[size, READS[what][1]], number, seconds)
                for number in range(1, rounds + 1)
                for what in READS
                for size in self.sizes
            ]
        finally:
            for server in open_.values():
                server.stop()

    def _read(self, size: int, what: str, url: str, access: str, number: int, seconds: float) -> dict[str, Any]:
        seen = load.get(url + READS[what][0], access, seconds=seconds)
        if not seen.is_clean:
            raise Unsound(f"{what} with {size}: {seen}")
        self._show_progress(f"{number} {what:<18} {size:>12,} postings  p50 {seen.p50_us / 1000:.2f} ms"
                  f"  p99 {seen.p99_us / 1000:.2f} ms")  # fmt: skip
        return {"read": what, "postings": size, "round": number, **seen.as_json()}

    def writes(self, *, rounds: int, seconds: float) -> list[dict[str, Any]]:
        """Return the fast path's throughput, with books as long in every round where copying them is cheap."""
        return [
            {"postings": size, "round": number, **self._write(size, number, seconds)}
            for number in range(1, rounds + 1)
            for size in self.sizes
        ]

    def _write(self, size: int, number: int, seconds: float) -> dict[str, Any]:
        name = database(size)
        if size <= COPIED:
            name = "bench_growth_copy"
            self.databases.postgres.create(name, template=database(size))
        server = self._serve(size, name)
        try:
            notices.write(self.databases.notices_file, round(seconds * PREPARED["till"]), MANY)
            send = partial(load.post, server.url, self.databases.notices_file, connections=CONNECTIONS, seconds=seconds)
            send_briefly = partial(
                load.post, server.url, self.databases.notices_file, connections=CONNECTIONS, seconds=1
            )
            measured_post(self.databases, name, server, send_briefly, connections=CONNECTIONS)
            notices.write(self.databases.notices_file, round(seconds * PREPARED["till"]), MANY)
            run = measured_post(self.databases, name, server, send, connections=CONNECTIONS)
        finally:
            server.stop()
        self._show_progress(f"{number} throughput         {size:>12,} postings  {run['per_second']:>9,.0f}/s")
        return run

    def _serve(self, size: int, name: str) -> servers.Server:
        return servers.till(f"growth-{size}", self.databases.postgres.url(name), self.databases.folder).start()


def measure(
    databases: Databases,
    sizes: Sequence[int],
    *,
    rounds: int,
    seconds: float,
    read_seconds: float,
    show_progress: ShowProgress,
) -> dict[str, Any]:
    growth = Growth(databases, sizes, show_progress=show_progress)
    checks = growth.fill()
    return {
        "sizes": list(sizes),
        "checks": checks,
        "reads": growth.reads(rounds=rounds, seconds=read_seconds),
        "writes": growth.writes(rounds=rounds, seconds=seconds),
        "checks_after": {str(sizes[-1]): databases.check_ledger(database(sizes[-1]))},
    }
