"""Each session of PostgreSQL's is as Till needs it, whatever the defaults of the server, the database, the address."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker, Settings

from config.database import session_checks
from config.embedded_postgres.binaries import launch
from config.embedded_postgres.cluster import Cluster
from config.embedded_postgres.initdb import prepare
from postgres.event_loop_connection import EventLoopConnection, connect, disconnect
from postgres.pipeline import KEEP_PLANS
from tests.support.live import database_url, free_port
from tests.support.pipeline_steps import asking, in_a_loop
from tests.support.sessions import end_sessions

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
READ = """
import json
from django.db import connection
from config.server import health
from postgres import event_loop_connection
def read(execute):
    names = ["lock_timeout", "default_transaction_isolation", "DateStyle", "jit", "search_path"]
    return [execute("SELECT current_setting(%s)", [name]).fetchone()[0] for name in names]
connection.ensure_connection()
loop = event_loop_connection.connect()
print(json.dumps([read(connection.connection.execute), read(loop.execute), health.readiness()]))
"""


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {"DJANGO_SETTINGS_MODULE": "config.settings", "TILL_DEBUG": "1"}
    if "DATABASE_URL" not in environment:
        given["DATABASE_URL"] = database_url()
    program = [sys.executable, "-c", f"import django; django.setup()\n{code}"]
    return subprocess.run(
        program, cwd=ROOT, env=os.environ | given | environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def odd_database(committed_db: None) -> Iterator[None]:
    """Its defaults are not ours."""
    with connection.cursor() as cursor:
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        odd = ("default_transaction_isolation = 'serializable'", "DateStyle = 'German'", "lock_timeout = 1", "jit = on")
        for setting in odd:
            cursor.execute(f"ALTER DATABASE {name} SET {setting}")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} RESET ALL")


@pytest.mark.parametrize("pool", ["0", "2"])
def test_a_session_is_ours_whatever_the_database_says(odd_database: None, pool: str) -> None:
    """The address may ask for more: it is added to ours. Readiness, with a connection of its own, gets it as well."""
    url = f"{database_url()}?options=-csearch_path%3Dpublic,pg_catalog"
    output = python(READ, DATABASE_URL=url, TILL_DB_POOL_SIZE=pool, TILL_LOCK_TIMEOUT_MS="1234")
    assert output.returncode == 0, output.stderr
    django, loop, ready = json.loads(output.stdout)
    assert django == loop == ["1234ms", "read committed", "ISO, YMD", "off", "public,pg_catalog"]
    assert ready == {"database": "ok", "migrations": "ok"}


def test_what_the_address_must_not_set_is_named(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    options = connection.settings_dict["OPTIONS"]
    assert session_checks.check_options("default") == []
    monkeypatch.setitem(options, "options", "-c lock_timeout=5 --search-path=x -c TimeZone=Asia/Tokyo")
    messages = session_checks.check_options("default")
    assert [message.id for message in messages] == ["till.E017"] * 2
    assert "lock_timeout" in messages[0].msg
    assert "TimeZone" in messages[1].msg


@pytest.fixture
def new_sessions(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Before the test's own transaction begins: what another test has SET is not asked about."""
    with django_db_blocker.unblock():
        end_sessions()


def test_a_session_that_is_otherwise_is_named_with_what_mends_it(new_sessions: None, db: None) -> None:
    assert session_checks.check("default") == []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = 0; SET LOCAL DateStyle = 'German'")
    [messages] = session_checks.check_settings("default")
    assert messages.id == "till.E017"
    assert "lock_timeout is '0' instead of '5000'" in messages.msg
    assert """SET "DateStyle" = 'ISO', 'YMD'""" in str(messages.hint)


@pytest.fixture
def pooled_by_transaction(committed_db: None, settings: Settings) -> Iterator[None]:
    settings.TILL_POOLER, settings.POOLS_TRANSACTIONS = "transaction", True
    end_sessions()
    yield
    end_sessions()


@pytest.mark.parametrize("commit", [True, False])
def test_in_transaction_mode_plans_are_kept_for_each_block_and_nothing_is_prepared(
    pooled_by_transaction: None, commit: bool
) -> None:
    names = [("SELECT current_setting($1)", name) for name in KEEP_PLANS]

    async def work(session: EventLoopConnection) -> Any:
        inside = [await session.run(asking(question, commit=commit)) for question in names]
        # Outside of any block of ours; and in the loop's thread, which would take the answer from another one.
        left = "SELECT current_setting('plan_cache_mode'), (SELECT count(*)::int FROM pg_prepared_statements)"
        return inside, session.connection.execute(left).fetchone()

    inside, left = in_a_loop(work)
    assert inside == [[[(value,)]] for value in KEEP_PLANS.values()]
    assert left == ("auto", 0)


def test_the_event_loops_session_has_the_limits(committed_db: None) -> None:
    connected = connect()
    try:
        wanted = settings.SESSION_SETTINGS
        rows = connected.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [[*wanted]]).fetchall()
        assert dict(rows) == wanted
    finally:
        disconnect(connected)


# --- a database that cannot be written to -------------------------------------------------------------------

READY = "from config.server import health; import json; print(json.dumps(health.readiness()))"


def test_till_is_not_ready_on_a_database_that_is_read_only(committed_db: None) -> None:
    """By its sessions alone: a database that is altered would be read-only for whoever else connects meanwhile."""
    url = f"{database_url()}?options=-cdefault_transaction_read_only%3Don"
    assert json.loads(python(READY, DATABASE_URL=url).stdout) == {"database": "read-only", "migrations": "ok"}
    assert json.loads(python(READY, DATABASE_URL=database_url()).stdout) == {"database": "ok", "migrations": "ok"}


@pytest.fixture
def standby(tmp_path: Path) -> Iterator[str]:
    """The address of a server that waits for its primary and can be read meanwhile."""
    cluster, port = Cluster(tmp_path), free_port()
    cluster.home.mkdir()
    prepare(cluster)
    marker, owner = cluster.pgdata / "standby.signal", cluster.pgdata.stat()
    marker.touch()
    os.chown(marker, owner.st_uid, owner.st_gid)
    listening = ("-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
    server = launch(cluster, "postgres", "-D", str(cluster.pgdata), *listening, pgdata=cluster.pgdata)
    url = f"postgres://till:{cluster.password_file.read_text()}@127.0.0.1:{port}/till"
    deadline = time.monotonic() + 30
    while not _answers(url) and time.monotonic() < deadline:
        time.sleep(0.1)
    yield url
    server.send_signal(signal.SIGINT)
    server.wait(30)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def test_till_is_not_ready_on_a_standby(standby: str) -> None:
    output = python(READY, DATABASE_URL=standby)
    assert output.returncode == 0, output.stderr
    assert json.loads(output.stdout)["database"] == "recovering"
