"""wrk, with what it says: requests a second, latencies, errors."""

import json
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import notices

SCRIPT = Path(__file__).with_name("wrk.lua")
LATENCIES = ("p50_us", "p90_us", "p99_us", "max_us")


class LoadFailed(Exception):
    """The load generator is missing, or could not do what it was asked."""


@dataclass(frozen=True)
class Load:
    """What wrk saw. Latencies in microseconds; `refused` are answers from 400 on."""

    requests: int
    seconds: float
    taken: int
    refused: int
    broken: int
    timed_out: int
    p50_us: int
    p90_us: int
    p99_us: int
    max_us: int

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def is_clean(self) -> bool:
        return self.requests > 0 and not (self.refused or self.broken or self.timed_out)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "per_second": round(self.per_second, 1)}


def require_wrk() -> str:
    """Return its path. Raises LoadFailed."""
    path = shutil.which("wrk")
    if path is None:
        raise LoadFailed(
            "The benchmarks need the load generator wrk, which is not installed."
            " Debian and Ubuntu: apt install wrk. macOS: brew install wrk. Source: https://github.com/wg/wrk"
        )
    return path


def parse(output: str) -> Load:
    """Read what wrk.lua wrote. Raises LoadFailed when the bodies ran out: from then on nothing was measured."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise LoadFailed(f"wrk said nothing that can be read: {output}")
    counts: dict[str, int] = json.loads(lines[-1])
    if counts.pop("exhausted"):
        raise LoadFailed(f"all {counts['taken']} prepared notices were used up: prepare more")
    return Load(seconds=counts.pop("microseconds") / 1e6, **counts)


def _wrk(url: str, *words: str, connections: int, seconds: float) -> Load:
    command = [
        *(require_wrk(), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "15s"),
        *("-s", str(SCRIPT), url, "--", *words),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise LoadFailed(f"wrk ended with {done.returncode}: {done.stderr or done.stdout}")
    return parse(done.stdout)


def post(url: str, prepared: Path, *, connections: int, seconds: float) -> Load:
    """Send the prepared notices, each connection the next one as soon as it has its answer."""
    return _wrk(url + notices.PATH, "post", str(prepared), connections=connections, seconds=seconds)


def get(url: str, token: str, *, seconds: float, connections: int = 1) -> Load:
    return _wrk(url, "get", token, connections=connections, seconds=seconds)


def ask(url: str, prepared: Path, key_prefix: str, *, connections: int, seconds: float) -> Load:
    """Send the prepared requests over and over, each POST under the next key with this prefix."""
    return _wrk(url, "ask", str(prepared), key_prefix, connections=connections, seconds=seconds)
