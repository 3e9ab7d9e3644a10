"""The process that owns `postgres` while anybody uses it: `python -m config.embedded_postgres.supervisor TILL_DATA`.

It starts PostgreSQL again when it dies, and ends it and itself when nobody has held the users' lock for a few
seconds, on SIGTERM, or when its folder is deleted. Killed itself, it takes PostgreSQL along (on Linux;
elsewhere the next one clears up). It says one word or an error on standard output, closes it, and lives on.
"""

import contextlib
import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from config.embedded_postgres import file_locks, initdb, postmaster
from config.embedded_postgres.cluster import Cluster, EmbeddedPostgresError

READY, BUSY = "ready", "busy"
GRACE_SECONDS = 3.0
TICK_SECONDS = 0.5
LOCK_SECONDS = 2.0
LOG_BYTES = 10_000_000


class Supervisor:
    def __init__(self, cluster: Cluster, lock: int) -> None:
        self.cluster = cluster
        self.lock = lock
        self.stopping = False
        self.unused_since: float | None = None
        self.wakeup, writer = socket.socketpair()
        self.wakeup.setblocking(False)
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.detach())
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake up
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)

    def _end(self, *_: object) -> None:
        self.stopping = True

    def start(self) -> subprocess.Popen[str]:
        self.cluster.endpoint_file.unlink(missing_ok=True)
        return postmaster.start(self.cluster, cancelled=lambda: self.stopping)

    def watch(self, postgres: subprocess.Popen[str]) -> None:
        """Until it is time to end. If for want of users, we keep their lock: a new one waits for the end."""
        with file_locks.opened(self.cluster.users_lock) as users:
            try:
                while not self.stopping and not self._unused(users) and self._has_its_folder():
                    self._sleep()
                    self._bound_the_log()
                    if postgres.poll() is not None:
                        postgres = self.start()
            finally:
                self._stop(postgres)

    def _stop(self, postgres: subprocess.Popen[str]) -> None:
        if self._has_its_folder():
            self.cluster.endpoint_file.unlink(missing_ok=True)
            postmaster.stop(postgres)
        else:
            postmaster.stop(postgres, first=signal.SIGQUIT)  # there is nowhere left to write a checkpoint to

    def _has_its_folder(self) -> bool:
        return file_locks.is_still_at(self.lock, self.cluster.supervisor_lock)

    def _unused(self, users: int) -> bool:
        """True, and the lock kept, when nobody has held it at any look since the grace period began."""
        if not file_locks.try_lock(users, fcntl.LOCK_EX):
            self.unused_since = None
            return False
        if self.unused_since is None:
            self.unused_since = time.monotonic()
        if time.monotonic() - self.unused_since >= GRACE_SECONDS:
            return True
        fcntl.flock(users, fcntl.LOCK_UN)
        return False

    def _sleep(self) -> None:
        """For a tick, or until a signal: PostgreSQL has died, or we are to end."""
        select.select([self.wakeup], [], [], TICK_SECONDS)
        with contextlib.suppress(BlockingIOError):
            self.wakeup.recv(1000)

    def _bound_the_log(self) -> None:
        if self.cluster.log_size() > LOG_BYTES:
            shutil.copyfile(self.cluster.log, self.cluster.log.with_suffix(".log.1"))
            os.truncate(self.cluster.log, 0)  # its writers append, so they go on at the beginning


def main(till_data: Path) -> None:
    if os.fork():
        return  # the starter waits for this process, and for the end of what the other says
    cluster = Cluster(till_data)
    os.umask(0o077)
    os.chdir("/")
    try:
        with file_locks.exclusive(cluster.supervisor_lock, timeout=LOCK_SECONDS) as lock:
            _supervise(cluster, lock)
    except file_locks.LockBusyError:
        _report(BUSY, cluster)
    except (EmbeddedPostgresError, OSError) as error:
        _report(str(error), cluster)


def _supervise(cluster: Cluster, lock: int) -> None:
    os.truncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    supervisor = Supervisor(cluster, lock)
    initdb.prepare(cluster)
    postgres = supervisor.start()
    _report(READY, cluster)
    supervisor.watch(postgres)


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
