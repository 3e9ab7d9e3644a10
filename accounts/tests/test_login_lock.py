"""What guessing costs: the lock by IPv6 network, the slow lock of an account, the staff site's door, old attempts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.db.models import F
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import login_lock, services
from accounts.models import ThrottleCount, User
from accounts.tests.conftest import PASSWORD

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

URL = "/api/v1/auth/login"
STAFF = "/admin/login/"
WRONG = "wrong horse 42"


def try_api(email: str, address: str, password: str = WRONG) -> Any:
    return APIClient().post(URL, {"email": email, "password": password}, REMOTE_ADDR=address)


def try_staff(email: str, address: str, password: str = WRONG) -> Any:
    return Client().post(STAFF, {"username": email, "password": password}, REMOTE_ADDR=address)


def addresses(count: int) -> list[str]:
    return [f"198.51.{number // 250}.{number % 250 + 1}" for number in range(count)]


@pytest.fixture
def three_failures_lock(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3


@pytest.fixture
def attacked(settings: Any, alice_can_sign_in: User) -> User:
    """Alice has signed in at home; then others tried five passwords, each from a network of its own."""
    settings.TILL_ACCOUNT_FAILURE_LIMIT = 5
    settings.TILL_THROTTLE_ATTACKED_ACCOUNT = "2/hour"
    assert try_api(alice_can_sign_in.email, "192.0.2.7", PASSWORD).status_code == 200
    assert [try_api(alice_can_sign_in.email, address).status_code for address in addresses(5)] == [401] * 5
    return alice_can_sign_in


@pytest.mark.usefixtures("three_failures_lock")
def test_an_ipv6_network_is_locked_as_one_address(alice_can_sign_in: User) -> None:
    email = alice_can_sign_in.email
    codes = [try_api(email, f"2001:db8:1:2:{n}::{n}").status_code for n in range(1, 4)]
    assert codes == [401, 401, 429]
    locked = try_api(email, "2001:db8:1:2:ffff::9", PASSWORD)
    assert (locked.status_code, 295 <= int(locked["Retry-After"]) <= 300) == (429, True)
    assert try_api(email, "2001:db8:1:3::1", PASSWORD).status_code == 200


def test_an_attacked_account_is_tried_a_few_times_an_hour_from_new_networks(attacked: User) -> None:
    answers = [try_api(attacked.email.upper(), address) for address in addresses(9)[5:]]
    assert [answer.status_code for answer in answers] == [401, 401, 429, 429]
    assert answers[2].json()["code"] == "login_locked"
    assert 3500 < int(answers[2]["Retry-After"]) <= 3600
    assert try_api(attacked.email, "203.0.113.1", PASSWORD).status_code == 429


def test_the_owner_is_not_slowed_where_they_signed_in_before(attacked: User) -> None:
    for address in addresses(9)[5:]:
        try_api(attacked.email, address)
    assert try_api(attacked.email, "192.0.2.7", PASSWORD).status_code == 200
    assert try_api("bob@example.com", "203.0.113.1").status_code == 401


def test_his_own_network_is_no_way_around_the_lock(attacked: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    assert [try_api(attacked.email, "192.0.2.7").status_code for _ in range(4)] == [401, 401, 429, 429]


def test_an_attack_is_forgotten_after_a_day(attacked: User) -> None:
    later = F("expires_at") - timedelta(days=1)
    ThrottleCount.objects.filter(key__startswith="login-failures:").update(expires_at=later)
    assert [try_api(attacked.email, address).status_code for address in addresses(9)[5:]] == [401] * 4


def test_a_name_that_nobody_has_is_slowed_alike(attacked: User) -> None:
    answers = [try_api("nobody@example.com", address) for address in addresses(9)]
    assert [answer.status_code for answer in answers] == [401] * 7 + [429] * 2
    for address in addresses(9)[5:]:
        known = try_api(attacked.email, address)
    assert answers[-1].json() | {"detail": ""} == known.json() | {"detail": ""}


def test_both_doors_count_and_slow_one_account(
    admin: User, with_password: Callable[[User], User], settings: Any
) -> None:
    settings.TILL_ACCOUNT_FAILURE_LIMIT, settings.TILL_THROTTLE_ATTACKED_ACCOUNT = 4, "1/hour"
    logins = [try_api, try_staff, try_api, try_staff]
    for login, address in zip(logins, addresses(4), strict=True):
        assert login(with_password(admin).email, address).status_code in {200, 401}
    assert try_staff(admin.email, "203.0.113.1").status_code == 200
    slowed = try_staff(admin.email, "203.0.113.2", PASSWORD)
    assert (slowed.status_code, int(slowed["Retry-After"]) > 3500) == (429, True)
    assert try_api(admin.email, "203.0.113.3", PASSWORD).status_code == 429


def test_the_staff_sites_door_is_throttled_with_the_apis(throttle_rate: Callable[..., None]) -> None:
    throttle_rate(login="3/min")
    codes = [try_api(f"{n}@example.com", "192.0.2.1").status_code for n in range(2)]
    codes += [try_staff(f"{n}@example.com", "192.0.2.1").status_code for n in range(2)]
    assert codes == [401, 401, 200, 429]
    refused = try_staff("x@example.com", "192.0.2.1")
    assert (refused.status_code, 1 <= int(refused["Retry-After"]) <= 60) == (429, True)
    assert Client().get(STAFF, REMOTE_ADDR="192.0.2.1").status_code == 200
    assert try_staff("x@example.com", "192.0.2.2").status_code == 200


def test_old_attempts_are_deleted_in_passing_and_never_counted_again(alice_can_sign_in: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    for name in ("a", "b", alice_can_sign_in.email):
        try_api(name, "192.0.2.1")
        try_api(name, "192.0.2.1")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(seconds=301))
    assert try_api(alice_can_sign_in.email, "192.0.2.1").status_code == 401
    attempt = AccessAttempt.objects.get()
    assert (attempt.username, attempt.failures_since_start) == (alice_can_sign_in.email, 1)


def test_a_deleted_user_leaves_no_trace(attacked: User) -> None:
    try_api(attacked.email, "203.0.113.1")
    his = ThrottleCount.objects.filter(key__regex="^login-(known|slowed):")
    assert his.count() == 2
    services.anonymise_user(user_id=attacked.pk, by=None)
    assert not his.exists()
    assert not AccessAttempt.objects.exists()


def test_invented_names_fill_no_disk() -> None:
    keys = {login_lock.failures_key(f"name{number}@example.com") for number in range(1000)}
    assert {len(key.partition(":")[2]) for key in keys} == {5}  # 16^5 rows at most, about a million
    assert len(keys) > 990


def test_no_counter_holds_an_address(attacked: User) -> None:
    try_api(attacked.email, "203.0.113.1")
    keys = " ".join(key for key in ThrottleCount.objects.values_list("key", flat=True) if key.startswith("login-"))
    assert "alice" not in keys
    assert "192.0.2" not in keys
