"""Advisory locks between processes (flock): the kernel drops them when their holder ends, however it ends."""

import fcntl
import os
import time
from pathlib import Path

POLL_SECONDS = 0.02


class LockBusyError(Exception):
    """Somebody else kept the lock for longer than we were willing to wait."""


def open_file(path: Path) -> int:
    """As Python opens files, children get it by fork but not by exec: a subprocess keeps no lock alive."""
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock(descriptor: int, kind: int, *, timeout: float) -> None:
    """Waits for at most `timeout` seconds; raises LockBusyError."""
    deadline = time.monotonic() + timeout
    while not try_lock(descriptor, kind):
        if time.monotonic() > deadline:
            raise LockBusyError
        time.sleep(POLL_SECONDS)


def is_held(path: Path) -> bool:
    """Whether somebody has it exclusively. Takes it for an instant: who wants it must try more than once."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def is_still_at(descriptor: int, path: Path) -> bool:
    """False once the file was deleted or replaced, or the descriptor closed behind our back (daemons do)."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
