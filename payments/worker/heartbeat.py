"""`python -m payments.worker.heartbeat FILE`: exits 0 when a worker has done its round lately. No Django."""

import sys
import time
from pathlib import Path

MAX_AGE_SECONDS = 60


def beat(file: Path) -> None:
    file.touch()


def is_alive(file: Path) -> bool:
    try:
        return time.time() - file.stat().st_mtime < MAX_AGE_SECONDS
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_alive(Path(sys.argv[1])) else 1)
