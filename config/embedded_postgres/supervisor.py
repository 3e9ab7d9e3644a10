"""The parent of `postgres` while anybody uses it: `python -m config.embedded_postgres.supervisor TILL_DATA`.

It stops PostgreSQL and itself when nobody has held the users' lock for a few seconds, on SIGTERM, and when its folder
is gone. When PostgreSQL dies it ends, and the next connection starts another. Killed itself, it takes PostgreSQL along
(on Linux; elsewhere the next one clears up). It says `UP` or an error on standard output, closes it, and lives on.
"""

import contextlib
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from config.embedded_postgres import binaries, file_locks, initdb
from config.embedded_postgres.cluster import SOCKET_PORT, UP, Cluster, EmbeddedPostgresError, Endpoint

# Recovery replays what was written since the last checkpoint, up to max_wal_size: a while, on a slow disk.
READY_SECONDS = 120.0
LOCK_SECONDS = 0.5
GRACE_SECONDS = 3.0
TICK_SECONDS = 0.5
POLL_SECONDS = 0.02
LOG_BYTES = 10_000_000
# The kernel's limit is 108 bytes on Linux and 104 on macOS, with the closing zero.
SOCKET_PATH_BYTES = 100
#: The fast, clean shutdown; then harder ones. Committed data survives them all.
STOPPING = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, None))


def main(till_data: Path) -> None:
    if os.fork():
        return  # the starter waits for this process, and for the end of what the other says
    cluster = Cluster(till_data)
    os.umask(0o077)
    os.chdir("/")
    try:
        lock = file_locks.open_file(cluster.supervisor_lock)
        file_locks.lock(lock, fcntl.LOCK_EX, timeout=LOCK_SECONDS)
        os.truncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        _supervise(cluster, lock)
    except file_locks.LockBusyError:
        _report(UP, cluster)
    except (EmbeddedPostgresError, OSError) as error:
        _report(str(error), cluster)


def _supervise(cluster: Cluster, lock: int) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    _end_predecessor(cluster)
    initdb.prepare(cluster)
    initdb.write_configuration(cluster, _choose_endpoint(cluster))
    configuration = f"config_file={cluster.configuration}"
    postgres = binaries.launch(
        cluster, "postgres", "-D", str(cluster.pgdata), "-c", configuration, pgdata=cluster.pgdata
    )
    try:
        _wait_until_ready(cluster, postgres)
        _report(UP, cluster)
        _wait_until_unused(cluster, postgres, lock)
    finally:
        has_folder = file_locks.is_still_at(lock, cluster.supervisor_lock)
        _stop(postgres, STOPPING if has_folder else STOPPING[1:])  # else there is nowhere to write a checkpoint to


def _end(*_: object) -> None:
    """Leaves by way of every `finally`. Only once: a second signal must not cut the stopping short."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    sys.exit()


def _end_predecessor(cluster: Cluster) -> None:
    """Kills what is left of a server whose supervisor or postmaster was killed, and removes its files.

    A process that only got the number of a dead one is let be; PostgreSQL would not start beside the stale files.
    """
    deadline = time.monotonic() + READY_SECONDS
    while left := [process for process in psutil.process_iter(["cmdline"]) if _is_ours(cluster, process)]:
        for process in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
            except psutil.AccessDenied:
                raise EmbeddedPostgresError(
                    f"Process {process.pid}, of another user, is a PostgreSQL on {cluster.pgdata}: end it first."
                ) from None
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"Process {left[0].pid}, a PostgreSQL on {cluster.pgdata}, cannot be killed.")
        time.sleep(POLL_SECONDS)
    for path in (cluster.pid_file, *cluster.sockets.glob(".s.*")):
        path.unlink(missing_ok=True)


def _is_ours(cluster: Cluster, process: psutil.Process) -> bool:
    """By its command line, and by its working folder as far as we may look at it.

    Another container may have a server at the same path, and root sees both: their folders differ.
    """
    words = process.info["cmdline"] or [""]
    is_postmaster = words[0].endswith("/postgres") and words[1:3] == ["-D", str(cluster.pgdata)]
    if not (is_postmaster or " ".join(words).startswith(f"postgres: {cluster.title}: ")):
        return False
    try:
        return Path(f"/proc/{process.pid}/cwd").samefile(cluster.pgdata)
    except OSError:  # it may not be looked at, or there is no folder yet
        return True


def _choose_endpoint(cluster: Cluster) -> Endpoint:
    """A socket; 127.0.0.1 where its path is too long, or has a comma, which separates hosts for clients."""
    path = os.fsencode(cluster.sockets / f".s.PGSQL.{SOCKET_PORT}")
    if len(path) <= SOCKET_PATH_BYTES and b"," not in path:
        return Endpoint(str(cluster.sockets), SOCKET_PORT)
    return Endpoint("127.0.0.1", _free_port())


def _free_port() -> int:
    """Below 32768: the system gives the ports above to outgoing connections."""
    for port in random.sample(range(20000, 32768), 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise EmbeddedPostgresError("No free port on 127.0.0.1.")


def _wait_until_ready(cluster: Cluster, postgres: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while postgres.poll() is None and time.monotonic() < deadline:
        if cluster.endpoint():
            return
        time.sleep(POLL_SECONDS)
    if postgres.returncode == -signal.SIGKILL:
        sys.exit()  # somebody killed it, and whoever needs it starts another
    raise EmbeddedPostgresError(f"The embedded PostgreSQL did not start. {cluster.log_tail()}")


def _wait_until_unused(cluster: Cluster, postgres: subprocess.Popen[str], lock: int) -> None:
    """For a few seconds by anybody, or dead, or without its folder. The users' lock is then kept until we end."""
    users = file_locks.open_file(cluster.users_lock)
    last_used = time.monotonic()
    while file_locks.is_still_at(lock, cluster.supervisor_lock):
        _bound_the_log(cluster)
        with contextlib.suppress(subprocess.TimeoutExpired):
            postgres.wait(TICK_SECONDS)
            return
        if not file_locks.try_lock(users, fcntl.LOCK_EX):
            last_used = time.monotonic()
        elif time.monotonic() - last_used >= GRACE_SECONDS:
            return
        else:
            fcntl.flock(users, fcntl.LOCK_UN)


def _bound_the_log(cluster: Cluster) -> None:
    if cluster.log.stat().st_size > LOG_BYTES:
        shutil.copyfile(cluster.log, cluster.log.with_suffix(".log.1"))
        os.truncate(cluster.log, 0)  # its writers append, so they go on at the beginning


def _stop(postgres: subprocess.Popen[str], signals: Sequence[tuple[signal.Signals, float | None]]) -> None:
    for number, seconds in signals:
        postgres.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            postgres.wait(seconds)
            return


def _report(text: str, cluster: Cluster) -> None:
    """Once: afterwards nobody listens, and what goes wrong is found in the log."""
    with contextlib.suppress(OSError):
        os.write(1, f"\n{text}\n".encode())
    devnull = os.open(os.devnull, os.O_RDWR)
    log = os.open(cluster.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for source, descriptor in ((devnull, 0), (devnull, 1), (log, 2)):
        os.dup2(source, descriptor)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
