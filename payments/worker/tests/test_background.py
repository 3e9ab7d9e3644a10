"""The process: it delivers, stops as it is told, ends with its parent, and outlives a lost database."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.db import connection

from accounts import services
from accounts.models import OutgoingMail, User
from accounts.services import mail_lease
from payments.models import EventDelivery
from payments.worker import heartbeat
from tests.support.deliveries import endpoint_at
from tests.support.ledger import fund, wallet_of
from tests.support.live import database_url, free_port
from tests.support.receivers import Received, receiver, respond
from tests.support.shop_users import PASSWORD
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(committed_db: None, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "TILL_DEBUG": "1",
        "TILL_DATA": str(tmp_path),
        "DATABASE_URL": database_url(),
        "TILL_ENCRYPTION_KEYS": ",".join(settings.TILL_ENCRYPTION_KEYS),
        "TILL_MAIL_ACTIVATION_LINK": "0",
        "TILL_LOG_LEVEL": "WARNING",
    }


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def worker(environment: dict[str, str], tmp_path: Path, port: int) -> Iterator[WorkerProcess]:
    options = ("--heartbeat", str(tmp_path / "heartbeat"), "--metrics", f"127.0.0.1:{port}")
    process = WorkerProcess(environment, *options, log=tmp_path / "log")
    yield process
    process.stop()


def test_it_sends_mail_and_serving_processes_know_that(environment: dict[str, str]) -> None:
    process = WorkerProcess(environment | {"TILL_MAIL_ACTIVATION_LINK": "1", "TILL_EMAIL_URL": "dummymail://"})
    try:
        wait_until(mail_lease.is_held)
        services.register(email="dave@example.com", password=PASSWORD)
        wait_until(lambda: OutgoingMail.objects.filter(sent_at__isnull=False).exists())
    finally:
        assert process.stop() == 0
    assert not mail_lease.is_held()


def lose_all_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_worker_delivers_and_outlives_lost_connections(
    worker: WorkerProcess, alice: User, tmp_path: Path, port: int
) -> None:
    with receiver() as there:
        endpoint_at(there.url)
        wallet = wallet_of(alice)
        for number in range(1, 4):
            fund(wallet, "10")
            wait_until(lambda number=number: len(there.requests) == number + 1)  # type: ignore[misc]  # wallet.opened
            lose_all_connections()
    wait_until(lambda: not EventDelivery.objects.exclude(status="delivered").exists())
    assert heartbeat.is_alive(tmp_path / "heartbeat")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        assert b'till_event_attempts_total{outcome="delivered"} 4.0' in answer.read()
    assert worker.stop() == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def sessions() -> int:
    """Return how many connections the database has had."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sessions FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def test_a_worker_keeps_its_connections(worker: WorkerProcess, tmp_path: Path) -> None:
    wait_until(lambda: (tmp_path / "heartbeat").exists())
    time.sleep(1)
    before = sessions()
    time.sleep(3)  # six rounds
    assert sessions() - before < 3


def test_at_sigterm_an_attempt_under_way_ends_and_is_noted(worker: WorkerProcess, alice: User) -> None:
    def slow(request: Received, out: BufferedIOBase) -> bytes:
        time.sleep(1)
        return respond()(request, out)

    with receiver(slow) as there:
        endpoint_at(there.url)
        wallet_of(alice)
        wait_until(lambda: bool(there.requests))
        assert worker.stop() == 0
    assert [delivery.status for delivery in EventDelivery.objects.all()] == ["delivered"]


def test_a_worker_ends_with_its_parent(environment: dict[str, str]) -> None:
    start = (
        "import os, subprocess, sys;"
        "subprocess.Popen([sys.executable, 'manage.py', 'worker', '--parent', str(os.getpid())])"
    )
    begun = time.monotonic()
    # It has this pipe as well: all of it is read when both have ended.
    subprocess.run([sys.executable, "-c", start], env=environment, check=True, stdout=subprocess.PIPE, timeout=60)
    assert time.monotonic() - begun < 30


def test_the_keeper_starts_a_killed_worker_again_and_ends_with_it(environment: dict[str, str]) -> None:
    keeper = subprocess.Popen([sys.executable, "-m", "config.worker_keeper", str(os.getpid())], env=environment)
    try:
        wait_until(lambda: len(workers_of(keeper)) == 1, seconds=30)
        [first] = workers_of(keeper)
        first.kill()
        wait_until(lambda: [worker.pid for worker in workers_of(keeper)] not in ([], [first.pid]), seconds=30)
        [second] = workers_of(keeper)
    finally:
        keeper.terminate()
    assert keeper.wait(30) == 0
    assert not second.is_running()


def test_the_keeper_kills_a_worker_that_does_not_end(environment: dict[str, str], tmp_path: Path) -> None:
    ignoring = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen('ready', 'w')\ntime.sleep(60)\n"
    )
    (tmp_path / "manage.py").write_text(ignoring)
    start = f"from config import worker_keeper as it; it.STOP_SECONDS = 0.2; it.WorkerKeeper({os.getpid()}).run()"
    paths = {"PYTHONPATH": str(settings.BASE_DIR)}
    keeper = subprocess.Popen([sys.executable, "-c", start], env=environment | paths, cwd=tmp_path)
    try:
        wait_until((tmp_path / "ready").exists, seconds=30)
        [worker] = workers_of(keeper)
    finally:
        keeper.terminate()
    assert keeper.wait(10) == 0
    assert not worker.is_running()


def workers_of(keeper: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    return [child for child in psutil.Process(keeper.pid).children() if child.status() != psutil.STATUS_ZOMBIE]


def test_a_heartbeat_that_is_missing_or_old_says_so(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    assert not heartbeat.is_alive(file)
    heartbeat.beat(file)
    assert heartbeat.is_alive(file)
    os.utime(file, (0, time.time() - heartbeat.MAX_AGE_SECONDS - 1))
    assert not heartbeat.is_alive(file)
    assert subprocess.run([sys.executable, "-m", "payments.worker.heartbeat", str(file)], check=False).returncode == 1
