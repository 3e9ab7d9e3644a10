"""The figures that Till must reach, from the raw runs: medians of the ratios of runs of the same round."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

Result = Mapping[str, Any]
Run = Mapping[str, Any]
Value = Callable[[Run], float]


@dataclass(frozen=True)
class Figure:
    """`at_least`: the larger the better; else the smaller. `measured` is None when its runs are missing."""

    name: str
    floor: float
    aim: float
    at_least: bool
    measured: float | None
    unit: str = ""

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not measured"
        return "aim" if self._reaches(self.aim) else "floor" if self._reaches(self.floor) else "missed"

    def _reaches(self, goal: float) -> bool:
        if self.measured is None:
            return False
        return self.measured >= goal if self.at_least else self.measured <= goal

    def as_json(self) -> dict[str, Any]:
        return {"figure": self.name, "floor": self.floor, "aim": self.aim,
                "measured": self.measured, "verdict": self.verdict}  # fmt: skip


def per_second(run: Run) -> float:
    return float(run["per_second"])


def p50(run: Run) -> float:
    return float(run["p50_us"])


def p99(run: Run) -> float:
    return float(run["p99_us"])


def tail(run: Run) -> float:
    """p99 in p50s."""
    return float(run["p99_us"]) / float(run["p50_us"])


def cpu_without_client(run: Run) -> float:
    return float(run["cpu_us"]["server"]) + float(run["cpu_us"]["postgres"])


def by_round(runs: Iterable[Run], **wanted: Any) -> dict[int, Run]:
    return {run["round"]: run for run in runs if all(run[name] == value for name, value in wanted.items())}


def ratio(upper: Mapping[int, Run], lower: Mapping[int, Run], value: Value) -> float | None:
    """The median over the rounds that have both."""
    ratios = [value(upper[number]) / value(lower[number]) for number in upper if number in lower]
    return median(ratios) if ratios else None


def middle(runs: Mapping[int, Run], value: Value) -> float | None:
    return median(map(value, runs.values())) if runs else None


def all_figures(result: Result) -> list[Figure]:
    """The table, in its order."""
    return [*_throughput(result.get("throughput", {}).get("runs", [])), *_growth(result.get("growth", {})),
            *_memory(result.get("memory", {})), *_users(result.get("users", {}).get("runs", []))]  # fmt: skip


def _throughput(runs: list[Run]) -> list[Figure]:
    def of(contestant: str, scenario: str = "many-64") -> dict[int, Run]:
        return by_round(runs, contestant=contestant, scenario=scenario)

    fast, hot = of("till"), of("till", "hot-64")
    return [
        Figure("Till's fast path / django-hordak behind a view", 15, 25, True, ratio(fast, of("hordak"), per_second)),
        Figure("Till's fast path / pgbench double entry, one statement, 16 clients", 0.9, 1.25, True,
               ratio(fast, of("double_entry_one"), per_second)),
        Figure("Till's fast path / pgbench on Till's own tables, one notice a statement", 1.3, 2, True,
               ratio(fast, of("till_one"), per_second)),
        Figure("hot wallet: Till's fast path / pgbench", 3, 5, True,
               ratio(hot, of("double_entry_one", "hot-64"), per_second)),
        Figure("p99 / p50", 8, 3, False, middle(fast, tail)),
        Figure("one connection: p50 / pgbench's with one client", 4, 2.5, False,
               ratio(of("till", "many-1"), of("double_entry_one", "many-1"), p50)),
        Figure("CPU for each webhook, server + PostgreSQL: django-hordak's / Till's", 15, 25, True,
               ratio(of("hordak"), fast, cpu_without_client)),
        Figure("Till's DRF view / django-hordak behind a view", 1, 3, True,
               ratio(of("till_view"), of("hordak"), per_second)),
    ]  # fmt: skip


def _growth(growth: Result) -> list[Figure]:
    sizes = growth.get("sizes", [])
    few, many = (min(sizes), max(sizes)) if sizes else (10**4, 10**7)
    of_with = f"with {many:,} postings / with {few:,}"
    writes, reads = growth.get("writes", []), growth.get("reads", [])
    rate = ratio(by_round(writes, postings=many), by_round(writes, postings=few), per_second)
    figures = [Figure(f"throughput {of_with}", 0.6, 0.75, True, rate)]
    for what in ("wallet", "transactions page", "statement page", "house balances"):
        longer, shorter = (by_round(reads, read=what, postings=size) for size in (many, few))
        figures.append(Figure(f"latency of {what} {of_with}", 2, 1.3, False, ratio(longer, shorter, p50)))
    return figures


def _memory(memory: Result) -> list[Figure]:
    soak = memory.get("soak", {})
    name = (
        f"memory of a worker after the soak ({soak['minutes']:g} min)" if soak else "memory of a worker after the soak"
    )
    return [Figure(name, 200, 120, False, soak.get("last_mb"), " MB")]


def _users(runs: list[Run]) -> list[Figure]:
    def of(contestant: str, scenario: str = "transfers-16", **more: Any) -> dict[int, Run]:
        return by_round(runs, contestant=contestant, scenario=scenario, **more)

    def steady(scenario: str) -> dict[int, Run]:
        return of("till", scenario, has_priority=True)

    def to_pgbench(scenario: str) -> float | None:
        return ratio(of("till", scenario), of("double_entry_one", scenario), per_second)

    reading = middle(of("till", "wallet-1"), p50)
    return [
        Figure("transfers / pgbench double entry, one statement, 16 clients", 0.15, 0.5, True,
               to_pgbench("transfers-16")),
        Figure("purchases of many products / pgbench double entry", 0.15, 0.5, True, to_pgbench("purchases-16")),
        Figure("purchases of one product / pgbench double entry", 0.15, 0.5, True, to_pgbench("one_product-16")),
        Figure("all transfers into one wallet / pgbench's hot wallet", 0.5, 2, True, to_pgbench("into_one-16")),
        Figure("transfers / django-hordak behind a view", 4, 15, True, ratio(of("till"), of("hordak"), per_second)),
        Figure("one wallet / pgbench double entry", 0.3, 1, True, to_pgbench("wallet-16")),
        Figure("a page of 50 transactions / pgbench double entry", 0.06, 0.2, True, to_pgbench("page-16")),
        Figure("p50 of one wallet, one connection", 1.2, 0.6, False, reading and reading / 1000, " ms"),
        Figure("p99 / p50 of transfers", 4, 2.5, False, middle(of("till"), tail)),
        Figure("webhooks / those of the Till before", 0.97, 1.05, True,
               ratio(of("till", "webhooks-64"), of("before", "webhooks-64"), per_second)),
        Figure("p99 of webhooks while 64 connections log in and transfer / undisturbed", 3, 1.5, False,
               ratio(steady("steady_beside-64"), steady("steady-0"), p99)),
    ]  # fmt: skip


def table(figures: Iterable[Figure]) -> str:
    """As Markdown."""
    lines = ["| figure | floor | aim | measured | reaches |", "|---|---|---|---|---|"]
    for figure in figures:
        sign = ">=" if figure.at_least else "<="
        measured = "-" if figure.measured is None else f"**{figure.measured:.3g}{figure.unit}**"
        lines.append(f"| {figure.name} | {sign} {figure.floor:g}{figure.unit} | {sign} {figure.aim:g}{figure.unit} |"
                     f" {measured} | {figure.verdict} |")  # fmt: skip
    return "\n".join(lines)
