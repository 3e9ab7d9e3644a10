"""The benchmark of what users ask: requests, checks, figures. Nothing is timed, and no server is started."""

import json
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from accounts import tokens
from benchmarks import __main__ as program
from benchmarks import bookings, figures, peer, report, servers, user_report, user_requests, user_tokens, users
from benchmarks.bookings import Booking
from benchmarks.databases import FIRST_WALLET
from benchmarks.user_requests import WORKLOADS, Tokens, UserRequest
from tests.support import recipes
from tests.support.benchmark_runs import run, sent

TOKENS = Tokens(peer.user_tokens(FIRST_WALLET, user_requests.SIGNED_IN))
PREFIX = "0123abcd-"


# --- what is asked ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_prepared_request_is_one_line_of_four_fields(name: str) -> None:
    for request in WORKLOADS[name].prepare(TOKENS, 50):
        line = request.line()
        assert "\n" not in line
        assert line.split("\t") == [request.method, request.path, request.authorization, request.body]


@pytest.mark.parametrize("name", ["transfers", "into_one", "from_one"])
def test_a_transfer_is_sent_by_the_owner_of_its_source_to_another_wallet(name: str) -> None:
    for request in WORKLOADS[name].prepare(TOKENS, 500):
        asked_for = json.loads(request.body)
        source, destination, amount = request.expected or (0, 0, Decimal(0))
        assert (asked_for["source"], asked_for["destination"]) == (source, destination)
        assert source != destination
        assert Decimal(asked_for["amount"]) == amount > 0
        assert request.authorization == TOKENS.of(source)


def test_into_one_and_from_one_meet_in_a_single_wallet() -> None:
    into = {request.expected[1] for request in WORKLOADS["into_one"].prepare(TOKENS, 200) if request.expected}
    out_of = {request.expected[0] for request in WORKLOADS["from_one"].prepare(TOKENS, 200) if request.expected}
    assert (into, out_of) == ({user_requests.RECEIVER}, {user_requests.SENDER})


def test_a_purchase_costs_the_price_times_the_quantity() -> None:
    products = set()
    for request in WORKLOADS["purchases"].prepare(TOKENS, 500):
        order = json.loads(request.body)
        assert request.expected == (order["wallet"], order["product"], user_requests.PRICE * order["quantity"])
        products.add(order["product"])
    assert products <= set(range(1, user_requests.PRODUCTS + 1))
    assert len(products) > 1
    assert {json.loads(request.body)["product"] for request in WORKLOADS["one_product"].prepare(TOKENS, 50)} == {1}


def test_a_page_that_is_not_full_is_none() -> None:
    assert user_requests.is_page({"results": [{}] * user_requests.PAGE})
    assert not user_requests.is_page({"results": [{}]})


@pytest.mark.django_db
def test_users_are_signed_in_without_their_passwords(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = recipes.user.make(), recipes.user.make()
    user_tokens.main(first.pk, second.pk - first.pk + 1)
    holders = [tokens.holder_of_access(token) for token in capsys.readouterr().out.split()]
    assert holders == [first, second]


def test_an_earlier_commit_is_laid_out_in_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "earlier").mkdir()
    (tmp_path / "earlier" / "left_from_another_commit").touch()
    root = servers.earlier(tmp_path, "HEAD")
    assert (root / "manage.py").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {root.name}
    assert not (root / "left_from_another_commit").exists()


def test_two_runs_never_share_a_port(tmp_path: Path) -> None:
    code = "from benchmarks import servers; print(servers.Server('s', [], {}, ready='/', log=servers.ROOT).port)"
    ours = servers.Server("s", [], {}, ready="/", log=tmp_path / "log")
    theirs = subprocess.run([sys.executable, "-c", code], cwd=servers.ROOT, check=True, capture_output=True, text=True)
    assert int(theirs.stdout) != ours.port


# --- the checks after a run ---------------------------------------------------------------------------------


def transfer(amount: str) -> UserRequest:
    return UserRequest("POST", "/api/v1/transfers", expected=(1, 2, Decimal(amount)))


#: Three that are asked over and over: the fourth is the first again.
PREPARED = [transfer("0.01"), transfer("0.02"), transfer("0.03")]


def booked(*numbers: int) -> list[Booking]:
    return [Booking(f"{PREFIX}{n}", 1, 2, Decimal(1 + (n - 1) % 3) / 100) for n in numbers]


def problem(stored: list[Booking], *, added: int | None = None, prepared: Any = PREPARED, **changes: int) -> str:
    """Say what the check says of ten requests handed out, the first of which was thrown away, by one connection."""
    load = sent(**{"taken": 10, "requests": 8} | changes)
    return bookings.disagreement(
        load, stored, prepared, added=len(stored) if added is None else added, prefix=PREFIX, connections=1
    )


def test_a_run_whose_answers_are_booked_once_is_accepted() -> None:
    assert not problem(booked(*range(2, 11)))
    assert not problem(booked(*range(2, 10)))


def test_a_run_that_lost_an_answered_request_is_refused() -> None:
    assert "7 booked" in problem(booked(*range(2, 9)))


def test_a_run_that_booked_what_nobody_asked_for_is_refused() -> None:
    assert "11 booked" in problem(booked(*range(2, 13)))
    assert "booked under" in problem(booked(*range(2, 11)), added=10)
    assert "booked under" in problem([*booked(*range(2, 10)), *booked(2)])
    assert "booked under" in problem([*booked(*range(2, 11)), *booked(2)], added=9)


@pytest.mark.parametrize("wrong", [{"amount": Decimal("0.03")}, {"destination": 3}, {"source": None}])
def test_a_run_that_booked_something_else_is_refused(wrong: dict[str, Any]) -> None:
    first, *others = booked(*range(2, 11))
    assert "1 of 9 are not what was asked for" in problem([first._replace(**wrong), *others])


@pytest.mark.parametrize("fault", ["refused", "broken", "timed_out"])
def test_a_run_with_one_bad_answer_is_refused(fault: str) -> None:
    assert fault.replace("_", " ") in problem(booked(*range(2, 11)), **{fault: 1})


def test_a_run_that_answered_fewer_than_were_under_way_is_refused() -> None:
    assert "5 answered" in problem(booked(*range(2, 11)), requests=5)


def test_reading_books_nothing() -> None:
    reads = WORKLOADS["wallet"].prepare(TOKENS, 4)
    assert not problem([], prepared=reads)
    assert "1 booked" in problem(booked(2), prepared=reads)


# --- who is measured ----------------------------------------------------------------------------------------


def chosen(**more: Any) -> dict[str, tuple[str, ...]]:
    given = {"quick": False, "names": None, "has_earlier": True} | more
    return {scenario.name: scenario.contestants for scenario in users.scenarios(**given)}


def test_the_full_measurement_has_every_workload_at_three_numbers_of_connections() -> None:
    full = chosen()
    assert {f"{workload}-{number}" for workload in WORKLOADS for number in (1, 16, 64)} <= full.keys()
    assert full["transfers-16"] == ("till", "before", "hordak", users.PGBENCH)


def test_without_an_earlier_commit_nobody_is_called_before() -> None:
    assert not [name for name, contestants in chosen(has_earlier=False).items() if "before" in contestants]


def test_a_quick_measurement_is_short() -> None:
    quick = chosen(quick=True, has_earlier=False)
    assert {name.rpartition("-")[2] for name in quick} == {"1", "16"}
    assert not [name for name, contestants in quick.items() if "hordak" in contestants]
    assert set(chosen(quick=True, names=["login"])) == {"login-16"}


def test_every_scenario_and_contestant_has_a_name_in_the_table() -> None:
    names = user_report.names({"before": "abc1234"})
    for scenario in users.FULL:
        assert user_report.title(scenario.name)
        assert set(scenario.contestants) <= names.keys()
    assert Counter(scenario.name for scenario in users.FULL).most_common(1)[0][1] == 1


def test_a_quick_measurement_of_users_alone_has_three_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "--only", "users", "--quick", "--before", "abc1234"])
    given = program.arguments()
    assert (given.rounds, given.seconds, given.before) == (3, 2, "abc1234")
    assert given.json != program.LATEST


# --- figures and page ---------------------------------------------------------------------------------------

STEADY = {"has_priority": True}
BESIDE = STEADY | {"beside": {"login": {"per_second": 30.0}, "transfers": {"per_second": 90.0}}}
RUNS = [
    *(run("transfers-16", "till", number, rate) for number, rate in ((1, 2_000), (2, 3_000), (3, 500))),
    *(run("transfers-16", users.PGBENCH, number, 5_000) for number in (1, 2, 3)),
    run("transfers-16", "hordak", 1, 100),
    run("wallet-1", "till", 1, 900, p50_us=1_100),
    run("webhooks-64", "till", 1, 9_000),
    run("webhooks-64", "before", 1, 10_000),
    {
        name: value
        for name, value in run("steady-0", "till", 1, 200, p99_us=10_000, **STEADY).items()
        if name != "cpu_us"
    },
    run("steady_beside-64", "till", 1, 200, p99_us=14_000, **BESIDE),
    run("storm-16", "till", 1, 150, beside={"webhooks": {"per_second": 5_000.0}}),
]


@pytest.mark.parametrize(
    ("name", "measured", "reaches"),
    [
        ("transfers / pgbench", 0.4, "floor"),
        ("transfers / django-hordak", 20, "aim"),
        ("p50 of one wallet", 1.1, "floor"),
        ("p99 / p50 of transfers", 4, "floor"),
        ("webhooks / those", 0.9, "missed"),
        ("p99 of webhooks while", 1.4, "aim"),
        ("purchases of many", None, "not measured"),
    ],
)
def test_figures_of_users(name: str, measured: float | None, reaches: str) -> None:
    figure = next(f for f in figures.all_figures({"users": {"runs": RUNS}}) if f.name.startswith(name))
    assert (figure.measured, figure.verdict) == (measured, reaches)


def test_a_sender_that_had_to_wait_for_a_core_gives_no_figure() -> None:
    slow = [run_ | {"has_priority": False} if "has_priority" in run_ else run_ for run_ in RUNS]
    figure = next(f for f in figures.all_figures({"users": {"runs": slow}}) if f.name.startswith("p99 of webhooks"))
    assert figure.measured is None


def test_the_table_says_what_was_measured_and_nothing_else() -> None:
    section = user_report.section({"before": "abc1234", "runs": RUNS})
    assert "| transfers, many pairs, 16 | Till | 2,000 |" in section
    assert "Till before (abc1234)" in section
    undisturbed = next(line for line in section.splitlines() if "undisturbed" in line)
    assert undisturbed.endswith("| 10.00 |  |  |  |")
    assert "beside users who log in and transfer: 30 logins and 90 transfers were answered a second" in section
    assert "5,000 webhooks were answered a second" in section
    assert "purchases" not in section


def test_the_plots_are_drawn_of_what_there_is() -> None:
    drawn = report.draw({"users": {"before": None, "runs": RUNS}})
    assert set(drawn) == {"transfers", "users_cpu", "users_connections"}
    for svg in drawn.values():
        ElementTree.fromstring(svg)  # noqa: S314  our own
    assert report.draw({"users": {"before": None, "runs": []}}) == {}
