"""Reads that the event loop answers, over real HTTP: bodies and headers are the view's, to the byte.

A request with `Origin` goes to its view, which answers it like any other.
"""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

from tests.support.http import PLAIN
from tests.support.ledger import book_transfer, sql, wallet_of
from tests.support.live import LiveTill, UncheckedTill
from tests.support.notices import ALICES, many_credits
from tests.support.shop_users import API, sign_in

pytestmark = pytest.mark.slow

FOR_THE_VIEW = {"origin": "https://shop.example"}
#: Each answer has its own.
_OWN_HEADERS = {"date", "x-request-id"}


@pytest.fixture(scope="module")
def served(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[LiveTill]:
    with django_db_blocker.unblock():
        till = UncheckedTill(TILL_WORKERS="1", TILL_TRUSTED_PROXIES="1", TILL_LOCK_TIMEOUT_MS="2000")
        till.start()
    yield till
    till.stop()


@pytest.fixture
def client(served: LiveTill, committed_db: None, alice: Any) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {sign_in(served, alice)}"}
    with httpx.Client(base_url=served.url, headers=headers, timeout=30, verify=PLAIN) as client:
        yield client


def seen(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in _OWN_HEADERS}
    return answer.status_code, headers, answer.content


def assert_alike(client: httpx.Client, path: str, **headers: str) -> httpx.Response:
    fast = client.get(path, headers=headers)
    assert seen(fast) == seen(client.get(path, headers=headers | FOR_THE_VIEW))
    return fast


def test_reads_are_answered_as_their_views_do(client: httpx.Client, alice: Any, bob: Any) -> None:
    mine, bobs = wallet_of(alice, holding="100"), wallet_of(bob)
    many_credits(alice, ALICES, 3)
    booked, foreign = book_transfer((mine, bobs, "2.50"), reference="für Bob"), bobs
    for path in ("transactions", "transactions?", "wallets", "transactions?limit=2", "wallets?limit=1"):
        assert assert_alike(client, f"{API}/{path}").status_code == 200
    for path, status in ((f"transactions/{booked}", 200), (f"wallets/{mine}", 200), (f"wallets/{foreign}", 404)):
        assert assert_alike(client, f"{API}/{path}").status_code == status
    assert assert_alike(client, f"{API}/transactions/{2**62}").status_code == 404


@pytest.mark.parametrize(
    "headers", [{"host": "localhost"}, {"host": "LOCALHOST:81"}, {"host": "[::1]:8000"}, {"x-forwarded-proto": "https"}]
)
def test_links_have_the_scheme_and_host_of_the_request(
    client: httpx.Client, alice: Any, headers: dict[str, str]
) -> None:
    many_credits(alice, ALICES, 3)
    link = assert_alike(client, f"{API}/transactions?limit=1", **headers).json()["next"]
    scheme, host = headers.get("x-forwarded-proto", "http"), headers.get("host", client.base_url.netloc.decode())
    assert link.startswith(f"{scheme}://{host}{API}/transactions?")


def test_pages_follow_each_other_from_the_event_loop_to_the_view(client: httpx.Client, alice: Any) -> None:
    many_credits(alice, ALICES, 5)
    url, lengths = f"{API}/transactions?limit=2", []
    while url:
        page = assert_alike(client, url).json()
        lengths.append(len(page["results"]))
        url = page["next"]
    assert lengths == [2, 2, 1]


def test_a_table_that_is_locked_is_for_the_view_soon(client: httpx.Client, alice: Any) -> None:
    path = f"{API}/wallets/{wallet_of(alice)}"
    assert client.get(path).status_code == 200
    seconds = []
    with transaction.atomic():
        sql("LOCK TABLE payments_wallet IN ACCESS EXCLUSIVE MODE")
        for headers in (FOR_THE_VIEW, {}):
            began = time.monotonic()
            answer = client.get(path, headers=headers)
            seconds.append(time.monotonic() - began)
            assert (answer.status_code, answer.json()["code"]) == (503, "database_busy")
    by_the_view, by_both = seconds
    assert by_both < by_the_view + 1.4
    assert client.get(path).status_code == 200


def test_the_event_loop_does_answer(client: httpx.Client, alice: Any) -> None:
    """Its session of PostgreSQL's has the plan of the question. Django's connections prepare nothing like it."""
    many_credits(alice, ALICES, 1)
    for path in ("transactions?limit=3", "wallets?limit=3"):
        assert client.get(f"{API}/{path}").status_code == 200
        assert is_last_question("%SELECT wanted.n, %"), path


def is_last_question(pattern: str) -> bool:
    """Tell whether a session of somebody else's has asked something like this last."""
    others = "SELECT true FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE %s"
    return bool(sql(others, pattern))


def test_what_is_created_is_read_where_the_answer_says_whoever_gives_it(client: httpx.Client, alice: Any) -> None:
    body = {"wallet": wallet_of(alice), "amount": "10.00"}
    answers = {
        key: client.post(f"{API}/deposits", json=body, headers={"idempotency-key": key, **headers})
        for key, headers in {"fast": {}, "view": FOR_THE_VIEW}.items()
    }
    for key, answer in answers.items():
        assert answer.headers["location"] == f"{API}/deposits/{answer.json()['id']}"
        again = client.post(f"{API}/deposits", json=body, headers={"idempotency-key": key})
        assert again.headers["location"] == answer.headers["location"]
    assert answers["fast"].headers.keys() == answers["view"].headers.keys()
