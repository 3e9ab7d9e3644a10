"""Counters shared by all workers, and whose address is counted."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test import RequestFactory
from rest_framework.test import APIClient

from accounts.counters import count_hit
from accounts.models import ThrottleCount
from accounts.networks import client_address
from accounts.rate_limits import refusals, seconds_over

pytestmark = pytest.mark.django_db


def test_a_counter_counts_hits_within_a_window() -> None:
    assert [count_hit(key="a", seconds=60).hits for _ in range(3)] == [1, 2, 3]
    assert count_hit(key="b", seconds=60).hits == 1


def test_a_counter_tells_how_long_the_window_lasts() -> None:
    assert 59 < count_hit(key="a", seconds=60).seconds_left <= 60


def test_a_counter_begins_a_new_window_when_the_last_is_over() -> None:
    count_hit(key="a", seconds=60)
    count_hit(key="a", seconds=60)
    ThrottleCount.objects.update(expires_at=Now())
    assert count_hit(key="a", seconds=60).hits == 1
    assert count_hit(key="a", seconds=60).hits == 2


def test_a_hit_does_not_prolong_the_window() -> None:
    count_hit(key="a", seconds=60)
    before = ThrottleCount.objects.get().expires_at
    count_hit(key="a", seconds=60)
    assert ThrottleCount.objects.get().expires_at == before


def test_who_was_just_refused_is_refused_again_without_a_statement(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "ask_again_after", 60)
    assert [seconds_over("1/min", key="a") for _ in range(2)] == [0, pytest.approx(60, abs=1)]
    with django_assert_num_queries(0):
        assert seconds_over("1/min", key="a") == pytest.approx(60, abs=1)
    with django_assert_num_queries(2):  # another caller, counted and cleaned up after
        assert seconds_over("1/min", key="b") == 0
    with django_assert_num_queries(1):  # another rate
        assert seconds_over("9/min", key="a") == 0


def test_postgresql_is_asked_again_after_a_while_and_when_the_window_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "ask_again_after", 60)
    assert [seconds_over("1/s", key="a") > 0 for _ in range(2)] == [False, True]
    ThrottleCount.objects.update(expires_at=Now())
    deadline = time.monotonic() + 10
    while seconds_over("1/s", key="a"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    monkeypatch.setattr(refusals, "ask_again_after", 0.1)
    assert seconds_over("1/h", key="b") == 0
    assert seconds_over("1/h", key="b") > 3000
    ThrottleCount.objects.all().delete()
    time.sleep(0.1)
    assert seconds_over("1/h", key="b") == 0


def test_refusals_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "max_callers", 3)
    for caller in range(10):
        for _ in range(2):
            seconds_over("1/min", key=f"caller {caller}")
    assert len(refusals) <= 3
    refusals.clear()
    assert not refusals


def test_a_counter_deletes_stale_rows_a_few_at_a_time() -> None:
    for number in range(15):
        count_hit(key=f"old {number}", seconds=60)
    ThrottleCount.objects.update(expires_at=F("expires_at") - F("expires_at") + Now())
    for number in range(2):
        count_hit(key=f"new {number}", seconds=60)
    assert ThrottleCount.objects.filter(key__startswith="old").count() == 0
    assert ThrottleCount.objects.count() == 2


def test_the_table_of_counters_costs_no_write_ahead_log() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'accounts_throttlecount'")
        assert cursor.fetchone() == ("u",)


@pytest.mark.parametrize(
    ("trusted", "forwarded", "remote", "address"),
    [
        (0, "203.0.113.9", "10.0.0.1", "10.0.0.1"),
        (0, "", "10.0.0.1", "10.0.0.1"),
        (1, "203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (1, "not an address", "10.0.0.1", "10.0.0.1"),
        (1, " , ", "10.0.0.1", "10.0.0.1"),
        (1, "2001:db8::1", "10.0.0.1", "2001:db8::1"),
        (0, "", "::ffff:10.0.0.1", "10.0.0.1"),
        (0, "", "fe80::1%eth0", "fe80::1"),
        (0, "", "", None),
    ],
)
def test_the_throttle_trusts_forwarded_addresses_only_as_far_as_our_proxies(
    settings: Any, trusted: int, forwarded: str, remote: str, address: str | None
) -> None:
    settings.TILL_TRUSTED_PROXIES = trusted
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote)
    assert client_address(request) == address


def login_codes(addresses: list[str], **extra: Any) -> list[int]:
    body = {"email": "nobody@example.com", "password": "x"}
    return [
        APIClient().post("/api/v1/auth/login", body, REMOTE_ADDR=address, **extra).status_code for address in addresses
    ]


def test_the_throttle_counts_each_address_alone(throttle_rate: Callable[..., None]) -> None:
    throttle_rate(login="1/min")
    assert login_codes(["192.0.2.1", "192.0.2.2", "192.0.2.1"]) == [401, 401, 429]


def test_the_throttle_takes_an_ipv6_network_for_one_caller(throttle_rate: Callable[..., None]) -> None:
    throttle_rate(login="1/min")
    assert login_codes(["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]) == [401, 429, 401]


def test_nobody_gets_a_fresh_count_by_writing_the_header(throttle_rate: Callable[..., None]) -> None:
    throttle_rate(login="1/min")
    assert login_codes(["192.0.2.1"], HTTP_X_FORWARDED_FOR="1.1.1.1") == [401]
    assert login_codes(["192.0.2.1"], HTTP_X_FORWARDED_FOR="2.2.2.2") == [429]


def test_an_empty_rate_switches_a_throttle_off(throttle_rate: Callable[..., None]) -> None:
    throttle_rate(login="")
    assert login_codes(["192.0.2.1"] * 2) == [401, 401]
    assert not ThrottleCount.objects.filter(key__startswith="login:").exists()
