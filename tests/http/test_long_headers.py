"""What Django, DRF and the other libraries make of 64 kB in one header, query or form: time in proportion, no 500."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.tokens import open_family

pytestmark = pytest.mark.slow

LENGTH = 64 * 1024
#: Of this thread's own processor time.
SECONDS = 1.0
#: One for all: each new one loads the middleware again.
CLIENT = Client(raise_request_exception=False)
UNITS = ("a", " ", ",", ";", "a,", "a/b,", "*/*;q=0.1,", 'W/"a",', '"', '\\"', "a=b;", 'a="\\";', "a.", "1.", "::", "[")
HEADERS = (
    *("Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Content-Type", "Cookie", "Host"),
    *("Idempotency-Key", "If-Match", "If-Modified-Since", "If-None-Match", "Origin", "Range", "Referer"),
    *("User-Agent", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-ID"),
)

#: Which address reads a header that not all of them read.
READ_AT = {
    **dict.fromkeys(("Accept", "Authorization", "If-Match", "If-Modified-Since", "If-None-Match"), ("products",)),
    "Content-Type": ("login",),
    "Idempotency-Key": ("transfers",),
    **dict.fromkeys(("Accept-Language", "Cookie", "Origin", "Referer"), ("staff",)),
}


def timed(ask: Any, *args: Any, **extra: Any) -> None:
    started = time.thread_time()
    answer = ask(*args, **extra)
    taken = time.thread_time() - started
    assert answer.status_code < 500, f"{args} {extra}"[:200]
    assert taken < SECONDS, f"{taken:.1f} s: " + f"{extra} {args}"[:200]


def long_texts() -> list[str]:
    return [unit * (LENGTH // len(unit)) for unit in UNITS]


def ask_with(header: str, text: str, signed_in: dict[str, str]) -> dict[str, Callable[[], None]]:
    """The API for somebody, the API for anybody, and the staff site, each with this header."""
    login = ("/api/v1/auth/login", b"{}", "application/json")
    return {
        "products": partial(timed, CLIENT.get, "/api/v1/products", headers={**signed_in, header: text}),
        "login": partial(timed, CLIENT.post, *login, headers={header: text}),
        "transfers": partial(timed, CLIENT.post, "/api/v1/transfers", *login[1:], headers={**signed_in, header: text}),
        "staff": partial(timed, CLIENT.get, "/admin/login/", headers={header: text}),
    }


@pytest.mark.django_db
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.torture)])
@pytest.mark.parametrize("header", HEADERS)
def test_a_long_header_is_read_in_time(header: str, every: bool, alice: User) -> None:
    """Each text is sent to where its header is read, and to the other addresses in turn; in `make torture` to all."""
    signed_in = {"Authorization": f"Bearer {open_family(user=alice).access}"}
    for number, text in enumerate(long_texts(), HEADERS.index(header)):
        asks = ask_with(header, text, signed_in)
        others = [name for name in asks if name not in READ_AT.get(header, ())]
        for name in asks if every else {*READ_AT.get(header, ()), others[number % len(others)]}:
            asks[name]()


@pytest.mark.django_db
def test_a_long_query_and_a_long_address_are_read_in_time(alice: User) -> None:
    signed_in = {"Authorization": f"Bearer {open_family(user=alice).access}"}
    for text in long_texts():
        for address in (f"/api/v1/products?ordering={text}", f"/api/v1/transactions?from={text}", f"/admin/{text}/"):
            timed(CLIENT.get, address.replace(" ", "%20"), headers=signed_in)


@pytest.mark.django_db
def test_long_members_of_a_body_are_read_in_time() -> None:
    for text in long_texts():
        body = {"email": text, "password": text, "full_name": text}
        for address in ("/api/v1/auth/login", "/api/v1/auth/register"):
            timed(CLIENT.post, address, body, "application/json")
        timed(CLIENT.post, "/admin/login/", {"username": text, "password": text})
