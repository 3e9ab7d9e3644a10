"""kill -9 under load: what was acknowledged stays, nothing is done twice, and service resumes by itself.

Webhooks and users' transfers, both of which the event loop answers.
"""

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
from tests.support.storms import STORMS, NoticeStorm

pytestmark = pytest.mark.slow

REQUESTS = 400
#: Sent and acknowledged before the fault: it may come before the answer to the first of the others.
FIRST = 20
#: Long enough for a recovery on a slow disk.
BACK_SECONDS = 60
COMMANDS = """
import sys, django
from django.core.management import call_command
django.setup()
for command in sys.argv[1:]:
    call_command(command)
"""


def under_load(storm: NoticeStorm, deliveries: Sequence[Delivery], *, fault: Callable[[], None]) -> list[Reply]:
    """Send everything, and let the fault happen when some are done and most are not."""
    first = send_all(storm.url, deliveries[:FIRST], connections=4)
    assert {reply.status for reply in first} == {storm.success}
    wanted = storm.query(storm.counted) + random.randint(5, REQUESTS // 3)
    with ThreadPoolExecutor(1) as background:
        sending = background.submit(send_all, storm.url, deliveries[FIRST:], connections=16)
        deadline = time.monotonic() + BACK_SECONDS
        while storm.query(storm.counted) < wanted:
            assert time.monotonic() < deadline, "nothing is done"
            time.sleep(0.001)
        fault()
        return first + sending.result()


# --- both are ours -----------------------------------------------------------------------------------------


class OwnTill(LiveTill):
    """A Till on an embedded PostgreSQL of its own, which may be killed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="till-faults-"))
        self.folder.chmod(0o711)  # started by root, PostgreSQL runs as another user
        self.cluster = Cluster(self.folder)
        super().__init__(DATABASE_URL="", TILL_DATA=str(self.folder), TILL_ACCESS_TOKEN_SECONDS="80000")
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


@pytest.fixture(scope="module", params=STORMS)
def storm(own_till: OwnTill, request: pytest.FixtureRequest) -> NoticeStorm:
    storm: NoticeStorm = request.param(own_till.query, own_till.url)
    return storm


# --- PostgreSQL ---------------------------------------------------------------------------------------------


def kill_postgres(till: OwnTill, storm: NoticeStorm, *, rounds: int) -> None:
    before = till.query(storm.counted)
    for number in range(1, rounds + 1):
        deliveries = storm.deliveries(REQUESTS)
        replies = under_load(storm, deliveries, fault=till.kill_postgres)
        only_retries_are_asked_for(storm, replies)
        storm.acknowledged_are_stored(replies)
        until_all_are_done(storm, deliveries)
        storm.all_are_done_once(before + number * REQUESTS)
    till.manage("check_ledger")


def only_retries_are_asked_for(storm: NoticeStorm, replies: Sequence[Reply]) -> None:
    assert {reply.status for reply in replies} <= {storm.success, 503}
    for reply in replies:
        if reply.status == 503:
            assert int(reply.headers["retry-after"]) >= 1
            assert reply.body["code"] in ("database_unavailable", "database_busy")


def until_all_are_done(storm: NoticeStorm, deliveries: Sequence[Delivery]) -> None:
    """Send again as a provider or a client does: nobody restarts anything."""
    deadline = time.monotonic() + BACK_SECONDS
    while True:
        replies = send_all(storm.url, deliveries, connections=16)
        only_retries_are_asked_for(storm, replies)
        if {reply.status for reply in replies} == {storm.success}:
            return
        assert time.monotonic() < deadline, "the service does not come back"


def test_a_killed_postgres_loses_and_repeats_nothing(own_till: OwnTill, storm: NoticeStorm) -> None:
    kill_postgres(own_till, storm, rounds=1)


@pytest.mark.torture
def test_a_postgres_killed_forty_times_loses_and_repeats_nothing(own_till: OwnTill, storm: NoticeStorm) -> None:
    kill_postgres(own_till, storm, rounds=40)


def test_while_postgres_is_away_every_answer_is_503_and_it_comes_back_by_itself(
    own_till: OwnTill, storm: NoticeStorm
) -> None:
    deliveries = storm.deliveries(6)
    unknown = [form.notice(user_id=storm.user_id + 1000, amount="0.01") for form in FORMS]
    until_all_are_done(storm, deliveries[:1])
    own_till.signal_supervisor(signal.SIGSTOP)
    try:
        own_till.kill_postgres()
        own_till.until_postgres_is_away()
        replies = send_all(own_till.url, deliveries + unknown, connections=6)
        only_retries_are_asked_for(storm, replies)
        assert {reply.status for reply in replies} == {503}
        assert httpx.get(f"{own_till.url}/health/live", verify=PLAIN).status_code == 200
        assert httpx.get(f"{own_till.url}/health/ready", timeout=30, verify=PLAIN).status_code == 503
    finally:
        own_till.signal_supervisor(signal.SIGCONT)
    until_all_are_done(storm, deliveries)
    assert {json.loads(r.content)["code"] for r in send_all(own_till.url, unknown, connections=1)} == {"user_not_found"}


# --- the server ---------------------------------------------------------------------------------------------


def kill_the_server(till: OwnTill, storm: NoticeStorm, *, rounds: int) -> None:
    before = till.query(storm.counted)
    for number in range(1, rounds + 1):
        deliveries = storm.deliveries(REQUESTS)
        with till.back_again():
            replies = under_load(storm, deliveries, fault=till.kill)
        assert {reply.status for reply in replies} <= {storm.success, 0}
        storm.acknowledged_are_stored(replies)
        again = send_all(till.url, deliveries, connections=16)
        assert {reply.status for reply in again} == {storm.success}
        storm.all_are_done_once(before + number * REQUESTS)
    till.manage("check_ledger")


def test_a_killed_server_loses_and_repeats_nothing(own_till: OwnTill, storm: NoticeStorm) -> None:
    kill_the_server(own_till, storm, rounds=1)


@pytest.mark.torture
def test_a_server_killed_forty_times_loses_and_repeats_nothing(own_till: OwnTill, storm: NoticeStorm) -> None:
    kill_the_server(own_till, storm, rounds=40)


def test_a_server_that_is_told_to_stop_answers_what_it_has_taken(own_till: OwnTill, storm: NoticeStorm) -> None:
    before = own_till.query(storm.counted)
    with own_till.back_again():
        replies = under_load(storm, storm.deliveries(REQUESTS), fault=own_till.stop)
    assert {reply.status for reply in replies} <= {storm.success, 0}
    storm.acknowledged_are_stored(replies)
    assert own_till.query(storm.counted) - before == Counter(reply.status for reply in replies)[storm.success]
