"""`python -m config.embedded_postgres status|stop [TILL_DATA]`, for a person at the terminal."""

import argparse
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from config.embedded_postgres import file_locks
from config.embedded_postgres.cluster import Cluster

STOP_SECONDS = 40.0


def stop(cluster: Cluster) -> bool:
    """Cleanly, and waits for it; False if that takes too long. A user's next connection starts it again."""
    deadline = time.monotonic() + STOP_SECONDS
    while file_locks.is_held(cluster.supervisor_lock):
        if time.monotonic() > deadline:
            return False
        if text := cluster.supervisor_lock.read_text():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(text), signal.SIGTERM)
        time.sleep(0.1)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.embedded_postgres", description=__doc__)
    parser.add_argument("command", choices=["status", "stop"])
    parser.add_argument("till_data", nargs="?", type=Path, default=Path(os.environ.get("TILL_DATA") or "var"))
    arguments = parser.parse_args()
    cluster = Cluster(arguments.till_data.resolve())
    if arguments.command == "stop" and not stop(cluster):
        sys.stdout.write(f"The embedded PostgreSQL of {cluster.home} is still stopping.\n")
        return 1
    running = file_locks.is_held(cluster.supervisor_lock)
    sys.stdout.write(f"The embedded PostgreSQL of {cluster.home} is {'running' if running else 'not running'}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
