"""`python -m benchmarks.hostile`: each cheap trick for twenty seconds, beside honest traffic that must not notice.

For each attack: p50 and p99 of honest webhooks and API calls, how many were refused, and the memory of the workers
before and after. The first and the last row are calm. At the end `check_ledger` recomputes the books.
"""

import argparse
import json
import multiprocessing
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import attacks, honest, servers
from benchmarks.attacks import ATTACKS, Target
from benchmarks.databases import FIRST_WALLET, Databases, token
from benchmarks.honest import Customer
from benchmarks.memory import now_mb, raise_file_limit
from benchmarks.report import HERE

DATABASE = "bench_hostile"
LATEST = HERE / "results" / "hostile.json"
CUSTOMERS = range(1, 21)
BEGIN, END = "<!-- hostile: written by the program -->", "<!-- end of hostile -->"
#: The soft limit of open files that most systems give: Till has to raise it by itself.
USUAL_OPEN_FILES = 1024
CALM = ("calm", "calm, at the end")
#: Honest p99 under attack may be so many times the calm one.
LIMIT = 3.0
WARM_SECONDS = 2.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of each attack (20)")
    parser.add_argument("--only", choices=list(ATTACKS), action="append", help="this attack (may be repeated)")
    parser.add_argument("--json", type=Path, default=LATEST, help="where the result goes")
    parser.add_argument(
        "--folder", type=Path, default=HERE.parent / "var" / "bench", help="for PostgreSQL's data and logs"
    )
    parser.add_argument("--report", action="store_true", help="measure nothing: the table again, from the result")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    if not given.report:
        raise_file_limit()
        result = measure(given)
        given.json.write_text(json.dumps(result, indent=1) + "\n")
    result = json.loads(given.json.read_text())
    print(table(result))
    if given.json.resolve() == LATEST:
        readme = HERE / "README.md"
        readme.write_text(into_readme(readme.read_text(), table(result)))
    return 0


def measure(given: argparse.Namespace) -> dict[str, Any]:
    names = [CALM[0], *(given.only or ATTACKS), CALM[1]]
    with Databases(given.folder).open() as databases, attacks.silent_mail_server() as mail:
        make_books(databases)
        rows = [play_afresh(databases, mail.getsockname()[1], name, given.seconds) for name in names]
        balanced = databases.check_ledger(DATABASE)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "seconds": given.seconds,
        "load_before": os.getloadavg()[0],
        "books": balanced,
        "rows": rows,
    }


def make_books(databases: Databases) -> None:
    """A wallet with a long history for the statements, and money in every wallet."""
    databases.make_till(DATABASE)
    lines = attacks.STATEMENT_LINES * 10
    databases.fill_till(DATABASE, after=0, upto=lines)
    databases.postgres.run_file(DATABASE, "till_settle.sql")
    with databases.postgres.connect(DATABASE) as connection:
        connection.execute(
            "UPDATE accounts_user SET password = (SELECT password FROM accounts_user WHERE id = %s)"
            " WHERE id BETWEEN %s AND %s",
            [FIRST_WALLET, FIRST_WALLET + CUSTOMERS.start, FIRST_WALLET + CUSTOMERS.stop],
        )


@contextmanager
def served(databases: Databases, mail_port: int) -> Iterator[servers.Server]:
    """Till as `make run` serves it, with few open files allowed and a mail server that never answers."""
    environment = {
        **servers.till_environment(databases.postgres.url(DATABASE), databases.folder),
        "TILL_EMAIL_URL": f"smtp://till:secret@127.0.0.1:{mail_port}",
        "TILL_METRICS_TOKEN": secrets.token_urlsafe(32),
        "TILL_THROTTLE_WRITES": "",  # the limits of users are meant to hold here
        "TILL_PENDING_ORDERS": "",
    }
    gunicorn = f"ulimit -Sn {USUAL_OPEN_FILES} && exec '{sys.executable}' -m gunicorn -c config/gunicorn.conf.py"
    server = servers.Server(
        "hostile", ["sh", "-c", gunicorn], environment, ready="/health/ready", log=databases.folder / "hostile.log"
    )
    try:
        yield server.start()
    finally:
        server.stop()


def signed_in_customers(url: str) -> list[Customer]:
    return [Customer(FIRST_WALLET + n, token(url, f"user{n}@bench.example")) for n in (0, *CUSTOMERS)]


def play_afresh(databases: Databases, mail_port: int, name: str, seconds: float) -> dict[str, Any]:
    """One row by a server that was started for it, so that none pays for the attack before."""
    with served(databases, mail_port) as server:
        customers = signed_in_customers(server.url)
        honest.run(server.port, customers[1:], WARM_SECONDS)
        return play(name, server, customers, seconds)


def play(name: str, server: servers.Server, customers: list[Customer], seconds: float) -> dict[str, Any]:
    """One row of the table. The first customer is the attacker."""
    before, workers = now_mb(server.workers), server.workers
    target = Target(server.port, customers[0].token, customers[0].wallet, time.monotonic() + seconds)
    with multiprocessing.Pool(1) as pool:
        attack = pool.apply_async(attacks.play, (name, target)) if name in ATTACKS else None
        seen = honest.run(server.port, customers[1:], seconds)
        answers = attack.get(timeout=seconds + 60) if attack else {}
    row = {
        "name": name,
        **{kind: counted.as_json() for kind, counted in seen.items()},
        "attack": answers,
        "mb_before": round(before, 1),
        "mb_after": round(now_mb(server.workers), 1),
        "workers_lost": len(workers - server.workers),
    }
    print(line(row, None), flush=True)
    return row


def line(row: dict[str, Any], calm: dict[str, float] | None) -> str:
    cells = [row["name"].replace("_", " ")]
    for kind in ("webhooks", "calls"):
        p99 = f"{row[kind]['p99_ms']:.0f}"
        if calm and row["name"] not in CALM:
            times = row[kind]["p99_ms"] / calm[kind]
            p99 += f" ({'**' * (times > LIMIT)}x {times:.1f}{'**' * (times > LIMIT)})"
        cells += [f"{row[kind]['p50_ms']:.1f}", p99, str(row[kind]["refused"])]
    answers = ", ".join(f"{status} x {count:,}" for status, count in sorted(row["attack"].items()))
    troubles = {"workers lost": row["workers_lost"], "probes not ready": row["ready"]["refused"]}
    noted = "".join(f", {count} {what}" for what, count in troubles.items() if count)
    cells += [f"{row['mb_before']:.0f} → {row['mb_after']:.0f}{noted}", answers or "—"]
    return f"| {' | '.join(cells)} |"


def table(result: dict[str, Any]) -> str:
    calm_rows = [row for row in result["rows"] if row["name"] in CALM]
    calm = {kind: median(row[kind]["p99_ms"] for row in calm_rows) for kind in ("webhooks", "calls")}
    head = [
        "attack",
        "webhooks p50 ms",
        "p99",
        "refused",
        "API calls p50 ms",
        "p99",
        "refused",
        "larger worker, MB",
        "the attack's answers",
    ]
    measured = (
        f"{result['date']}, `python -m benchmarks.hostile --seconds {result['seconds']:g}`,"
        f" load before {result['load_before']:.2f}; afterwards the books are {result['books']}."
    )
    return "\n".join(
        [
            measured,
            "",
            f"| {' | '.join(head)} |",
            "|---" * len(head) + "|",
            *(line(row, calm) for row in result["rows"]),
        ]
    )


def into_readme(text: str, section: str) -> str:
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{section}\n\n{END}{after}"


if __name__ == "__main__":
    sys.exit(main())
