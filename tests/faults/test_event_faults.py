"""kill -9 of workers, the service and PostgreSQL under load: every event is delivered, and none is invented.

The receiver fails half the time. What a reader of the feed has read stays as it was read.
"""

import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.db import OperationalError

from accounts.demo_users import DEMO_PASSWORD, DEMO_USERS
from config.embedded_postgres import base
from tests.support.breadth import breadth
from tests.support.http import PLAIN
from tests.support.load_client import send_all
from tests.support.own_till import BACK_SECONDS, OwnTill
from tests.support.receivers import Received, Receiver, receiver, respond
from tests.support.storms import NoticeStorm
from tests.support.workers import WorkerProcess

pytestmark = pytest.mark.slow

WORKERS = 2
#: Notices that are sent at a time, all the while.
LOAD = 10
SETTLE_SECONDS = 120


class MoodyAnswer:
    """Half of the requests fail, in several ways, until `is_kind` is set."""

    def __init__(self) -> None:
        self.is_kind = False

    def __call__(self, request: Received, out: BufferedIOBase) -> bytes:
        if self.is_kind or random.random() < 0.5:
            return respond()(request, out)
        if random.random() < 0.2:
            raise OSError  # closed without an answer
        return respond(random.choice([302, 404, 500, 503]))(request, out)


class Load:
    """Sends notices until it is told to stop; whatever is killed meanwhile, the provider goes on."""

    def __init__(self, storm: NoticeStorm) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._send, args=(storm,), daemon=True)
        self._thread.start()

    def _send(self, storm: NoticeStorm) -> None:
        while not self._stopped.wait(0.1):
            send_all(storm.url, storm.deliveries(LOAD), connections=8)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(60)


class FeedReader:
    """Reads on from the last position, as a consumer does."""

    def __init__(self, till: OwnTill) -> None:
        self._till = till
        self._stopped = threading.Event()
        self.events: list[tuple[int, str, int]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(0.05):
            with suppress(psycopg.OperationalError, OperationalError):
                self.read()

    def read(self) -> None:
        last = self.events[-1][0] if self.events else 0
        address = base.address({"TILL_DATA": str(self._till.folder)})
        with psycopg.connect(**address, dbname="till") as connection:
            rows = connection.execute(
                "SELECT position, type, source_id FROM payments_event WHERE position > %s ORDER BY position", [last]
            )
            self.events += rows.fetchall()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(60)
        self.read()


def added_endpoint(till: OwnTill, url: str) -> int:
    """Add an endpoint over REST; return the position that it begins after."""
    email = next(user.email for user in DEMO_USERS if user.role == "admin")
    with httpx.Client(base_url=f"{till.url}/api/v1", timeout=30, verify=PLAIN) as client:
        login = client.post("/auth/login", json={"email": email, "password": DEMO_PASSWORD}).json()
        headers = {"Authorization": f"Bearer {login['access']}"}
        answer = client.post("/webhook-endpoints", json={"url": url}, headers=headers)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["position"])


@contextmanager
def running_worker(till: OwnTill, folder: Path) -> Iterator[WorkerProcess]:
    """Whatever comes, it does not outlive the block."""
    worker = WorkerProcess(till.environment, log=folder / "log")
    try:
        yield worker
    finally:
        worker.process.kill()
        worker.process.wait()


def kill(till: OwnTill, workers: list[WorkerProcess], victim: str) -> None:
    if victim == "worker":
        random.choice(workers).kill()
    elif victim == "server":
        with till.back_again():
            till.kill()
    else:
        till.kill_postgres()


def until_all_are_delivered(till: OwnTill) -> None:
    """Nobody waits here for the schedule: what failed is due at once, and what a killed worker claimed is so soon."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        till.query(
            "WITH batches AS (UPDATE payments_eventbatch"
            " SET claimed_until = least(claimed_until, now() + interval '3 seconds')),"
            " due AS (UPDATE payments_eventdelivery SET next_attempt_at = least(next_attempt_at, now()),"
            " claimed_until = least(claimed_until, now() + interval '3 seconds')"
            " WHERE status = 'pending' RETURNING 1) SELECT count(*) FROM due"
        )
        waiting = till.query(
            "SELECT (SELECT count(*) FROM payments_eventdelivery WHERE status <> 'delivered')"
            " + (SELECT count(*) FROM payments_eventbatch)"
        )
        behind = till.query(
            "SELECT count(*) FROM payments_event WHERE position > (SELECT position FROM payments_eventendpoint)"
        )
        if not waiting and not behind:
            return
        assert time.monotonic() < deadline, (waiting, behind)
        time.sleep(0.5)


@breadth(3, 50)
def test_whatever_is_killed_every_event_is_delivered_and_none_is_invented(
    own_till: OwnTill, tmp_path: Path, number: int
) -> None:
    own_till.query(
        "WITH deliveries AS (DELETE FROM payments_eventdelivery),"
        " gone AS (DELETE FROM payments_eventendpoint RETURNING 1) SELECT count(*) FROM gone"
    )
    answer = MoodyAnswer()
    with receiver(answer) as there, ExitStack() as stack:
        begin = added_endpoint(own_till, there.url)
        workers = [stack.enter_context(running_worker(own_till, tmp_path)) for _ in range(WORKERS)]
        reader, load = FeedReader(own_till), Load(NoticeStorm(own_till.query, own_till.url))
        try:
            for round_ in range(number):
                time.sleep(random.uniform(0.5, 2))
                kill(own_till, workers, ("worker", "server", "postgres")[round_ % 3])
            until_the_load_is_answered(own_till)
        finally:
            load.stop()
        answer.is_kind = True
        until_all_are_delivered(own_till)
        reader.stop()
        assert [worker.stop() for worker in workers] == [0] * WORKERS
    each_event_was_received_with_one_body(own_till, there, begin)
    assert reader.events == events_of(own_till)
    own_till.manage("check_ledger")


def until_the_load_is_answered(till: OwnTill) -> None:
    """Something is credited again after the last kill."""
    counted = NoticeStorm.counted
    before, deadline = till.query(counted), time.monotonic() + BACK_SECONDS
    while till.query(counted) <= before + LOAD:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def events_of(till: OwnTill) -> list[tuple[int, str, int]]:
    rows: list[Any] = till.query("SELECT json_agg(json_build_array(position, type, source_id) ORDER BY position)"
        " FROM payments_event")  # fmt: skip
    return [(position, type_, source_id) for position, type_, source_id in rows]


def each_event_was_received_with_one_body(till: OwnTill, there: Receiver, begin: int) -> None:
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for request in there.requests:
        bodies[request.headers["webhook-id"]].add(request.body)
    types = {f"evt_{position}": type_ for position, type_, _ in events_of(till) if position > begin}
    assert bodies.keys() == types.keys()
    assert {len(each) for each in bodies.values()} == {1}
    assert {key: json.loads(body)["type"] for key, (body,) in bodies.items()} == types
    assert len(there.requests) > len(types)  # many were sent again
    credited = till.query(NoticeStorm.counted)
    assert till.query("SELECT count(*) FROM payments_event WHERE type = 'wallet.credited'") == credited
