"""What goes wrong around a command (config/command_line.py) is one line; and two of `make run` do not meet."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection, transaction

from config.management.commands.run_demo import PREPARING_LOCK
from tests.support.live import database_url, free_port
from tests.support.production import GOOD, ROOT, manage

pytestmark = pytest.mark.slow

PATIENCE = 30
COMMANDS = ["check_ledger", "send_webhook", "expire_orders", "checkpoint_house", "prune_idempotency_keys"]


@pytest.fixture
def empty_database(committed_db: None) -> Iterator[str]:
    """The address of a database without tables."""
    url = urlsplit(database_url())
    name = f"{connection.settings_dict['NAME']}_empty"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name}")
        yield url._replace(path=f"/{name}").geturl()
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


Start = Callable[..., subprocess.Popen[str]]


def heed_interrupts() -> None:
    """Between fork and exec: who runs these tests in the background may have told all below to ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start() -> Iterator[Start]:
    """Runs Python beside the test, and ends it with the test."""
    with ExitStack() as started:

        def begin(*arguments: str, url: str, **environment: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **GOOD, "DATABASE_URL": url, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # no terminal either
                preexec_fn=heed_interrupts,
            )
            started.enter_context(process)
            started.callback(process.kill)
            return process

        yield begin


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


#: Runs each argument as a command line of manage.py, in a fork of one process that has loaded Till.
FORKS = """
import gc, json, os, sys, tempfile
import django
from django.core.checks import run_checks
from config import command_line

def run(line):
    try:
        command_line.main(["manage.py", *line.split()])
    except SystemExit as ended:
        return ended.code
    return 0

django.setup()
run_checks()  # loads what each of them would load again
gc.freeze()
ended = {}
for line in sys.argv[1:]:
    with tempfile.TemporaryFile("w+") as stderr:
        if not (child := os.fork()):
            os.dup2(stderr.fileno(), 2)
            os._exit(run(line))
        _, status = os.waitpid(child, 0)
        stderr.seek(0)
        ended[line] = os.waitstatus_to_exitcode(status), stderr.read()
print(json.dumps(ended))
"""


def manage_each(*lines: str, **changes: str) -> dict[str, tuple[int, str]]:
    """Return how each command ended and what it wrote to stderr: a process for each would mostly load Till."""
    environment = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings", **GOOD, **changes}
    command = [sys.executable, "-c", FORKS, *lines]
    result = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        start_new_session=True,  # no terminal either
    )
    ended = json.loads(result.stdout)
    assert list(ended) == list(lines)
    return {line: (code, stderr) for line, (code, stderr) in ended.items()}


@pytest.fixture(scope="module")
def nowhere() -> dict[str, tuple[int, str]]:
    """How commands end whose database cannot be reached."""
    others = ("check_ledger --traceback", "create_admin --email ops@example.com")
    return manage_each(*COMMANDS, *others, TILL_DB_POOL_SIZE="0")


def assert_one_line_says_why(line: str, code: int, stderr: str) -> None:
    assert code == 1, line
    assert stderr.startswith("CommandError: The database cannot be used: "), line
    assert "Connection refused" in stderr, line
    assert stderr.count("\n") == 1, line


def test_a_command_says_in_one_line_why_the_database_cannot_be_used(nowhere: dict[str, tuple[int, str]]) -> None:
    for line in COMMANDS:
        assert_one_line_says_why(line, *nowhere[line])


def test_a_command_with_a_pool_says_so_as_well() -> None:
    for line, (code, stderr) in manage_each(*COMMANDS, TILL_DB_POOL_SIZE="8").items():
        assert_one_line_says_why(line, code, stderr)


def test_a_command_says_in_one_line_that_tables_are_missing(empty_database: str) -> None:
    for line, (code, stderr) in manage_each(*COMMANDS, "load_rates sample", DATABASE_URL=empty_database).items():
        assert code == 1, line
        assert stderr.startswith("CommandError: The database is not up to date: "), line
        assert stderr.endswith(" does not exist: run manage.py migrate.\n"), line
        assert stderr.count("\n") == 1, line


def test_a_command_shows_all_to_who_asks_for_a_traceback(nowhere: dict[str, tuple[int, str]]) -> None:
    code, stderr = nowhere["check_ledger --traceback"]
    assert code == 1
    assert "Traceback" in stderr


def test_a_command_hides_no_mistake_of_ours(empty_database: str) -> None:
    wrong = "from django.db import connection; connection.cursor().execute('SELEKT 1')"
    result = manage("shell", "-c", wrong, DATABASE_URL=empty_database)
    assert result.returncode == 1
    assert "Traceback" in result.stderr


@pytest.mark.usefixtures("committed_db")
def test_check_ledger_stops_without_a_traceback(start: Start) -> None:
    def is_waiting() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_locks WHERE NOT granted AND relation = 'payments_posting'::regclass")
            return bool(cursor.rowcount)

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK payments_posting")
        checking = start("manage.py", "check_ledger", url=database_url())
        eventually(is_waiting)
        checking.send_signal(signal.SIGINT)
        output = checking.communicate(timeout=PATIENCE)
    assert (checking.returncode, *output) == (130, "", "Stopped.\n")


@pytest.mark.usefixtures("committed_db")
def test_send_webhook_stops_without_a_traceback_and_without_the_rest(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        sending = start("manage.py", "send_webhook", "--count", "50", "--url", url, url=database_url())
        deaf.settimeout(PATIENCE)
        first, _ = deaf.accept()
        sending.send_signal(signal.SIGINT)
        close_after_a_pause(first)
        deaf.settimeout(0.1)
        connections = 1
        while sending.poll() is None:
            with suppress(TimeoutError):
                close_after_a_pause(deaf.accept()[0])
                connections += 1
        out, err = sending.communicate(timeout=PATIENCE)
    assert (sending.returncode, out, err.split("\r")[-1].splitlines()[-1]) == (130, "", "Stopped.")
    assert "Traceback" not in err
    assert connections < 10


def close_after_a_pause(line: socket.socket) -> None:
    """Wait, so that the signal is not overtaken by many answers: on a busy machine it may be by a few."""
    time.sleep(0.2)
    line.close()


def test_create_admin_names_the_other_ways_where_nobody_can_be_asked(nowhere: dict[str, tuple[int, str]]) -> None:
    code, stderr = nowhere["create_admin --email ops@example.com"]
    assert code == 1
    assert "TILL_ADMIN_PASSWORD" in stderr
    assert "--password-stdin" in stderr
    assert stderr.count("\n") == 1


def test_run_demo_prepares_a_database_alone(start: Start, empty_database: str) -> None:
    """Two that migrate a fresh one at once would make the same tables, and one of them would be refused."""
    with psycopg.connect(empty_database, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [PREPARING_LOCK])
        code = (
            "import django; django.setup()\n"
            "from config.management.commands import run_demo\n"
            "run_demo.os.execv = lambda *_: None\n"
            "from django.core.management import call_command; call_command('run_demo')"
        )
        settings = {"DJANGO_SETTINGS_MODULE": "config.settings", "TILL_DEBUG": "1", "TILL_ALLOWED_HOSTS": ""}
        late = start("-c", code, url=empty_database, TILL_LOCK_TIMEOUT_MS="100", PORT=str(free_port()), **settings)
        waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        eventually(lambda: other.execute(waiting).rowcount == 1 or late.poll() is not None)
        time.sleep(0.3)
        assert other.execute("SELECT to_regclass('django_migrations')").fetchone() == (None,)
        other.execute("SELECT pg_advisory_unlock(%s)", [PREPARING_LOCK])
        _, err = late.communicate(timeout=4 * PATIENCE)
        assert (late.returncode, err) == (0, "")
        assert other.execute("SELECT count(*) FROM accounts_user").fetchone() == (5,)
