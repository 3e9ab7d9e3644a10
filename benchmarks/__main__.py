"""`python -m benchmarks`: measure, write the JSON result, and from it the plots and the tables of README.md."""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import cluster, figures, growth, load, machine, memory, pgbench, report, servers, throughput, users
from benchmarks.databases import Databases

ROOT = Path(__file__).resolve().parent.parent
LATEST = ROOT / "benchmarks" / "results" / "latest.json"
PARTS = ("throughput", "growth", "memory", "users")
FAILURES = (
    *(load.LoadFailed, pgbench.PgbenchFailed, throughput.Unsound, cluster.NotDurable, servers.DidNotStart),
    subprocess.CalledProcessError,  # a command of Till's: migrate, check_ledger, …
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS='…', or python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute or two: to see that it works")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part (may be repeated)")
    parser.add_argument("--workload", choices=users.NAMES, action="append", help="of users: this one (may be repeated)")
    parser.add_argument("--before", metavar="COMMIT", help="of users, throughput: serve it in turn with what is here")
    parser.add_argument("--rounds", type=int, help="of each measurement (5; quick: 1)")
    parser.add_argument("--seconds", type=float, help="of each run (10; quick: 1)")
    parser.add_argument("--sizes", type=int, nargs="+", help="postings, for growth")
    parser.add_argument("--soak-minutes", type=float, help="(10; quick: 0.1)")
    parser.add_argument("--json", type=Path, help="where the result goes; parts that it holds already stay")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "bench", help="for PostgreSQL's data and logs")
    parser.add_argument("--report", action="store_true", help="measure nothing: plots and README from the result")
    given = parser.parse_args()
    quick, short = given.quick, (3, 2) if given.only == ["users"] else (1, 1)
    given.rounds = given.rounds or (short[0] if quick else 5)
    given.seconds = given.seconds or (short[1] if quick else 10)
    given.sizes = given.sizes or list(growth.QUICK if quick else growth.FULL)
    given.soak_minutes = given.soak_minutes or (0.1 if quick else 10)
    given.json = given.json or (given.folder / "quick.json" if quick else LATEST)
    return given


def main() -> int:
    given = arguments()
    if given.report:
        report.write(read(given.json))
        return 0
    try:
        load.require_wrk()
        result = measure(given)
    except FAILURES as error:
        print(f"{type(error).__name__}: {error}\nThe logs are in {given.folder}.", file=sys.stderr)
        return 1
    print(f"\n{report.summary(result)}\n\nThe result is in {given.json}.")
    if given.json.resolve() == LATEST:
        report.write(result)
    return 0


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Measure the chosen parts and add them to the result, each as soon as it is done."""
    result: dict[str, Any] = read(given.json) if given.json.exists() and given.only else {}
    about_machine = machine.facts()
    with Databases(given.folder).open() as databases:
        keep_versions(result)
        result |= {"machine": about_machine, "postgres": databases.postgres.settings(), "till": version()}
        for part in given.only or PARTS:
            print(f"\n--- {part} ---", flush=True)
            about = {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "command": command(),
                     "load_before": os.getloadavg()[0], "rounds": given.rounds, "seconds": given.seconds}  # fmt: skip
            began = time.monotonic()
            result[part] = {**about, **PROGRAMS[part](databases, given)}
            result[part]["took_seconds"] = round(time.monotonic() - began)
            result["figures"] = [figure.as_json() for figure in figures.all_figures(result)]
            given.json.parent.mkdir(parents=True, exist_ok=True)
            given.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return result


def keep_versions(result: dict[str, Any]) -> None:
    """Write beside each part which Till was measured: another one is about to be."""
    for part in PARTS:
        if part in result:
            result[part].setdefault("till", result["till"])


def read(file: Path) -> dict[str, Any]:
    """Return the result that a file holds. Stops the program if the file was written when its runs had other keys."""
    result: dict[str, Any] = json.loads(file.read_text())
    if any("scenario" not in run for run in result.get("throughput", {}).get("runs", ())):
        sys.exit(f"{file} is of an older version of the benchmarks: name another file with --json, or remove it.")
    return result


def _throughput(databases: Databases, given: argparse.Namespace) -> dict[str, Any]:
    among_others = throughput.QUICK if given.quick else throughput.FULL
    scenarios = throughput.BEFORE if given.before else among_others
    with throughput.Contest(databases, earlier=given.before) as contest:
        runs = contest.play(scenarios, rounds=given.rounds, seconds=given.seconds, show_progress=show_progress)
    return {"runs": runs, "checks": contest.check()}


def _growth(databases: Databases, given: argparse.Namespace) -> dict[str, Any]:
    return growth.measure(
        databases,
        given.sizes,
        rounds=given.rounds,
        seconds=given.seconds,
        read_seconds=1 if given.quick else 3,
        show_progress=show_progress,
    )


def _memory(databases: Databases, given: argparse.Namespace) -> dict[str, Any]:
    return memory.measure(databases, minutes=given.soak_minutes, seconds=given.seconds, show_progress=show_progress)


def _users(databases: Databases, given: argparse.Namespace) -> dict[str, Any]:
    chosen = users.scenarios(quick=given.quick, names=given.workload, has_earlier=bool(given.before))
    with users.UserContest(databases, chosen, earlier=given.before) as contest:
        runs = contest.play(rounds=given.rounds, seconds=given.seconds, show_progress=show_progress)
        return {"before": given.before, "runs": runs, "checks": contest.check()}


PROGRAMS = {"throughput": _throughput, "growth": _growth, "memory": _memory, "users": _users}


def show_progress(line: str) -> None:
    print(line, flush=True)


def command() -> str:
    """As it can be repeated, from the folder of the project."""
    return shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])


def version() -> str:
    """The commit that was measured, and whether the tree differed from it."""
    words = ["git", "describe", "--always", "--dirty"]
    described = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True).stdout.strip()
    return described or "without a repository"


if __name__ == "__main__":
    sys.exit(main())
