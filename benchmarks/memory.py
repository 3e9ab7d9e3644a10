"""What the workers hold: under senders that trickle, when the queue is full, and over a long soak."""

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import load, machine, notices, servers
from benchmarks.databases import FIRST_WALLET, HOT, MANY, Databases
from benchmarks.throughput import PREPARED, ShowProgress, Unsound, measured_post, stored_at_last

DATABASE = "bench_memory"
TRICKLING = 200
TRICKLE_PAUSE_SECONDS = 0.5
#: More than both workers' queues take: payments.webhooks.receiving.group_commit.MAX_WAITING each.
FULL_QUEUE_SENDERS = 5_000
FULL_QUEUE_SECONDS = 6.0
HELD_SECONDS = 4.0
AFTERWARDS_SECONDS = 1.0
SOAK_RUN_SECONDS = 20.0
CONNECTIONS = 64
WATCH_SECONDS = 0.2


class Watch:
    """The largest resident memory of any worker, looked at several times a second."""

    def __init__(self, server: servers.Server) -> None:
        self._workers = server.workers
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.peak_mb = 0.0

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(WATCH_SECONDS):
            self.peak_mb = max(self.peak_mb, now_mb(self._workers))


def now_mb(workers: set[int]) -> float:
    """The larger of the workers."""
    return max(machine.resident_mb(workers).values(), default=0.0)


class Memory:
    def __init__(self, databases: Databases, server: servers.Server, *, show_progress: ShowProgress) -> None:
        self.databases = databases
        self.server = server
        self._show_progress = show_progress

    def trickle(self, *, seconds: float) -> dict[str, Any]:
        """Two hundred senders that never finish beside honest ones, who must not notice. Raises Unsound."""
        with Watch(self.server) as watch, trickling_senders(self.server.port):
            run = self._run(seconds)
        self._show_progress(f"200 trickling senders: {run['per_second']:,.0f}/s beside them, {watch.peak_mb:.0f} MB")
        return {"connections": TRICKLING, "peak_mb": round(watch.peak_mb, 1), "beside": run}

    def full_queue(self) -> dict[str, Any]:
        """Hold the one wallet that everybody credits: the queues fill up, the rest is asked to come back."""
        may_open = raise_file_limit()
        senders = min(FULL_QUEUE_SENDERS, may_open - 100)
        notices.write(self.databases.notices_file, 200_000, HOT)
        with Watch(self.server) as watch, held(self.databases):
            seen = load.post(
                self.server.url, self.databases.notices_file, connections=senders, seconds=FULL_QUEUE_SECONDS
            )
        stored_at_last(self.databases, "till", DATABASE)
        if not self.databases.stored("till", DATABASE).is_sound:
            raise Unsound("a full queue lost or doubled something")
        self._run(AFTERWARDS_SECONDS)  # raises unless everybody is served again
        self._show_progress(
            f"full queue: {senders:,} senders, {seen.refused:,} asked to come back, {watch.peak_mb:.0f} MB"
        )
        return {"connections": senders, "peak_mb": round(watch.peak_mb, 1), "load": seen.as_json()}

    def soak(self, *, minutes: float) -> dict[str, Any]:
        """Full load for so long; the memory of the larger worker after each run."""
        workers, began = self.server.workers, time.monotonic()
        self._run(min(SOAK_RUN_SECONDS, minutes * 60))
        points = [{"seconds": time.monotonic() - began, "mb": now_mb(workers)}]
        while time.monotonic() - began < minutes * 60:
            run = self._run(SOAK_RUN_SECONDS)
            points.append({"seconds": time.monotonic() - began, "mb": now_mb(workers), "rate": run["per_second"]})
            self._show_progress(
                f"soak: {points[-1]['seconds'] / 60:.1f} min, {run['per_second']:,.0f}/s, {points[-1]['mb']:.0f} MB"
            )
        if self.server.workers != workers:
            raise Unsound("a worker was replaced during the soak")
        return {"minutes": minutes, "first_mb": points[0]["mb"], "last_mb": points[-1]["mb"], "points": points}

    def _run(self, seconds: float) -> dict[str, Any]:
        notices.write(self.databases.notices_file, round(seconds * PREPARED["till"]), MANY)
        return measured_post(
            self.databases, DATABASE, self.server,
            lambda: load.post(self.server.url, self.databases.notices_file, connections=CONNECTIONS, seconds=seconds),
            connections=CONNECTIONS,
        )  # fmt: skip


def measure(databases: Databases, *, minutes: float, seconds: float, show_progress: ShowProgress) -> dict[str, Any]:
    databases.make_till(DATABASE)
    server = servers.till("memory", databases.postgres.url(DATABASE), databases.folder).start()
    memory = Memory(databases, server, show_progress=show_progress)
    try:
        idle = now_mb(server.workers)
        result = {
            "idle_mb": idle,
            "soak": memory.soak(minutes=minutes),
            "trickling": memory.trickle(seconds=seconds),
            "full_queue": memory.full_queue(),
        }
    finally:
        server.stop()
    return {**result, "checks": databases.check_ledger(DATABASE)}


@contextmanager
def trickling_senders(port: int) -> Iterator[None]:
    """Senders of notices that promise a body and bring a byte of it now and then."""
    head = f"POST {notices.PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n"
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(TRICKLING)]
    over = threading.Event()

    def trickle() -> None:
        while not over.wait(TRICKLE_PAUSE_SECONDS):
            for connection in connections:
                connection.send(b" ")

    for connection in connections:
        connection.send(head.encode())
    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for connection in connections:
            connection.close()


@contextmanager
def held(databases: Databases) -> Iterator[None]:
    """Hold the hot wallet's row for a while, beginning now."""

    def hold() -> None:
        with databases.postgres.connect(DATABASE) as connection, connection.transaction():
            connection.execute("SELECT FROM payments_wallet WHERE id = %s FOR UPDATE", [FIRST_WALLET])
            time.sleep(HELD_SECONDS)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def raise_file_limit() -> int:
    """Let this program and its children open as many files as the system allows; return how many that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed
