"""kill -9 under load: what was acknowledged stays, nothing is done twice, and service resumes by itself.

Webhooks and users' transfers, both of which the event loop answers.
"""

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.http import PLAIN
from tests.support.load_client import Reply, send_all
from tests.support.own_till import BACK_SECONDS, OwnTill
from tests.support.provider import FORMS, Delivery
from tests.support.storms import STORMS, NoticeStorm

pytestmark = pytest.mark.slow

REQUESTS = 400
#: Sent and acknowledged before the fault: it may come before the answer to the first of the others.
FIRST = 20


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
