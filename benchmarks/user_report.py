"""The table and the plots of what users ask."""

from statistics import median

from benchmarks import neighbours, plots, users
from benchmarks.figures import Result, Run, by_round, per_second
from benchmarks.tables import contestants_table, median_cpu, over_connections
from benchmarks.user_requests import WORKLOADS

DRAWN = ("transfers", "purchases", "wallet", "page")
TITLES = {
    **{name: workload.title for name, workload in WORKLOADS.items()},
    users.WEBHOOKS: "webhooks",
    users.STEADY: f"{neighbours.STEADY_PER_SECOND} webhooks a second, undisturbed",
    users.STEADY_BESIDE: f"{neighbours.STEADY_PER_SECOND} webhooks a second, beside users who log in and transfer",
    users.STORM: f"transfers, beside {neighbours.SENDERS} connections that send webhooks",
}
#: What the neighbours ask for.
NEIGHBOURS = {"login": "logins", "transfers": "transfers", "webhooks": "webhooks"}


def names(result: Result) -> dict[str, str]:
    return {
        "till": "Till",
        "before": f"Till before ({result.get('before')})",
        "hordak": "django-hordak behind a view",
        users.PGBENCH: "pgbench, double entry, one statement, 16 clients",
    }


def title(scenario: str) -> str:
    workload, _, connections = scenario.rpartition("-")
    return TITLES[workload] + (f", {connections}" if int(connections) else "")


def section(result: Result) -> str:
    runs = result["runs"]
    about = "Medians of all rounds. CPU in microseconds for each request (or statement)."
    return "\n\n".join([about, contestants_table(runs, names(result), title), *_beside(runs)])


def _beside(runs: list[Run]) -> list[str]:
    """Say how much the neighbours got meanwhile."""
    lines = []
    for workload in (users.STEADY_BESIDE, users.STORM):
        seen = [run for run in runs if run["scenario"].startswith(f"{workload}-") and run["contestant"] == "till"]
        if seen:
            rates = {what: median(run["beside"][what]["per_second"] for run in seen) for what in seen[0]["beside"]}
            answered = " and ".join(f"{rate:,.0f} {NEIGHBOURS[what]}" for what, rate in rates.items())
            lines.append(f"* {TITLES[workload]}: {answered} were answered a second")
    return ["\n".join(lines)] if lines else []


def draw(result: Result) -> dict[str, str]:
    """Every plot that there are runs for, by name."""
    runs, drawn = result["runs"], {}
    rates = {
        name: {"a second": median(map(per_second, seen.values()))}
        for contestant, name in names(result).items()
        if (seen := by_round(runs, scenario="transfers-16", contestant=contestant))
    }
    cpu = {
        WORKLOADS[workload].title: median_cpu(list(seen.values()))
        for workload in WORKLOADS
        if (seen := by_round(runs, scenario=f"{workload}-16", contestant="till"))
    }
    if rates:
        drawn["transfers"] = plots.bar_chart("Transfers a second, many pairs, 16 connections", rates)
    if cpu:
        drawn["users_cpu"] = plots.bar_chart("CPU for each request to Till, microseconds, 16 connections", cpu)
    ticks, _ = over_connections(runs, "transfers")
    series = {WORKLOADS[workload].title: over_connections(runs, workload)[1]("till") for workload in DRAWN}
    if ticks and any(series.values()):
        drawn["users_connections"] = plots.line_chart(
            "What Till answers users, requests a second", series, across="connections", ticks=ticks
        )
    return drawn
