"""Users' requests on the event loop's way, over HTTP: together with those in threads, slow clients and floods."""

import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple

import httpx
import pytest
from django.conf import settings
from django.db import transaction
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import User
from accounts.tokens import end_family, open_family
from payments.models import IdempotencyKey, Transfer, Wallet
from tests.support import recipes, shop_users
from tests.support.breadth import breadth
from tests.support.exchanges import store_rate
from tests.support.http import PLAIN
from tests.support.ledger import total_money, wallet_of
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.live import LiveTill, UncheckedTill
from tests.support.load_client import Reply, as_request, send_all
from tests.support.provider import SHA1_COLON, Delivery
from tests.support.purchases import a_product
from tests.support.raw_http import HOST, PATIENCE, RawConnection
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

#: Seconds for one request beside a flood, on a machine that does much else.
SOON = 5
TRANSFERS = "api/v1/transfers$"
LIVE = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_keys = count(1)


@pytest.fixture(scope="module", params=["1", "0"], ids=["event-loop", "threads"])
def served(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[LiveTill]:
    with django_db_blocker.unblock():
        till = UncheckedTill(
            TILL_API_FAST_PATH=request.param, TILL_JWT_KEY=settings.TILL_JWT_KEY, TILL_LOCK_TIMEOUT_MS="1500"
        )
        till.start()
    yield till
    till.stop()


@pytest.fixture
def till(served: LiveTill, committed_db: None) -> Iterator[LiveTill]:
    yield served
    assert_ledger_balances()


class Sender(NamedTuple):
    user: User
    token: str
    refresh: str
    wallet: int


@pytest.fixture
def senders(till: LiveTill) -> list[Sender]:
    """Three users with 1000 dollars each."""
    users = recipes.user.make(_quantity=3)
    logins = [open_family(user=user) for user in users]
    return [
        Sender(user, pair.access, pair.refresh, wallet_of(user, holding="1000"))
        for user, pair in zip(users, logins, strict=True)
    ]


def post(sender: Sender, path: str, *, key: str = "", **body: Any) -> Delivery:
    key = key or f"request-{next(_keys)}"
    return shop_users.request(sender.token, "POST", path, body, Idempotency_Key=key)


def send(source: Sender, destination: Sender, *, key: str = "", amount: str = "0.01") -> Delivery:
    return post(source, "transfers", key=key, source=source.wallet, destination=destination.wallet, amount=amount)


def read(sender: Sender) -> Delivery:
    return shop_users.request(sender.token, "GET", f"wallets/{sender.wallet}")


def one(till: LiveTill, delivery: Delivery) -> Reply:
    return send_all(till.url, [delivery], connections=1)[0]


# --- what users send at once --------------------------------------------------------------------------------


def test_one_key_on_32_connections_is_one_transfer_and_32_equal_answers(till: LiveTill, senders: list[Sender]) -> None:
    replies = send_all(till.url, [send(senders[0], senders[1], key="once")] * 32, connections=32)
    assert shop_users.outcomes(replies) == {(201, ""): 32}
    assert len({reply.content for reply in replies}) == 1
    assert sum(reply.headers.get("idempotent-replayed") == "true" for reply in replies) == 31
    assert Transfer.objects.count() == 1


def test_one_key_for_32_transfers_is_one_of_them(till: LiveTill, senders: list[Sender]) -> None:
    requests = [send(senders[0], senders[1], key="once", amount=f"{number}.00") for number in range(1, 33)]
    assert shop_users.outcomes(send_all(till.url, requests, connections=32)) == {
        (201, ""): 1,
        (422, "idempotency_key_reused"): 31,
    }
    assert Transfer.objects.count() == 1


def test_forty_transfers_with_money_for_five_are_five(till: LiveTill, senders: list[Sender]) -> None:
    replies = send_all(till.url, [send(senders[0], senders[1], amount="180") for _ in range(40)], connections=32)
    assert shop_users.outcomes(replies) == {(201, ""): 5, (409, "insufficient_funds"): 35}
    assert Wallet.objects.get(pk=senders[0].wallet).balance == 100


@breadth(400, 6_000)
def test_what_may_meet_is_answered_without_an_error(till: LiveTill, senders: list[Sender], number: int) -> None:
    """Some on the event loop's way, some in threads: of the same wallets, users, products and keys."""
    euros = {sender: wallet_of(sender.user, "EUR", holding="1000") for sender in senders}
    banks = {sender: recipes.bank_account.make(owner=sender.user).pk for sender in senders}
    product = a_product(price=Decimal(1), stock=100_000).pk
    store_rate("USD", "EUR", "0.9")
    recipes.commission_rule.make(operation="transfer", percent=Decimal(1))
    dice = random.Random(number)

    def by_email(me: Sender, other: Sender) -> Delivery:
        return post(me, "transfers", source=me.wallet, recipient=other.user.email, amount="0.01")

    kinds: list[Callable[[Sender, Sender], Delivery]] = [
        lambda me, other: send(me, other),
        lambda me, other: send(me, other, key=f"shared-{dice.randrange(20)}-{other.wallet}"),
        by_email,
        lambda me, _: post(me, "purchases", product=product, wallet=me.wallet),
        lambda me, _: post(me, "exchanges", source=me.wallet, destination=euros[me], amount="0.10"),
        lambda me, _: post(me, "withdrawals", wallet=me.wallet, external_wallet=banks[me], amount="0.05"),
        lambda me, _: post(me, "deposits", wallet=me.wallet, amount="0.05"),
        lambda me, _: SHA1_COLON.notice(user_id=me.user.pk, account_id=me.wallet, amount="0.01"),
        lambda me, _: read(me),
        lambda me, _: shop_users.request(me.token, "GET", "transactions?limit=5"),
    ]
    deliveries = [dice.choice(kinds)(*dice.sample(senders, 2)) for _ in range(number)]
    outcomes = shop_users.outcomes(send_all(till.url, deliveries, connections=24))
    assert set(outcomes) <= {(200, ""), (201, ""), (409, "too_many_pending_orders")}, outcomes
    assert [total_money(code) for code in ("USD", "EUR")] == [0, 0]


# --- who may no longer --------------------------------------------------------------------------------------


def disable(sender: Sender) -> None:
    User.objects.filter(pk=sender.user.pk).update(is_active=False)


def end_login(sender: Sender) -> None:
    end_family(refresh=sender.refresh)


@pytest.mark.parametrize("end", [disable, end_login])
def test_who_may_no_longer_is_refused_at_once(
    till: LiveTill, senders: list[Sender], end: Callable[[Sender], None]
) -> None:
    me, other = senders[:2]
    assert [one(till, delivery).status for delivery in (send(me, other), read(me))] == [201, 200]
    end(me)
    assert [one(till, delivery).status for delivery in (send(me, other), read(me))] == [401, 401]
    assert one(till, send(other, me)).status == (404 if end is disable else 201)


# --- who is slow, and who asks for much ---------------------------------------------------------------------


def test_a_client_that_sends_byte_by_byte_is_answered_and_keeps_nobody_waiting(
    till: LiveTill, senders: list[Sender]
) -> None:
    me, other = senders[:2]
    request = as_request(send(me, other, key="slow"), HOST)
    with closing(RawConnection(till.port)) as slow:
        for number, byte in enumerate(request):
            slow.socket.sendall(bytes([byte]))
            if number % 50 == 0:
                assert one(till, send(other, me)).status == 201
        assert slow.answer()[0] == 201
    assert Transfer.objects.filter(user=me.user).count() == 1


def test_who_leaves_before_the_answer_has_sent_all_the_same_and_once(till: LiveTill, senders: list[Sender]) -> None:
    me, other = senders[:2]
    requests = [send(me, other, key=f"hasty-{number}") for number in range(20)]
    for request in requests:
        hasty = RawConnection(till.port)
        hasty.send(as_request(request, HOST))
        hasty.close()
    assert {reply.status for reply in send_all(till.url, requests, connections=4)} == {201}
    assert Transfer.objects.count() == IdempotencyKey.objects.count() == 20


def counted(till: LiveTill, route: str, status: int) -> int:
    """How many requests the server says it has answered so. It adds them up once a second."""
    time.sleep(1.1)
    text = httpx.get(f"{till.url}/metrics", timeout=PATIENCE, verify=PLAIN).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    wanted = {"method": "POST", "route": route, "status": str(status)}
    return int(sum(s.value for s in samples if s.name == "till_http_requests_total" and s.labels == wanted))


def test_who_hangs_up_before_the_answer_is_counted(till: LiveTill, senders: list[Sender]) -> None:
    me, other = senders[:2]
    before = counted(till, TRANSFERS, 201)
    for number in range(20):
        hasty = RawConnection(till.port)
        hasty.send(LIVE)
        assert hasty.answer()[0] == 200
        hasty.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset it by closing
        hasty.send(as_request(send(me, other, key=f"hasty-{number}"), HOST))
        hasty.close()
    wait_until(lambda: Transfer.objects.count() == 20)
    wait_until(lambda: counted(till, TRANSFERS, 201) == before + 20)


def test_who_waits_for_a_held_wallet_is_answered_before_the_rubbish_behind(
    till: LiveTill, senders: list[Sender]
) -> None:
    held, other = senders[:2]
    with closing(RawConnection(till.port)) as line:
        with transaction.atomic():
            Wallet.objects.select_for_update(no_key=True).get(pk=held.wallet)
            line.send(as_request(send(held, other), HOST) + LIVE[:-10])
            time.sleep(0.6)  # by now its view waits
            line.send(b"\0\r\n\r\n")
            time.sleep(0.3)
        status, headers, body = line.answer()
        assert (status, body["amount"], headers["connection"]) == (201, "0.01", "close")
        assert line.is_closed()


def test_a_wallet_that_is_held_keeps_its_own_users_waiting_only(till: LiveTill, senders: list[Sender]) -> None:
    held, free, third = senders
    with ThreadPoolExecutor(2) as threads, transaction.atomic():
        Wallet.objects.select_for_update(no_key=True).get(pk=held.wallet)
        waiting = threads.submit(one, till, send(held, third, key="held"))
        others = threads.submit(send_all, till.url, [send(free, third) for _ in range(20)], connections=4).result()
        refused = waiting.result()
    assert {reply.status for reply in others} == {201}
    assert (refused.status, refused.body["code"]) == (503, "database_busy")
    assert int(refused.headers["retry-after"]) >= 1
    again = one(till, send(held, third, key="held"))
    assert (again.status, "idempotent-replayed" in again.headers) == (201, False)


def test_a_flood_of_one_user_keeps_neither_another_nor_webhooks_waiting(till: LiveTill, senders: list[Sender]) -> None:
    greedy, modest, third = senders
    flood = [send(greedy, third) for _ in range(600)]
    with ThreadPoolExecutor(1) as background:
        flooding = background.submit(send_all, till.url, flood, connections=300)
        seconds: list[float] = []
        statuses: Counter[int] = Counter()
        while not flooding.done() or not seconds:
            notice = SHA1_COLON.notice(user_id=modest.user.pk, account_id=modest.wallet, amount="0.01")
            for delivery in (send(modest, third), read(modest), notice):
                began = time.monotonic()
                statuses[one(till, delivery).status] += 1
                seconds.append(time.monotonic() - began)
        replies = flooding.result()
    assert {reply.status for reply in replies} <= {201, 503}, shop_users.outcomes(replies)
    assert all("retry-after" in reply.headers for reply in replies if reply.status == 503)
    assert set(statuses) <= {200, 201}
    assert max(seconds) < SOON
    assert Transfer.objects.filter(user=greedy.user).count() == sum(reply.status == 201 for reply in replies)
