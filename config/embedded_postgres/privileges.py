"""Whom PostgreSQL runs as. It refuses root, so root's server runs as `nobody`, whose the data folder then is.

No folder outside TILL_DATA is opened up for that. Where a parent folder is closed to others (a checkout in
/root), the server keeps the one capability that lets it pass closed folders, read-only if that is enough; a
superuser of the database can then read what root can. Linux only: elsewhere such a place is refused.
"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# From linux/prctl.h, securebits.h and capability.h.
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 28, 47, 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SETPCAP = 1, 2, 8
CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True)
class Identity:
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)


def server_identity(pgdata: Path) -> Identity | None:
    """None means: as whoever we are. Root uses the owner of an existing data folder, else `nobody`.

    Raises KeyError on a system without that user: initdb wants one with a name.
    """
    if os.geteuid() != 0:
        return None
    if pgdata.exists() and (found := pgdata.stat()).st_uid != 0:
        return Identity(found.st_uid, found.st_gid)
    nobody = pwd.getpwnam("nobody")
    return Identity(nobody.pw_uid, nobody.pw_gid)


def child_setup(identity: Identity | None, *, needs: list[Path]) -> Callable[[], None]:
    """What a child does between fork and exec (`preexec_fn`; safe as the supervisor has only one thread).

    `needs` are the folders and programs that the child must be able to enter or run.
    """
    parent = os.getpid()

    def setup() -> None:
        if identity is not None:
            _drop_root(identity, needs)
        if sys.platform == "linux":
            # After the change of user, which resets it. SIGINT is PostgreSQL's fast, clean shutdown.
            _prctl(PR_SET_PDEATHSIG, signal.SIGINT)
            if os.getppid() != parent:
                os._exit(1)

    return setup


def _drop_root(identity: Identity, needs: list[Path]) -> None:
    linux = sys.platform == "linux"
    os.setgroups([])
    os.setgid(identity.gid)
    if linux:
        _prctl(PR_SET_KEEPCAPS, 1)
    os.setuid(identity.uid)
    if _reachable(needs):
        return
    # The weaker one first. Docker gives only the stronger by default, and a program with mode 0700 needs it.
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) if linux else ():
        if _keep(capability) and _reachable(needs):
            return
    message = (
        f"PostgreSQL cannot run as root, and the user {identity.uid}, whom it runs as instead, cannot reach"
        f" {', '.join(map(str, needs))}. Choose a TILL_DATA and a .venv that others may enter, or be an"
        " ordinary user.\n"
    )
    os.write(2, message.encode())
    raise PermissionError(message)


def _reachable(paths: list[Path]) -> bool:
    return all(os.access(path, os.R_OK | os.X_OK) for path in paths)


def _keep(capability: int) -> bool:
    """Makes it effective, and ambient so that it outlives exec. False where we do not have it ourselves."""
    wanted, to_set_bits, permitted = 1 << capability, 1 << CAP_SETPCAP, _permitted_capabilities()
    if permitted & (wanted | to_set_bits) != wanted | to_set_bits:
        return False
    _set_capabilities(effective=wanted | to_set_bits, permitted=permitted, inheritable=wanted)
    # access(2), by which PostgreSQL looks for its own programs, ignores capabilities without this bit.
    _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)
    _set_capabilities(effective=wanted, permitted=permitted, inheritable=wanted)
    return True


def _permitted_capabilities() -> int:
    sets = (ctypes.c_uint32 * 6)()
    _call("capget", (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), sets)
    return int(sets[1])


def _set_capabilities(*, effective: int, permitted: int, inheritable: int) -> None:
    sets = (ctypes.c_uint32 * 6)(effective, permitted, inheritable, 0, 0, 0)
    _call("capset", (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), sets)


def _prctl(option: int, value: int, detail: int = 0) -> None:
    _call("prctl", option, *map(ctypes.c_ulong, (value, detail, 0, 0)))


def _call(name: str, *arguments: Any) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)
