"""What a user of the database does: hold the users' lock for its life, and have the server started."""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

from config.embedded_postgres import binaries, file_locks, supervisor
from config.embedded_postgres.cluster import Cluster, EmbeddedPostgresError, Endpoint

START_SECONDS = 150.0
POLL_SECONDS = 0.05

# Open for the life of the process, by TILL_DATA. A forked child shares the open file, and so the lock.
_held: dict[Path, int] = {}


def ensure(cluster: Cluster) -> Endpoint:
    """Where the running server listens; starts it first if need be. Safe in any thread and process.

    A look at three files when it runs, seconds when it does not. Raises EmbeddedPostgresError.
    """
    binaries.binary("postgres")  # before a folder is made for a server that cannot be
    try:
        cluster.create_home()
        _hold(cluster)
        return _running(cluster) or _start(cluster)
    except file_locks.LockBusyError as error:
        raise EmbeddedPostgresError(f"The embedded PostgreSQL is not up. {cluster.log_tail()}") from error
    except OSError as error:
        raise EmbeddedPostgresError(f"{cluster.home} cannot be used: {error}") from error


def _hold(cluster: Cluster) -> None:
    """Two threads at once both get a lock; the one forgotten lasts as long as the process: no harm."""
    descriptor = _held.get(cluster.till_data)
    if descriptor is None or not file_locks.is_still_at(descriptor, cluster.users_lock):
        descriptor = file_locks.open_file(cluster.users_lock)
        file_locks.lock(descriptor, fcntl.LOCK_SH, timeout=START_SECONDS)  # busy while an unused server is stopping
        _held[cluster.till_data] = descriptor


def _running(cluster: Cluster) -> Endpoint | None:
    return cluster.published_endpoint() if file_locks.is_held(cluster.supervisor_lock) else None


def _start(cluster: Cluster) -> Endpoint:
    """One starter at a time; the others find the server running when it is their turn."""
    deadline = time.monotonic() + START_SECONDS
    with file_locks.exclusive(cluster.start_lock, timeout=START_SECONDS):
        while not (endpoint := _running(cluster)):
            if time.monotonic() > deadline:
                raise file_locks.LockBusyError
            if file_locks.is_held(cluster.supervisor_lock):
                time.sleep(POLL_SECONDS)  # it is starting PostgreSQL again, or stopping it
            else:
                _spawn_supervisor(cluster, seconds=deadline - time.monotonic())
    return endpoint


def _spawn_supervisor(cluster: Cluster, *, seconds: float) -> None:
    """Returns when it is ready, or found another. In a session of its own: no Ctrl-C or hangup reaches it."""
    project = Path(__file__).parents[2]
    command = [sys.executable, "-m", supervisor.__name__, os.fspath(cluster.till_data)]
    try:
        said = subprocess.run(  # noqa: S603 -- our own module and folder
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=project,
            start_new_session=True,
            timeout=seconds,
            check=False,
        ).stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as error:
        raise file_locks.LockBusyError from error
    # Silence means that it was killed: the caller looks again, and starts another.
    if said and not {supervisor.READY, supervisor.BUSY} & set(said.splitlines()):
        raise EmbeddedPostgresError(said.strip())
