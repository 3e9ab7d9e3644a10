"""A running Till behind a proxy that fails: nothing happens twice, nobody is signed out, threads share one refresh."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import repeat
from typing import Literal

import pytest
from demo_till import JWT_KEY, QUICK, usd
from faulty_http_proxy import FaultyHttpProxy, Instead

from till_client import AsyncTill, NoAnswer, SignInRequired, Till, Tokens, Unavailable
from till_client.testing import TillServer

pytestmark = pytest.mark.slow

CUT: Literal["cut after"] = "cut after"
BUSY = Instead(503, b'{"code": "overloaded", "status": 503}', {"Content-Type": "application/problem+json"})


@pytest.fixture
def till(proxy: FaultyHttpProxy, till_server: TillServer) -> Iterator[Till]:
    """Alice, behind the proxy, signed in."""
    with Till(proxy.url, email=till_server.user, password=till_server.password, retries=QUICK) as till:
        till.users.me()
        yield till


@pytest.fixture
def wallets(till: Till, admin: Till, bob: Till) -> tuple[int, int]:
    """Two wallets in dollars: alice's with enough, and bob's."""
    own = usd(till)
    admin.deposits.settle(till.deposits.create(wallet=own, amount="100.00").id, "paid")
    return own, usd(bob)


def expired(access: str) -> str:
    """The same token, of yesterday."""
    head, claims, _ = access.split(".")
    known = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    body = base64.urlsafe_b64encode(json.dumps({**known, "exp": known["exp"] - 86_400}).encode()).rstrip(b"=")
    signed = f"{head}.{body.decode()}"
    digest = hmac.new(JWT_KEY.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def outdated(till: Till) -> Tokens:
    assert till.tokens is not None
    return Tokens(access=expired(till.tokens.access), refresh=till.tokens.refresh)


# --- connections --------------------------------------------------------------------------------------------------


def test_a_transfer_whose_answer_was_lost_happens_once(
    till: Till, proxy: FaultyHttpProxy, wallets: tuple[int, int]
) -> None:
    before = till.wallets.get(wallets[0]).balance
    proxy.break_next("/transfers", "cut after", "cut before", "cut after")
    transfer = till.transfers.create(source=wallets[0], destination=wallets[1], amount="3.00")
    sent = proxy.sent("/transfers")
    assert len(sent) == 4
    assert len({seen.headers["Idempotency-Key"] for seen in sent}) == 1
    assert till.wallets.get(wallets[0]).balance == before - 3 - (transfer.commission or 0)
    assert till.transfers.get(transfer.id).amount == Decimal("3.00")


def test_a_settlement_whose_answer_was_lost_is_told(
    proxy: FaultyHttpProxy, till: Till, wallets: tuple[int, int], till_server: TillServer
) -> None:
    deposit = till.deposits.create(wallet=wallets[0], amount="1.00")
    with Till(proxy.url, email=till_server.admin, password=till_server.password, retries=QUICK) as admin:
        proxy.break_next("/status", "cut after")
        assert admin.deposits.settle(deposit.id, "paid").status == "paid"


def test_what_has_no_key_is_not_sent_twice(till: Till, proxy: FaultyHttpProxy) -> None:
    proxy.break_next("/quotes", "cut after")
    with pytest.raises(NoAnswer) as failure:
        till.quotes.create(source_currency="USD", target_currency="EUR", amount="1.00")
    assert failure.value.may_have_happened
    assert len(proxy.sent("/quotes")) == 1


def test_a_caller_goes_on_with_the_key_of_a_failure(
    till: Till, proxy: FaultyHttpProxy, wallets: tuple[int, int]
) -> None:
    before = till.wallets.get(wallets[0]).balance
    for _ in range(QUICK.attempts):
        proxy.break_next("/transfers", "cut after")
    with pytest.raises(NoAnswer) as failure:
        till.transfers.create(source=wallets[0], destination=wallets[1], amount="2.00")
    key = failure.value.idempotency_key
    till.transfers.create(source=wallets[0], destination=wallets[1], amount="2.00", idempotency_key=key)
    assert before - till.wallets.get(wallets[0]).balance == 2


def test_a_busy_till_is_waited_for_in_bounds(till: Till, proxy: FaultyHttpProxy) -> None:
    proxy.break_next("/users/me", BUSY, Instead(429, headers={"Retry-After": "0"}), Instead(502), "pass")
    assert till.users.me().email
    assert len(proxy.sent("/users/me")) == 5
    proxy.break_next("/users/me", Instead(503, BUSY.body, {**BUSY.headers, "Retry-After": "3600"}))
    with pytest.raises(Unavailable) as refusal:
        till.users.me()
    assert refusal.value.retry_after == 3600


def test_a_connection_that_was_closed_in_between_is_no_error(till: Till, proxy: FaultyHttpProxy) -> None:
    proxy.break_next("/users/me", "cut before")
    assert till.users.me() == till.users.me()


# --- tokens -------------------------------------------------------------------------------------------------------


def test_a_token_that_expires_in_the_middle_is_renewed(
    till: Till, proxy: FaultyHttpProxy, wallets: tuple[int, int]
) -> None:
    tokens = outdated(till)
    with Till(proxy.url, tokens=tokens, retries=QUICK) as later:
        transfer = later.transfers.create(source=wallets[0], destination=wallets[1], amount="1.00")
        assert later.transfers.get(transfer.id) == transfer
        assert later.tokens is not None
        assert later.tokens.refresh != tokens.refresh
    keys = {seen.headers["Idempotency-Key"] for seen in proxy.sent("/transfers")}
    assert (len(proxy.sent("/auth/refresh")), len(keys)) == (1, 1)


def test_threads_that_find_a_token_expired_refresh_it_once(till: Till, proxy: FaultyHttpProxy) -> None:
    """Used twice and late, a refresh token ends the login of all of them."""
    with Till(proxy.url, tokens=outdated(till), retries=QUICK) as shared, ThreadPoolExecutor(8) as threads:
        users = list(threads.map(lambda _: shared.users.me(), range(24)))
        assert len(set(users)) == 1
        assert shared.users.me() == users[0]
    assert len(proxy.sent("/auth/refresh")) == 1


def test_tasks_that_find_a_token_expired_refresh_it_once(till: Till, proxy: FaultyHttpProxy) -> None:
    async def run() -> None:
        async with AsyncTill(proxy.url, tokens=outdated(till), retries=QUICK) as shared:
            users = await asyncio.gather(*(shared.users.me() for _ in range(24)))
            assert len(set(users)) == 1

    asyncio.run(run())
    assert len(proxy.sent("/auth/refresh")) == 1


def test_a_lost_refresh_is_sent_again_and_gets_the_same_pair(till: Till, proxy: FaultyHttpProxy) -> None:
    with Till(proxy.url, tokens=outdated(till), retries=QUICK) as later:
        proxy.break_next("/auth/refresh", "cut after", "cut before", "cut after")
        assert later.users.me() == till.users.me()
    assert len(proxy.sent("/auth/refresh")) == 4


def test_a_refresh_lost_for_good_signs_in_again_with_the_password(
    till: Till, proxy: FaultyHttpProxy, till_server: TillServer
) -> None:
    credentials = {"email": till_server.user, "password": till_server.password}
    with Till(proxy.url, tokens=outdated(till), retries=QUICK, **credentials) as later:  # type: ignore[arg-type]
        proxy.break_next("/auth/refresh", *repeat(CUT, QUICK.attempts))
        assert later.users.me().email == till_server.user


def test_a_refresh_lost_for_good_without_a_password_says_what_to_do(till: Till, proxy: FaultyHttpProxy) -> None:
    with Till(proxy.url, tokens=outdated(till), retries=QUICK) as later:
        proxy.break_next("/auth/refresh", *repeat(CUT, QUICK.attempts))
        with pytest.raises(SignInRequired):
            later.users.me()
    assert len(proxy.sent("/auth/refresh")) == QUICK.attempts


def test_a_login_that_was_ended_elsewhere_is_begun_again(till: Till, proxy: FaultyHttpProxy) -> None:
    assert till.tokens is not None
    with Till(proxy.url, tokens=till.tokens) as other:
        other.auth.sign_out()
    assert till.users.me().email
    assert len(proxy.sent("/auth/login")) == 2
