"""The benchmarks' arithmetic and reading. Nothing here is timed, and no server is started."""

import json
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import __main__ as program
from benchmarks import figures, load, machine, notices, pgbench, plots, report, throughput
from tests.support.benchmark_runs import WRK, run, sent
from tests.support.provider import SHA1_COLON

PGBENCH = """pgbench (18.4)
transaction type: double_entry_one.sql
query mode: prepared
number of transactions actually processed: 17600
number of failed transactions: 0 (0.000%)
latency average = 1.818 ms
initial connection time = 9.3 ms
tps = 8800.123 (without initial connection time)
"""


# --- what the load generators say ---------------------------------------------------------------------------


def test_the_benchmarks_read_what_wrk_says() -> None:
    seen = load.parse(WRK)
    assert (seen.requests, seen.per_second, seen.p50_us, seen.p99_us) == (20_000, 10_000, 6_000, 15_000)
    assert seen.is_clean


def test_a_run_whose_notices_ran_out_counts_for_nothing() -> None:
    with pytest.raises(load.LoadFailed, match="prepare more"):
        load.parse(WRK.replace('"exhausted": 0', '"exhausted": 1'))


def test_a_wrk_that_said_nothing_is_named() -> None:
    with pytest.raises(load.LoadFailed, match="unable to connect"):
        load.parse("unable to connect to 127.0.0.1:18400 Connection refused")


def test_a_machine_without_wrk_is_told_where_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(load.LoadFailed, match="apt install wrk"):
        load.require_wrk()


def test_the_benchmarks_read_what_pgbench_says() -> None:
    burst = pgbench.parse(PGBENCH, list(range(1, 101)))
    assert (burst.transactions, burst.per_second) == (17_600, 8800.123)
    assert (burst.p50_us, burst.p90_us, burst.p99_us) == (51, 91, 100)


def test_a_pgbench_whose_transactions_failed_counts_for_nothing() -> None:
    with pytest.raises(pgbench.PgbenchFailed):
        pgbench.parse(PGBENCH.replace("failed transactions: 0", "failed transactions: 3"), [1])


# --- the notices --------------------------------------------------------------------------------------------


def test_notices_are_signed_as_the_documentation_says() -> None:
    fields = {"transaction_id": "1234567", "user_id": "5", "bill_id": "5", "amount": "7.05"}
    assert notices.body(1234567, 5, 705).encode() == SHA1_COLON.deliver(fields).body


def test_notices_are_distinct_and_for_the_wallets_asked_for() -> None:
    bodies = [json.loads(body) for body in notices.bodies(5_000, notices.Wallets(10, 12))]
    assert len({notice["transaction_id"] for notice in bodies}) == 5_000
    assert {notice["bill_id"] for notice in bodies} == {10, 11, 12}
    assert all(notice["amount"] > 0 for notice in bodies)


def test_one_in_twenty_repeats_one_that_was_no_repeat() -> None:
    bodies = list(notices.bodies(5_000, notices.Wallets(10, 12), repeats=True))
    times = Counter(bodies)
    assert set(times.values()) == {1, 2}
    assert notices.repeats_among(5_000) == sum(count == 2 for count in times.values()) == 200
    assert notices.repeats_among(notices.REPEAT_DISTANCE) == 0


# --- the checks after a run ---------------------------------------------------------------------------------


def test_a_run_that_lost_and_doubled_nothing_is_accepted() -> None:
    assert not throughput.disagreement(sent(), 20_064, connections=64)
    assert not throughput.disagreement(sent(), 20_000, connections=64)
    repeats = notices.repeats_among(20_065)
    assert not throughput.disagreement(sent(), 20_064 - repeats, connections=64, repeats=True)


@pytest.mark.parametrize("credited", [19_999, 20_066])
def test_a_run_that_lost_or_doubled_a_notice_is_refused(credited: int) -> None:
    assert "credited" in throughput.disagreement(sent(), credited, connections=64)


def test_a_run_that_credited_a_repeat_is_refused() -> None:
    assert "credited" in throughput.disagreement(sent(), 20_064, connections=64, repeats=True)


@pytest.mark.parametrize("fault", ["refused", "broken", "timed_out"])
def test_a_run_with_one_bad_answer_is_refused(fault: str) -> None:
    assert fault.replace("_", " ") in throughput.disagreement(sent(**{fault: 1}), 20_064, connections=64)


# --- the figures --------------------------------------------------------------------------------------------


RUNS = [
    *(run("many-64", "till", number, rate) for number, rate in ((1, 9_000), (2, 12_000), (3, 3_000))),
    *(run("many-64", "hordak", number, rate) for number, rate in ((1, 450), (2, 400), (3, 300))),
    *(run("many-64", "till_view", number, 700) for number in (1, 2, 3)),
    run("many-1", "till", 1, 700, p50_us=1_500),
    run("many-1", "double_entry_one", 1, 1_000, p50_us=1_000),
]
GROWTH = {
    "sizes": [10_000, 10_000_000],
    "reads": [
        {"read": "wallet", "postings": size, "round": 1, "p50_us": latency}
        for size, latency in ((10_000, 4_000), (10_000_000, 5_000))
    ],
    "writes": [
        {"postings": size, "round": 1, "per_second": rate} for size, rate in ((10_000, 10_000), (10_000_000, 5_000))
    ],
}
MEMORY = {
    "idle_mb": 80.0,
    "soak": {"minutes": 10, "first_mb": 95.0, "last_mb": 101.0, "points": [{"seconds": 20, "mb": 95.0}]},
    "trickling": {"connections": 200, "peak_mb": 99.0, "beside": {"per_second": 9_000, "p99_us": 15_000}},
    "full_queue": {"connections": 5_000, "peak_mb": 150.0, "load": {"refused": 2_000}},
}


def result() -> dict[str, Any]:
    about = {"date": "2026-01-02 03:04 UTC", "command": "python -m benchmarks", "load_before": 0.1}
    return {
        "machine": machine.facts(),
        "till": "abc1234",
        "postgres": dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "on")
        | {"server_version": "18.4", "shared_buffers": "256MB"},
        "throughput": {**about, "runs": RUNS},
        "growth": {**about, **GROWTH},
        "memory": {**about, **MEMORY},
    }


def figure(name: str) -> figures.Figure:
    return next(figure for figure in figures.all_figures(result()) if figure.name.startswith(name))


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    fast = figure("Till's fast path / django-hordak")
    assert (fast.measured, fast.verdict) == (20.0, "floor")


def test_a_round_that_only_one_has_is_left_out() -> None:
    first = {1: run("x", "a", 1, 10), 2: run("x", "a", 2, 99)}
    assert figures.ratio(first, {1: run("x", "b", 1, 5)}, figures.per_second) == 2


def test_cpu_is_that_of_service_and_postgresql() -> None:
    assert figure("CPU for each webhook").measured == pytest.approx(20.0)


def test_where_less_is_better_the_verdict_knows_it() -> None:
    one = figure("one connection")
    assert (one.measured, one.verdict) == (1.5, "aim")
    assert figure("throughput with 10,000,000").verdict == "missed"
    assert figure("latency of wallet").verdict == "aim"
    assert figure("memory of a worker").verdict == "aim"


def test_what_was_not_measured_is_said_so() -> None:
    assert {figure.verdict for figure in figures.all_figures({})} == {"not measured"}
    assert "not measured" in figures.table(figures.all_figures({}))


# --- the page -----------------------------------------------------------------------------------------------


def test_the_section_names_machine_command_and_date(tmp_path: Path) -> None:
    readme, folder = tmp_path / "README.md", tmp_path / "results"
    readme.write_text(report.HERE.joinpath("README.md").read_text())
    report.write(result(), readme=readme, folder=folder)
    page = readme.read_text()
    for word in (
        "2026-01-02 03:04 UTC",
        "`python -m benchmarks`",
        machine.facts()["processor"],
        "`fsync` on",
        "**20**",
    ):
        assert word in page
    for plot in ("throughput", "cpu", "connections", "growth", "soak"):
        assert f"results/{plot}.svg" in page
        assert ElementTree.parse(folder / f"{plot}.svg").getroot().tag.endswith("svg")  # noqa: S314  our own
    assert page.startswith("# Benchmarks")
    assert page.rstrip().endswith("not measured.")


def test_each_part_keeps_the_till_that_was_measured() -> None:
    mixed = result()
    program.keep_versions(mixed)
    mixed |= {"till": "def5678", "users": {**mixed["memory"], "till": "def5678", "before": None, "runs": []}}
    page = report.section(mixed)
    assert "| throughput | abc1234 |" in page
    assert "| users | def5678 |" in page


def test_writing_the_section_again_changes_nothing() -> None:
    text = f"# A\n{report.BEGIN}\nold\n{report.END}\nend\n"
    once = report.into_readme(text, "new")
    assert report.into_readme(once, "new") == once
    assert "old" not in once


def test_a_page_without_its_markers_is_not_written_to() -> None:
    with pytest.raises(ValueError, match="markers"):
        report.into_readme("# A page", "new")


def test_a_plot_escapes_what_it_shows() -> None:
    svg = plots.bar_chart("a < b & c", {"<script>": {"x": 1.0}})
    assert "<script>" not in svg
    ElementTree.fromstring(svg)  # noqa: S314  our own


def test_an_axis_ends_at_a_round_number_above_its_points() -> None:
    assert [plots.round_ceiling(value) for value in (0, 0.7, 1, 1_819, 9_500)] == [1, 0.8, 1, 2_000, 10_000]


def test_every_contestant_of_a_scene_has_its_name_and_its_program() -> None:
    for scenario in (*throughput.FULL, *throughput.QUICK):
        for contestant in scenario.contestants:
            assert contestant in report.CONTESTANTS
            assert contestant in throughput.HTTP or (report.HERE / "sql" / f"{contestant}.sql").exists()


def test_quick_is_shorter_and_leaves_the_measured_page_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks"])
    full = program.arguments()
    monkeypatch.setattr("sys.argv", ["benchmarks", "--quick"])
    quick = program.arguments()
    assert (full.rounds, full.seconds, full.soak_minutes, full.json) == (5, 10, 10, program.LATEST)
    assert quick.rounds * quick.seconds < 5
    assert quick.json != program.LATEST
