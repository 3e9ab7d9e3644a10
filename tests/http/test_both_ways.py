"""The event loop and the views answer alike: the same requests to two servers with equal databases."""

from collections import Counter, defaultdict

import pytest
from django.conf import settings

from config.server.api_requests import ROUTES
from payments.models import Transfer
from tests.support.breadth import breadth
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.live import UncheckedTill
from tests.support.load_client import send_all
from tests.support.random_requests import RandomRequests
from tests.support.twin_servers import twin_servers

pytestmark = pytest.mark.slow


@breadth(400, 20_000)
def test_random_requests_are_answered_alike_and_leave_the_same_rows(committed_db: None, number: int) -> None:
    requests = RandomRequests(seed=number)
    recognised: Counter[tuple[str, str]] = Counter()
    statuses: Counter[int] = Counter()
    with twin_servers() as twins:
        for _ in range(number):
            request = requests.one()
            recognised[request.method, request.address] += request.is_recognised()
            statuses[twins.compare(request).status] += 1
        assert twins.slow.rows() == twins.fast.rows()
        assert twins.slow.counts() == twins.fast.counts()
    assert {route for route, times in recognised.items() if times >= number / 100} == set(ROUTES), recognised
    assert statuses[200] + statuses[201] > number / 4, statuses
    assert {400, 401, 403, 404, 409, 422} <= statuses.keys(), statuses


@breadth(600, 20_000)
def test_random_requests_at_once_are_done_once_each(committed_db: None, number: int) -> None:
    requests = RandomRequests(seed=number + 1)
    sent = [request for request in (requests.one() for _ in range(number)) if request.method != "HEAD"]
    till = UncheckedTill(TILL_JWT_KEY=settings.TILL_JWT_KEY, TILL_PENDING_ORDERS="10000")
    till.start()
    try:
        replies = send_all(till.url, [request.delivery() for request in sent], connections=24)
    finally:
        till.stop()
    assert {reply.status // 100 for reply in replies} == {2, 4}, Counter(reply.status for reply in replies)
    done: dict[tuple[str, str], set[int]] = defaultdict(set)
    for request, reply in zip(sent, replies, strict=True):
        if reply.status == 201 and request.address == "transfers":
            headers = dict(request.headers)
            done[headers["authorization"], headers["idempotency-key"]].add(reply.body["id"])
    assert {len(ids) for ids in done.values()} == {1}
    ids = [id_ for ids in done.values() for id_ in ids]
    assert sorted(ids) == sorted(Transfer.objects.values_list("pk", flat=True))
    assert_ledger_balances()
