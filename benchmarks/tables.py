"""What the tables and plots of several parts share."""

import math
from collections.abc import Callable, Mapping
from statistics import median

from benchmarks.figures import Run, by_round, middle, per_second

CPU = ("server", "postgres", "client")


def contestants_table(runs: list[Run], names: Mapping[str, str], title: Callable[[str], str]) -> str:
    """Each contestant of each scenario: medians of all rounds, and nothing where nothing was measured."""
    lines = [
        "| workload, connections | contestant | per second | p50 ms | p90 ms | p99 ms | server | PostgreSQL | client |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for scenario in dict.fromkeys(run["scenario"] for run in runs):
        for contestant, name in names.items():
            seen = [run for run in runs if (run["scenario"], run["contestant"]) == (scenario, contestant)]
            if seen:
                lines.append(f"| {title(scenario)} | {name} | {' | '.join(_cells(seen))} |")
    return "\n".join(lines)


def _cells(seen: list[Run]) -> list[str]:
    milliseconds = [median(run[key] for run in seen) / 1000 for key in ("p50_us", "p90_us", "p99_us")]
    cpu = median_cpu(seen)
    return [
        f"{median(map(per_second, seen)):,.0f}",
        *(f"{value:.2f}" for value in milliseconds),
        *(f"{cpu[part]:,.0f}" if cpu else "" for part in CPU),
    ]


def median_cpu(seen: list[Run]) -> dict[str, float]:
    """By part, in microseconds for each request; empty where it was not measured."""
    if not all("cpu_us" in run for run in seen):
        return {}
    return {part: median(run["cpu_us"][part] for run in seen) for part in CPU}


def over_connections(
    runs: list[Run], workload: str
) -> tuple[dict[str, float], Callable[[str], list[tuple[float, float]]]]:
    """Return the ticks of an axis of connections, and what gives the points of a contestant."""
    numbers = sorted({int(run["scenario"].split("-")[1]) for run in runs if run["scenario"].startswith(f"{workload}-")})

    def points(contestant: str) -> list[tuple[float, float]]:
        rates = {
            number: middle(by_round(runs, scenario=f"{workload}-{number}", contestant=contestant), per_second)
            for number in numbers
        }
        return [(math.log2(number), rate) for number, rate in rates.items() if rate is not None]

    return {str(number): math.log2(number) for number in numbers}, points
