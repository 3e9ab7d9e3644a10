"""One run of `postgres`: clear away what a killed one left, start, wait until ready, stop.

Only for the holder of the supervisor's lock.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from config.embedded_postgres import binaries, initdb
from config.embedded_postgres.cluster import Cluster, EmbeddedPostgresError, choose_endpoint

# Recovery replays what was written since the last checkpoint, up to max_wal_size: a while, on a slow disk.
READY_SECONDS = 120.0
RETRY_SECONDS = 15.0
FAST_STOP_SECONDS, IMMEDIATE_STOP_SECONDS = 30.0, 5.0
POLL_SECONDS = 0.02
# The last line of postmaster.pid, by the way pg_ctl finds out.
STATUS_LINE, READY = 7, "ready"
# What it says when processes of its predecessor are still ending, or somebody else was faster with the port.
PASSING_FAILURES = ("pre-existing shared memory block", "could not create any TCP/IP sockets")


def start(cluster: Cluster, *, cancelled: Callable[[], bool]) -> subprocess.Popen[str]:
    """Returns when it accepts connections and users can find it. Raises EmbeddedPostgresError."""
    deadline = time.monotonic() + RETRY_SECONDS
    while True:
        _end_predecessor(cluster)
        endpoint = choose_endpoint(cluster)
        initdb.write_configuration(cluster, endpoint)
        logged = cluster.log_size()
        process = binaries.launch(
            cluster, "postgres", "-D", str(cluster.pgdata), "-c", f"config_file={cluster.configuration}",
            pgdata=cluster.pgdata,
        )  # fmt: skip
        if _becomes_ready(cluster, process, cancelled=cancelled):
            cluster.publish(endpoint)
            return process
        said = cluster.log_since(logged)
        passing = process.returncode == -signal.SIGKILL or any(text in said for text in PASSING_FAILURES)
        if not passing or cancelled() or time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"The embedded PostgreSQL did not start. {cluster.log_tail()}")
        _kill_orphans(cluster)
        time.sleep(POLL_SECONDS * 5)


def _becomes_ready(cluster: Cluster, process: subprocess.Popen[str], *, cancelled: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None:
        lines = _pid_file_lines(cluster)
        if lines[:1] == [str(process.pid)] and lines[STATUS_LINE:] == [READY]:
            return True
        if cancelled() or time.monotonic() > deadline:
            stop(process)
        time.sleep(POLL_SECONDS)
    return False


def stop(process: subprocess.Popen[str], *, first: signal.Signals = signal.SIGINT) -> None:
    """SIGINT is the fast, clean shutdown; harder when it takes too long. Committed data survives them all."""
    for number, seconds in (
        (first, FAST_STOP_SECONDS),
        (signal.SIGQUIT, IMMEDIATE_STOP_SECONDS),
        (signal.SIGKILL, None),
    ):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return


def _end_predecessor(cluster: Cluster) -> None:
    """Shuts down a postmaster that outlived its supervisor; a process that only got its number is let be."""
    pid = _pid_file_pid(cluster)
    for number, seconds in (
        (signal.SIGINT, FAST_STOP_SECONDS),
        (signal.SIGQUIT, IMMEDIATE_STOP_SECONDS),
        (signal.SIGKILL, IMMEDIATE_STOP_SECONDS),
    ):
        if pid is None or not _is_our_postmaster(cluster, pid):
            break
        os.kill(pid, number)
        _wait_while_alive(cluster, pid, seconds=seconds)
    _disown(cluster)
    for leftover in cluster.sockets.iterdir():
        leftover.unlink()


def _wait_while_alive(cluster: Cluster, pid: int, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while _is_our_postmaster(cluster, pid) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _is_our_postmaster(cluster: Cluster, pid: int) -> bool:
    """By its command line, which (unlike its working folder) everybody may read, also in a container."""
    return any(found == pid and f"postgres -D {cluster.pgdata} " in line for found, line in processes(pid))


def _disown(cluster: Cluster) -> None:
    """Writes our own number over the one in postmaster.pid.

    PostgreSQL refuses to start while any process of its user has that number, but takes its parent's for
    stale. Deleting the file would be simpler and wrong: it also names the shared memory that orphans may use.
    """
    path = cluster.pgdata / "postmaster.pid"
    if not path.exists():
        return
    lines = [str(os.getpid()), *_pid_file_lines(cluster)[1:]]
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")


def _kill_orphans(cluster: Cluster) -> None:
    """Children of a killed postmaster in the midst of a long query notice its death only afterwards."""
    for pid, line in processes():
        if line.startswith(f"postgres: {cluster.title}: "):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def processes(only: int | None = None) -> Iterator[tuple[int, str]]:
    """Process ids and command lines."""
    if Path("/proc/self/cmdline").exists():
        for folder in [Path(f"/proc/{only}")] if only else Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                yield int(folder.name), os.fsdecode(b" ".join(words))
        return
    ps = ["ps", "-ww", "-o", "pid=,command="] + (["-p", str(only)] if only else ["-ax"])
    listing = subprocess.run(ps, capture_output=True, text=True, check=False)  # noqa: S603 -- all constant
    for line in listing.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        yield int(pid), command


def _pid_file_lines(cluster: Cluster) -> list[str]:
    try:
        return [line.strip() for line in (cluster.pgdata / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


def _pid_file_pid(cluster: Cluster) -> int | None:
    """None without a file, or with one that was cut off. A single-user run writes it negative."""
    try:
        return abs(int(_pid_file_lines(cluster)[0]))
    except (IndexError, ValueError):
        return None
