"""What a user of the database does: hold the users' lock for its life, and have the server started."""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

from config.embedded_postgres import binaries, file_locks
from config.embedded_postgres.cluster import UP, Cluster, EmbeddedPostgresError, Endpoint

SUPERVISOR = "config.embedded_postgres.supervisor"
START_SECONDS = 150.0
POLL_SECONDS = 0.05

# Open for the life of the process, by TILL_DATA. A forked child shares the open file, and so the lock.
_held: dict[Path, int] = {}


def ensure(cluster: Cluster) -> Endpoint:
    """Where the running server listens; starts it first if need be. Safe in any thread and process.

    A look at three files when it runs, seconds when it does not. Raises EmbeddedPostgresError.
    """
    binaries.binary("postgres")  # before a folder is made for a server that cannot be
    deadline = time.monotonic() + START_SECONDS
    try:
        cluster.create_home()
        _hold(cluster)
        while time.monotonic() < deadline:
            if not file_locks.is_held(cluster.supervisor_lock):
                _start_supervisor(cluster, seconds=deadline - time.monotonic())
            elif endpoint := cluster.endpoint():
                return endpoint
            else:
                time.sleep(POLL_SECONDS)  # it is starting PostgreSQL, or stopping it
    except OSError as error:
        raise EmbeddedPostgresError(f"{cluster.home} cannot be used: {error}") from error
    except (file_locks.LockBusyError, subprocess.TimeoutExpired):
        pass
    raise EmbeddedPostgresError(f"The embedded PostgreSQL is not up. {cluster.log_tail()}")


def _hold(cluster: Cluster) -> None:
    """Two threads at once both get a lock; the one forgotten lasts as long as the process: no harm."""
    descriptor = _held.get(cluster.till_data)
    if descriptor is None or not file_locks.is_still_at(descriptor, cluster.users_lock):
        descriptor = file_locks.open_file(cluster.users_lock)
        file_locks.lock(descriptor, fcntl.LOCK_SH, timeout=START_SECONDS)  # busy while an unused server is stopping
        _held[cluster.till_data] = descriptor


def _start_supervisor(cluster: Cluster, *, seconds: float) -> None:
    """Several may do so at once: one supervisor gets its lock, the others end.

    In a session of its own: no Ctrl-C reaches it. Returns when it is up or ended; raises what it says otherwise.
    """
    output = subprocess.run(  # noqa: S603 -- our own module and folder
        [sys.executable, "-m", SUPERVISOR, os.fspath(cluster.till_data)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=Path(__file__).parents[2],
        start_new_session=True,
        timeout=seconds,
        check=False,
    ).stdout.decode(errors="replace")
    # Silence means that it was killed, or told to stop: the caller looks again, and starts another.
    if output and UP not in output.splitlines():
        raise EmbeddedPostgresError(output.strip())
