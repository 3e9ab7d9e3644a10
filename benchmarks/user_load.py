"""One run of what users ask: prepared, sent, and compared with what is stored afterwards."""

import json
import secrets
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import bookings, load, servers, user_requests
from benchmarks.databases import Databases
from benchmarks.throughput import Unsound, per_request, unchanging, with_cpu
from benchmarks.user_requests import WORKLOADS, Tokens, UserRequest


@dataclass(frozen=True)
class Contestant:
    """`kind` says in whose words its bookings are counted, `stored` in whose words all that is stored."""

    database: str
    kind: str
    stored: str
    server: servers.Server
    tokens: Tokens
    root: Path = servers.ROOT


class UserLoad:
    """The requests of this workload, through so many connections."""

    def __init__(self, databases: Databases, contestant: Contestant, workload: str, *, connections: int) -> None:
        self.databases, self.contestant, self.connections = databases, contestant, connections
        self._workload = WORKLOADS[workload]
        self._prefix = f"{secrets.token_hex(8)}-"
        self._prepared = self._workload.prepare(contestant.tokens)
        self._file = databases.folder / f"requests-{workload}.txt"
        user_requests.write(self._file, self._prepared)
        self._before = self._count()

    def send(self, seconds: float) -> load.Load:
        return load.ask(
            self.contestant.server.url, self._file, self._prefix, connections=self.connections,
            seconds=seconds,
        )  # fmt: skip

    def check(self, sent: load.Load) -> None:
        """See that what is stored is what was answered. Raises Unsound."""
        contestant = self.contestant
        self._file.unlink()
        added = unchanging(self._count) - self._before
        booked = bookings.of_run(
            self.databases, contestant.database, contestant.kind, self._workload.books, self._prefix
        )
        problem = bookings.disagreement(
            sent, booked, self._prepared, added=added, prefix=self._prefix, connections=self.connections
        )
        if problem or not self.databases.stored(contestant.stored, contestant.database).is_sound:
            raise Unsound(
                f"{contestant.database}, {self._workload.title}: {problem or 'balances and postings differ'}; {sent}"
            )
        is_whole = self._workload.is_whole
        if is_whole and not is_whole(answer_to(contestant.server.url, self._prepared[0])):
            raise Unsound(f"{contestant.database}: {self._prepared[0].path} was answered in part")

    def _count(self) -> int:
        return bookings.count(self.databases, self.contestant.database, self.contestant.kind, self._workload.books)


def measured(user_load: UserLoad, *, seconds: float) -> dict[str, Any]:
    """Send the requests by themselves. Raises Unsound."""
    contestant = user_load.contestant
    sent, cpu = with_cpu(user_load.databases, contestant.server, contestant.database, lambda: user_load.send(seconds))
    user_load.check(sent)
    return {**sent.as_json(), "cpu_us": per_request(cpu, sent.requests)}


def answer_to(url: str, request: UserRequest) -> Any:
    """Ask once, and return what was answered. Raises urllib.error.HTTPError."""
    reading = urllib.request.Request(url + request.path, headers={"Authorization": request.authorization})
    with urllib.request.urlopen(reading) as answer:
        return json.load(answer)
