"""pgbench, PostgreSQL's own benchmark: what the database does without any service in front of it."""

import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.cluster import SQL, Postgres
from config.embedded_postgres import binaries

THREADS = 2
#: Part of the transactions whose latency is logged: enough for a median, too few to cost anything.
SAMPLED = 0.1


class PgbenchFailed(Exception):
    """It ended with an error, or transactions failed."""


@dataclass(frozen=True)
class Burst:
    """What pgbench saw. Latencies in microseconds."""

    transactions: int
    per_second: float
    p50_us: int
    p90_us: int
    p99_us: int

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "requests": self.transactions}


def run(
    postgres: Postgres, database: str, script: str, *, clients: int, seconds: float, variables: dict[str, int]
) -> Burst:
    """Run a script of benchmarks/sql over and over, as prepared statements. Raises PgbenchFailed."""
    given = [f"--define={name}={value}" for name, value in variables.items()]
    with TemporaryDirectory(prefix="till-pgbench-") as folder:
        command = [
            *(str(binaries.binary("pgbench")), "--no-vacuum", "-M", "prepared", "-c", str(clients)),
            *("-j", str(min(clients, THREADS)), "-T", str(max(1, round(seconds))), "-f", str(SQL / script), *given),
            *("--log", "--log-prefix", str(Path(folder, "latency")), f"--sampling-rate={SAMPLED}"),
        ]
        done = subprocess.run(
            command, env=postgres.environment(database), check=False, capture_output=True, text=True, cwd=folder
        )
        if done.returncode:
            raise PgbenchFailed(done.stderr)
        latencies = [
            int(line.split()[2]) for log in Path(folder).glob("latency*") for line in log.read_text().splitlines()
        ]
    return parse(done.stdout, latencies)


def parse(output: str, latencies: list[int]) -> Burst:
    """Read its report, and the sampled latencies. Raises PgbenchFailed."""
    done, failed, rate = (
        re.search(pattern, output)
        for pattern in (
            r"number of transactions actually processed: (\d+)",
            r"number of failed transactions: (\d+)",
            r"tps = ([\d.]+)",
        )
    )
    if not (done and failed and rate) or int(failed[1]) or not latencies:
        raise PgbenchFailed(output)
    ordered = sorted(latencies)
    p50, p90, p99 = (ordered[min(len(ordered) - 1, len(ordered) * part // 100)] for part in (50, 90, 99))
    return Burst(int(done[1]), float(rate[1]), p50, p90, p99)
