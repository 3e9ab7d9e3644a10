"""From the JSON result to the plots and to the section of README.md between its two markers."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import figures, plots, user_report
from benchmarks.figures import Result, Run, by_round, cpu_without_client, middle, p50, per_second
from benchmarks.tables import contestants_table, median_cpu, over_connections

HERE = Path(__file__).parent
BEGIN, END = "<!-- results: written by the program -->", "<!-- end of results -->"
CONTESTANTS = {
    "till": "Till's fast path",
    "till_view": "Till's DRF view",
    "hordak": "django-hordak behind a view",
    "double_entry_one": "pgbench, double entry, one statement",
    "double_entry_six": "pgbench, double entry, six statements",
    "till_one": "pgbench, Till's tables, one statement",
}
HTTP = ("till", "till_view", "hordak")


def into_readme(text: str, section: str) -> str:
    """Replace what stands between the markers. Raises ValueError where they are missing."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or not after:
        raise ValueError("README.md has lost the markers of its results")
    return f"{before}{BEGIN}\n\n{section.strip()}\n\n{END}{after}"


def write(result: Result, *, readme: Path = HERE / "README.md", folder: Path = HERE / "results") -> None:
    """Write the plots, and the section that shows them."""
    folder.mkdir(exist_ok=True)
    drawn = draw(result)
    for name, svg in drawn.items():
        (folder / f"{name}.svg").write_text(svg)
    readme.write_text(into_readme(readme.read_text(), section(result, drawn)))


def section(result: Result, drawn: Iterable[str] = ()) -> str:
    parts = [_where(result), figures.table(figures.all_figures(result))]
    if runs := result.get("throughput", {}).get("runs"):
        parts += ["### Every contestant", _contestants(runs)]
    if growth := result.get("growth"):
        parts += ["### Books of different length", _growth(growth)]
    if memory := result.get("memory"):
        parts += ["### Memory", _memory(memory)]
    if users := result.get("users"):
        parts += ["### What users ask", user_report.section(users)]
    parts += [f"![{name}](results/{name}.svg)" for name in drawn]
    return "\n\n".join(parts)


def _where(result: Result) -> str:
    machine, database = result["machine"], result["postgres"]
    processor = f"{machine['cores']} cores ({machine['processor']}), {machine['memory_gb']} GB"
    lines = [
        (f"* {processor}, Linux {machine['kernel']}; PostgreSQL, the service and the load generator share them"),
        (
            f"* PostgreSQL {database['server_version']} (`shared_buffers` {database['shared_buffers']}), read back:"
            f" `fsync` {database['fsync']}, `synchronous_commit` {database['synchronous_commit']},"
            f" `full_page_writes` {database['full_page_writes']}"
        ),
        f"* Python {machine['python']}, Django {machine['django']}",
    ]
    lines += ["", "| part | Till | when | command | load before |", "|---|---|---|---|---|"]
    for name in ("throughput", "growth", "memory", "users"):
        if part := result.get(name):
            version, load = part.get("till", result["till"]), f"{part['load_before']:.2f}"
            lines.append(f"| {name} | {version} | {part['date']} | `{part['command']}` | {load} |")
    return "\n".join(lines)


def _contestants(runs: list[Run]) -> str:
    about = "Medians of all rounds. CPU in microseconds for each webhook (or statement)."
    return f"{about}\n\n{contestants_table(runs, CONTESTANTS, lambda scenario: scenario.replace('-', ', '))}"


def _growth(growth: Result) -> str:
    lines = [
        "| postings | webhooks a second | " + " | ".join(f"{what}, p50 ms" for what in _reads(growth)) + " |",
        "|---" * (2 + len(_reads(growth))) + "|",
    ]
    for size in growth["sizes"]:
        rate = middle(by_round(growth["writes"], postings=size), per_second)
        reads = [middle(by_round(growth["reads"], read=what, postings=size), p50) or 0 for what in _reads(growth)]
        lines.append(f"| {size:,} | {rate or 0:,.0f} | {' | '.join(f'{value / 1000:.2f}' for value in reads)} |")
    return "\n".join(lines)


def _reads(growth: Result) -> list[str]:
    return list(dict.fromkeys(run["read"] for run in growth["reads"]))


def _memory(memory: Result) -> str:
    soak, trickling, full = memory["soak"], memory["trickling"], memory["full_queue"]
    return "\n".join(
        [
            "The larger of the workers, resident.",
            "",
            f"* before the first request: {memory['idle_mb']:.0f} MB",
            (
                f"* full load, {soak['minutes']:g} minutes: {soak['first_mb']:.0f} MB after the first run,"
                f" {soak['last_mb']:.0f} MB after the last"
            ),
            (
                f"* {trickling['connections']} senders that trickle beside full load:"
                f" at most {trickling['peak_mb']:.0f} MB;"
                f" the honest ones got {trickling['beside']['per_second']:,.0f} answers a second,"
                f" p99 {trickling['beside']['p99_us'] / 1000:.1f} ms"
            ),
            (
                f"* {full['connections']:,} senders for one locked wallet (the queue full): at most"
                f" {full['peak_mb']:.0f} MB; {full['load']['refused']:,} notices got 503, none was lost"
            ),
        ]
    )


def draw(result: Result) -> dict[str, str]:
    """Every plot that there are runs for, by name."""
    drawn: dict[str, str] = {}
    if runs := result.get("throughput", {}).get("runs"):
        drawn |= _draw_throughput(runs)
    if growth := result.get("growth"):
        drawn["growth"] = _draw_growth(growth)
    if points := result.get("memory", {}).get("soak", {}).get("points"):
        series = {"larger worker": [(point["seconds"] / 60, point["mb"]) for point in points]}
        drawn["soak"] = plots.line_chart("Memory under full load, MB", series, across="minutes")
    if users := result.get("users"):
        drawn |= user_report.draw(users)
    return drawn


def _draw_throughput(runs: list[Run]) -> dict[str, str]:
    rates: dict[str, Mapping[str, float]] = {}
    cpu: dict[str, Mapping[str, float]] = {}
    for contestant, name in CONTESTANTS.items():
        seen = by_round(runs, scenario="many-64", contestant=contestant)
        if seen:
            rates[name] = {"a second": median(map(per_second, seen.values()))}
            cpu[name] = median_cpu(list(seen.values()))
    ticks, rates_of = over_connections(runs, "many")
    series = {CONTESTANTS[contestant]: rates_of(contestant) for contestant in HTTP}
    return {
        "throughput": plots.bar_chart("Credits a second, many wallets, 64 connections (pgbench: 16)", rates),
        "cpu": plots.bar_chart("CPU for each credit, microseconds", cpu),
        "connections": plots.line_chart("Webhooks a second", series, across="connections", ticks=ticks),
    }


def _draw_growth(growth: Result) -> str:
    rates = {size: middle(by_round(growth["writes"], postings=size), per_second) for size in growth["sizes"]}
    series = {"Till's fast path": [(math.log10(size), rate) for size, rate in rates.items() if rate is not None]}
    ticks = {f"{size:,}": math.log10(size) for size in growth["sizes"]}
    return plots.line_chart("Webhooks a second by the length of the books", series, across="postings", ticks=ticks)


def summary(result: dict[str, Any]) -> str:
    """For the terminal: the figures that were measured, and what a webhook costs."""
    fast = by_round(result.get("throughput", {}).get("runs", []), contestant="till", scenario="many-64")
    cost = middle(fast, cpu_without_client)
    lines = [figures.table(figure for figure in figures.all_figures(result) if figure.measured is not None)]
    if cost:
        lines.append(f"\nA webhook on the fast path costs {cost:.0f} µs of CPU in the service and PostgreSQL.")
    return "\n".join(lines)
