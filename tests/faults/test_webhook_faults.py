"""kill -9 under load: what was acknowledged stays, nothing is credited twice, and service resumes by itself."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psycopg
import pytest
from pytest_django.plugin import DjangoDbBlocker

from config.embedded_postgres import __main__ as command_line
from config.embedded_postgres import base
from config.embedded_postgres.cluster import Cluster
from tests.support.http import PLAIN
from tests.support.live import ROOT, LiveTill
from tests.support.load_client import Reply, send_all
from tests.support.provider import FORMS, Delivery

pytestmark = pytest.mark.slow

NOTICES = 400
#: Sent and acknowledged before the fault: it may come before the answer to the first of the others.
FIRST = 20
#: Long enough for a recovery on a slow disk.
BACK_SECONDS = 60
Query = Callable[..., Any]
COMMANDS = """
import sys, django
from django.core.management import call_command
django.setup()
for command in sys.argv[1:]:
    call_command(command)
"""


def notices(user_id: int) -> list[Delivery]:
    """Distinct ones, for a few wallets, of one cent each."""
    return [
        random.choice(FORMS).notice(user_id=user_id, account_id=random.randint(1, 5) * 10**6, amount="0.01")
        for _ in range(NOTICES)
    ]


def under_load(
    till: LiveTill, deliveries: Sequence[Delivery], *, query: Query, fault: Callable[[], None]
) -> list[Reply]:
    """Send everything, and let the fault happen when some notices are credited and most are not."""
    first = send_all(till.url, deliveries[:FIRST], connections=4)
    assert {reply.status for reply in first} == {200}
    credited = "SELECT count(*) FROM payments_webhookevent"
    wanted = query(credited) + random.randint(5, NOTICES // 3)
    with ThreadPoolExecutor(1) as background:
        sending = background.submit(send_all, till.url, deliveries[FIRST:], connections=16)
        deadline = time.monotonic() + BACK_SECONDS
        while query(credited) < wanted:
            assert time.monotonic() < deadline, "nothing is credited"
            time.sleep(0.001)
        fault()
        return first + sending.result()


def acknowledged_are_kept(query: Query, replies: Sequence[Reply]) -> None:
    ids = [reply.body["transaction_id"] for reply in replies if reply.status == 200]
    events = query(
        "SELECT count(*) FROM payments_webhookevent e JOIN payments_posting p USING (transaction_id)"
        " WHERE e.external_id = ANY(%s) AND e.verdict = 'credited'",
        ids,
    )
    assert events == len(ids) > 0


def all_are_credited_once(query: Query, *, total: int) -> None:
    assert query("SELECT count(*) FROM payments_posting") == total
    credited = "SELECT count(DISTINCT external_id) FROM payments_webhookevent WHERE verdict = 'credited'"
    assert query(credited) == total
    assert query("SELECT sum(balance) * 100 FROM payments_wallet WHERE owner_id IS NOT NULL") == total


# --- both are ours -----------------------------------------------------------------------------------------


class OwnTill(LiveTill):
    """A Till on an embedded PostgreSQL of its own, which may be killed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="till-faults-"))
        self.folder.chmod(0o711)  # started by root, PostgreSQL runs as another user
        self.cluster = Cluster(self.folder)
        super().__init__(DATABASE_URL="", TILL_DATA=str(self.folder))
        self._connection: psycopg.Connection[Any] | None = None

    def manage(self, *commands: str) -> None:
        """All in one process: each would load Till anew."""
        words = [sys.executable, "-c", COMMANDS, *commands]
        subprocess.run(words, cwd=ROOT, env=self.environment, check=True, capture_output=True)

    def query(self, sql: LiteralString, *parameters: Any) -> Any:
        """The first value; connects again when PostgreSQL was killed in between."""
        deadline = time.monotonic() + BACK_SECONDS
        while True:
            try:
                if self._connection is None:
                    address = base.address({"TILL_DATA": str(self.folder)})
                    self._connection = psycopg.connect(**address, dbname="till", autocommit=True)
                row = self._connection.execute(sql, parameters).fetchone()
                return row[0] if row else None
            except psycopg.OperationalError:
                self.close_all()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def close_all(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def kill_postgres(self) -> None:
        """The first line of postmaster.pid is the process that all others belong to."""
        os.kill(int((self.cluster.pgdata / "postmaster.pid").read_text().split("\n")[0]), signal.SIGKILL)

    def until_postgres_is_away(self) -> None:
        """Killed, it serves those who are connected for some milliseconds more, each by a process of his own."""
        with suppress(psycopg.OperationalError):
            while self._connection is not None:
                self._connection.execute("SELECT 1")
                time.sleep(0.01)
        time.sleep(0.2)

    def signal_supervisor(self, number: int) -> None:
        os.kill(int(self.cluster.supervisor_lock.read_text()), number)

    def close(self) -> None:
        self.close_all()
        self.stop()
        assert command_line.stop(self.cluster)
        shutil.rmtree(self.folder)


@pytest.fixture(scope="module")
def own_till(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[OwnTill]:
    with django_db_blocker.unblock():
        till = OwnTill()
    try:
        till.manage("migrate", "seed_users", "seed_currencies")
        till.start()
        yield till
    finally:
        till.close()


@pytest.fixture
def user_id(own_till: OwnTill) -> int:
    return int(own_till.query("SELECT min(id) FROM accounts_user"))


# --- PostgreSQL ---------------------------------------------------------------------------------------------


def kill_postgres(till: OwnTill, user_id: int, *, rounds: int) -> None:
    before = till.query("SELECT count(*) FROM payments_posting")
    for number in range(1, rounds + 1):
        deliveries = notices(user_id)
        replies = under_load(till, deliveries, query=till.query, fault=till.kill_postgres)
        only_retries_are_asked_for(replies)
        acknowledged_are_kept(till.query, replies)
        until_all_are_credited(till, deliveries)
        all_are_credited_once(till.query, total=before + number * NOTICES)
    till.manage("check_ledger")


def only_retries_are_asked_for(replies: Sequence[Reply]) -> None:
    assert {reply.status for reply in replies} <= {200, 503}
    for reply in replies:
        if reply.status == 503:
            assert int(reply.headers["retry-after"]) >= 1
            assert reply.body["code"] in ("database_unavailable", "database_busy")


def until_all_are_credited(till: LiveTill, deliveries: Sequence[Delivery]) -> None:
    """Redeliver as a provider does: nobody restarts anything."""
    deadline = time.monotonic() + BACK_SECONDS
    while True:
        replies = send_all(till.url, deliveries, connections=16)
        only_retries_are_asked_for(replies)
        if {reply.status for reply in replies} == {200}:
            return
        assert time.monotonic() < deadline, "the service does not come back"


def test_a_killed_postgres_loses_and_repeats_nothing(own_till: OwnTill, user_id: int) -> None:
    kill_postgres(own_till, user_id, rounds=1)


@pytest.mark.torture
def test_a_postgres_killed_forty_times_loses_and_repeats_nothing(own_till: OwnTill, user_id: int) -> None:
    kill_postgres(own_till, user_id, rounds=40)


def test_while_postgres_is_away_every_answer_is_503_and_it_comes_back_by_itself(
    own_till: OwnTill, user_id: int
) -> None:
    deliveries = [form.notice(user_id=user_id, amount="0.01") for form in FORMS]
    unknown = [form.notice(user_id=user_id + 1000, amount="0.01") for form in FORMS]
    until_all_are_credited(own_till, deliveries[:1])
    own_till.signal_supervisor(signal.SIGSTOP)
    try:
        own_till.kill_postgres()
        own_till.until_postgres_is_away()
        replies = send_all(own_till.url, deliveries + unknown, connections=6)
        only_retries_are_asked_for(replies)
        assert {reply.status for reply in replies} == {503}
        assert httpx.get(f"{own_till.url}/health/live", verify=PLAIN).status_code == 200
        assert httpx.get(f"{own_till.url}/health/ready", timeout=30, verify=PLAIN).status_code == 503
    finally:
        own_till.signal_supervisor(signal.SIGCONT)
    until_all_are_credited(own_till, deliveries)
    assert {json.loads(r.content)["code"] for r in send_all(own_till.url, unknown, connections=1)} == {"user_not_found"}


# --- the server ---------------------------------------------------------------------------------------------


def kill_the_server(till: OwnTill, user_id: int, *, rounds: int) -> None:
    before = till.query("SELECT count(*) FROM payments_posting")
    for number in range(1, rounds + 1):
        deliveries = notices(user_id)
        with till.back_again():
            replies = under_load(till, deliveries, query=till.query, fault=till.kill)
        assert {reply.status for reply in replies} <= {200, 0}
        acknowledged_are_kept(till.query, replies)
        again = send_all(till.url, deliveries, connections=16)
        assert {reply.status for reply in again} == {200}
        all_are_credited_once(till.query, total=before + number * NOTICES)
    till.manage("check_ledger")


def test_a_killed_server_loses_and_repeats_nothing(own_till: OwnTill, user_id: int) -> None:
    kill_the_server(own_till, user_id, rounds=1)


@pytest.mark.torture
def test_a_server_killed_forty_times_loses_and_repeats_nothing(own_till: OwnTill, user_id: int) -> None:
    kill_the_server(own_till, user_id, rounds=40)


def test_a_server_that_is_told_to_stop_answers_what_it_has_taken(own_till: OwnTill, user_id: int) -> None:
    counted = "SELECT count(*) FROM payments_webhookevent"
    before = own_till.query(counted)
    with own_till.back_again():
        replies = under_load(own_till, notices(user_id), query=own_till.query, fault=own_till.stop)
    assert {reply.status for reply in replies} <= {200, 0}
    acknowledged_are_kept(own_till.query, replies)
    assert own_till.query(counted) - before == Counter(reply.status for reply in replies)[200]
