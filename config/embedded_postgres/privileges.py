"""Whom PostgreSQL runs as. It refuses root, so root's server runs as `nobody`, whose the data folder then is.

No folder outside TILL_DATA is opened up for that. A parent folder may be closed to others, such as that of a checkout
in /root. Then the server keeps the one capability that lets it pass closed folders, read-only if that is enough. A
superuser of the database can then read what root can. This needs Linux and setpriv of util-linux. Elsewhere such a
place is refused.
"""

import ctypes
import os
import pwd
import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

PR_SET_PDEATHSIG = 1  # from linux/prctl.h
# From linux/capability.h. Docker gives root only the second, by default.
READ_ONLY, STRONGER = ("dac_read_search", 2), ("dac_override", 1)


class Identity(NamedTuple):
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
    if pgdata.exists() and (folder := pgdata.stat()).st_uid != 0:
        return Identity(folder.st_uid, folder.st_gid)
    nobody = pwd.getpwnam("nobody")
    return Identity(nobody.pw_uid, nobody.pw_gid)


def command_as(identity: Identity | None, program: Path, needs: list[Path]) -> tuple[list[str], dict[str, Any]]:
    """What to run and the arguments of Popen, so that `program` is `identity`'s and ends with this process.

    `needs` are the files and folders that it must reach besides itself. Raises PermissionError where it cannot.
    """
    if identity is None:
        return [str(program)], {"preexec_fn": _ends_with_us()}
    if all(map(_is_open, [program, *needs])):
        become: dict[str, Any] = {"user": identity.uid, "group": identity.gid, "extra_groups": []}
        return [str(program)], {**become, "preexec_fn": _ends_with_us()}
    capability = _capability([READ_ONLY, STRONGER] if program.stat().st_mode & 0o001 else [STRONGER])
    if not (capability and shutil.which("setpriv")):
        raise PermissionError(
            f"PostgreSQL cannot run as root, and the user {identity.uid}, whom it runs as instead, cannot reach"
            f" {', '.join(map(str, [program, *needs]))}: choose a TILL_DATA and a .venv that others may enter, or be"
            " an ordinary user"
        )
    setpriv = [
        *("setpriv", f"--reuid={identity.uid}", f"--regid={identity.gid}", "--clear-groups", "--pdeathsig=INT"),
        *(f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"),
        # access(2), by which PostgreSQL looks for its own programs, ignores capabilities without this bit.
        "--securebits=+no_setuid_fixup",
    ]
    unless_alone = f'[ "$PPID" = {os.getpid()} ] && exec "$@"'  # the signal comes only for a death from now on
    return [*setpriv, "sh", "-c", unless_alone, "sh", str(program)], {}


def _is_open(path: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (path, *path.parents))


def _capability(wanted: list[tuple[str, int]]) -> str | None:
    """The first that we have ourselves."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    permitted = int(re.findall(r"^CapPrm:\s+(\w+)$", status, re.MULTILINE)[0], 16)
    return next((name for name, number in wanted if permitted >> number & 1), None)


def _ends_with_us() -> Callable[[], None]:
    """For `preexec_fn`, which runs after the change of user, and is safe as the supervisor has only one thread.

    SIGINT is PostgreSQL's fast, clean shutdown.
    """
    parent = os.getpid()

    def setup() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
            if os.getppid() != parent:
                os._exit(1)

    return setup
