"""POST auth/login, and the lock that the staff site's login shares with it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import make_password
from django.db.models import F
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from accounts import hashers, services
from accounts.models import TokenFamily, User
from accounts.tests.conftest import PASSWORD, bearer

pytestmark = pytest.mark.django_db

URL = "/api/v1/auth/login"


@pytest.fixture
def three_failures_lock(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    settings.AXES_COOLOFF_TIME = timedelta(seconds=300)


@pytest.fixture
def bob_is_disabled(bob: User, with_password: Callable[[User], User]) -> User:
    return services.disable_user(user_id=with_password(bob).pk, by=None)


@pytest.fixture
def hash_runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collects a line for each run of Argon2."""
    runs: list[str] = []
    for name in ("encode", "verify"):
        run = getattr(hashers.OwaspArgon2PasswordHasher, name)

        def counted(*args: Any, run: Any = run, name: str = name, **kwargs: Any) -> Any:
            runs.append(name)
            return run(*args, **kwargs)

        monkeypatch.setattr(hashers.OwaspArgon2PasswordHasher, name, counted)
    return runs


def wrong(user: User, **headers: str) -> Any:
    return APIClient().post(URL, {"email": user.email, "password": "wrong horse 42"}, headers=headers)


def test_login_answers_two_tokens_that_work(api: APIClient, alice_can_sign_in: User) -> None:
    answer = api.post(URL, {"email": "ALICE@example.com", "password": PASSWORD})
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh"}
    assert bearer(answer.json()["access"]).get("/api/v1/users/me").json()["id"] == alice_can_sign_in.pk
    alice_can_sign_in.refresh_from_db()
    assert alice_can_sign_in.last_login is not None


def test_login_does_not_mind_a_stale_token_in_the_header(alice_can_sign_in: User) -> None:
    body = {"email": alice_can_sign_in.email, "password": PASSWORD}
    assert bearer("stale").post(URL, body).status_code == 200


def test_login_answers_wrong_unknown_and_inactive_alike_after_one_hash(
    api: APIClient,
    alice_can_sign_in: User,
    bob: User,
    with_password: Callable[[User], User],
    hash_runs: list[str],
) -> None:
    services.disable_user(user_id=with_password(bob).pk, by=None)
    attempts = [
        (alice_can_sign_in.email, "wrong horse 42"),
        ("nobody@example.com", PASSWORD),
        (bob.email, PASSWORD),
    ]
    answers = [api.post(URL, {"email": email, "password": password}) for email, password in attempts]
    assert len(hash_runs) == 3
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].json()["code"] == "invalid_credentials"
    assert answers[0]["WWW-Authenticate"].startswith("Bearer")


def test_login_refuses_a_user_who_never_opened_the_link(api: APIClient) -> None:
    services.register(email="dave@example.com", password=PASSWORD)
    assert api.post(URL, {"email": "dave@example.com", "password": PASSWORD}).status_code == 401


@pytest.mark.parametrize(
    ("field", "value"),
    [("password", "p" * 129), ("password", 5), ("password", "a\x07b"), ("email", "e" * 255), ("email", None)],
)
def test_login_refuses_a_bad_shape_before_hashing(api: APIClient, hash_runs: list[str], field: str, value: Any) -> None:
    response = api.post(URL, {"email": "alice@example.com", "password": PASSWORD, field: value})
    assert response.status_code == 400
    assert {error["field"] for error in response.json()["errors"]} == {field}
    assert hash_runs == []


@pytest.mark.usefixtures("real_hashes")
def test_login_rehashes_an_old_hash_and_nobody_is_logged_out(alice: User, login: Callable[..., dict[str, str]]) -> None:
    User.objects.filter(pk=alice.pk).update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    first = login(alice)
    alice.refresh_from_db()
    assert alice.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert alice.token_epoch == 0
    assert bearer(first["access"]).get("/api/v1/users/me").status_code == 200


@pytest.mark.usefixtures("three_failures_lock")
def test_login_locks_an_email_at_an_address_whatever_its_case(
    alice_can_sign_in: User, bob: User, with_password: Callable[[User], User]
) -> None:
    alice_can_sign_in.email = "ALICE@example.com"
    codes = [wrong(alice_can_sign_in).status_code for _ in range(2)]
    alice_can_sign_in.email = "alice@example.com"
    third = wrong(alice_can_sign_in)
    assert codes == [401, 401]
    assert third.status_code == 429
    assert third.json()["code"] == "login_locked"
    assert 295 <= int(third["Retry-After"]) <= 300
    right = APIClient().post(URL, {"email": "Alice@example.com", "password": PASSWORD})
    assert right.status_code == 429
    body = {"email": with_password(bob).email, "password": PASSWORD}
    assert APIClient().post(URL, body).status_code == 200
    body = {"email": "alice@example.com", "password": PASSWORD}
    assert APIClient().post(URL, body, REMOTE_ADDR="192.0.2.7").status_code == 200


@pytest.mark.usefixtures("three_failures_lock")
def test_the_lock_is_not_fooled_by_another_browser(alice_can_sign_in: User) -> None:
    codes = [wrong(alice_can_sign_in, user_agent=f"browser {n}").status_code for n in range(4)]
    assert codes == [401, 401, 429, 429]


@pytest.mark.usefixtures("three_failures_lock")
def test_the_lock_opens_again_when_retry_after_is_over(api: APIClient, alice_can_sign_in: User) -> None:
    for number in range(3):
        wrong(alice_can_sign_in, user_agent=f"browser {number}")
    oldest = AccessAttempt.objects.order_by("attempt_time").first()
    assert oldest is not None
    AccessAttempt.objects.filter(pk=oldest.pk).update(attempt_time=F("attempt_time") - timedelta(seconds=200))
    body = {"email": alice_can_sign_in.email, "password": PASSWORD}
    assert 95 <= int(api.post(URL, body)["Retry-After"]) <= 100
    AccessAttempt.objects.filter(pk=oldest.pk).update(attempt_time=F("attempt_time") - timedelta(seconds=100))
    assert api.post(URL, body).status_code == 200


@pytest.mark.usefixtures("three_failures_lock")
def test_retry_after_waits_for_as_many_failures_as_must_be_forgotten(
    api: APIClient, alice_can_sign_in: User, settings: Any
) -> None:
    for number in range(3):
        wrong(alice_can_sign_in, user_agent=f"browser {number}")
    for number, attempt in enumerate(AccessAttempt.objects.order_by("attempt_time")):
        AccessAttempt.objects.filter(pk=attempt.pk).update(
            attempt_time=F("attempt_time") - timedelta(seconds=200 - 100 * number)
        )
    settings.AXES_FAILURE_LIMIT = 2
    locked = api.post(URL, {"email": alice_can_sign_in.email, "password": PASSWORD})
    assert 195 <= int(locked["Retry-After"]) <= 200


@pytest.mark.usefixtures("three_failures_lock")
def test_a_success_forgets_the_failures_before_it(alice_can_sign_in: User) -> None:
    for _ in range(3):
        wrong(alice_can_sign_in)
        wrong(alice_can_sign_in)
        body = {"email": alice_can_sign_in.email, "password": PASSWORD}
        assert APIClient().post(URL, body).status_code == 200


@pytest.mark.usefixtures("three_failures_lock")
def test_the_staff_site_shares_the_lock(client: Client, admin: User, with_password: Callable[[User], User]) -> None:
    form = {"username": with_password(admin).email.upper(), "password": "wrong horse 42"}
    wrong(admin)
    assert client.post("/admin/login/", form).status_code == 200
    locked = client.post("/admin/login/", form)
    assert locked.status_code == 429
    assert 295 <= int(locked["Retry-After"]) <= 300
    assert client.post("/admin/login/", form | {"password": PASSWORD}).status_code == 429
    assert wrong(admin).status_code == 429


def test_no_password_reaches_the_attempts_table(client: Client, admin: User) -> None:
    client.post("/admin/login/", {"username": admin.email, "password": "wrong horse 42"})
    attempt = AccessAttempt.objects.get()
    assert "horse" not in f"{attempt.post_data}{attempt.get_data}"


def test_login_is_throttled_even_though_every_attempt_fails(api: APIClient, throttle_rate: Callable[..., None]) -> None:
    throttle_rate(login="2/min")
    codes = [api.post(URL, {"email": f"{n}@example.com", "password": "x"}).status_code for n in range(3)]
    assert codes == [401, 401, 429]


def test_login_deletes_families_that_have_expired(alice_can_sign_in: User) -> None:
    request = RequestFactory().post(URL)
    services.sign_in(email=alice_can_sign_in.email, password=PASSWORD, request=request)
    TokenFamily.objects.update(expires_at=F("expires_at") - timedelta(days=365))
    services.sign_in(email=alice_can_sign_in.email, password=PASSWORD, request=RequestFactory().post(URL))
    assert TokenFamily.objects.count() == 1
