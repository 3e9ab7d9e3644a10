"""The machine: what it is, and what its processes have used (from /proc, so Linux only)."""

import contextlib
import os
import platform
import re
import resource
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def facts() -> dict[str, Any]:
    """What a reader must know to compare another machine's figures with these."""
    model = re.search(r"^model name\s*: (.*)$", (PROC / "cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+) kB", (PROC / "meminfo").read_text(), re.MULTILINE)
    return {
        "cores": os.cpu_count(),
        "processor": model[1] if model else platform.machine(),
        "memory_gb": round(int(memory[1]) / 1024**2, 1) if memory else None,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "django": version("django"),
        "gunicorn": version("gunicorn"),
        "uvicorn": version("uvicorn"),
        "load_at_start": os.getloadavg()[0],
    }


def _parents() -> dict[int, int]:
    """Each process and its parent."""
    parents: dict[int, int] = {}
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int(_fields(int(folder.name))[1])
    return parents


def _fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold spaces: state, parent, …"""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def tree(root: int) -> set[int]:
    """A process with all its descendants."""
    parents = _parents()
    members, edge = {root}, {root}
    while edge:
        edge = {pid for pid, parent in parents.items() if parent in edge} - members
        members |= edge
    return members


def children(root: int) -> set[int]:
    return {pid for pid, parent in _parents().items() if parent == root}


def cpu_seconds(root: int) -> float:
    """What the tree has used, those of its processes included that have ended and were waited for."""
    ticks = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            ticks += sum(map(int, _fields(pid)[11:15]))  # utime, stime, cutime, cstime
    return ticks / TICKS_PER_SECOND


def own_children_cpu_seconds() -> float:
    """What this program's children have used that have ended: the load generators."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def resident_mb(pids: Iterator[int] | set[int]) -> dict[int, float]:
    """Resident memory of each process that is still there, in MB (10^6 bytes)."""
    resident: dict[int, float] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            kilobytes = re.search(r"^VmRSS:\s*(\d+) kB", (PROC / str(pid) / "status").read_text(), re.MULTILINE)
            if kilobytes:
                resident[pid] = int(kilobytes[1]) * 1024 / 1e6
    return resident
