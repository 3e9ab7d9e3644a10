"""The second factor over the API: no login without it, no code twice, and no way around it with a stolen token."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from django.conf import settings as till
from django.db import connection
from django.db.models import F
from rest_framework.test import APIClient

from accounts import services, tokens
from accounts.models import RecoveryCode, SecondFactor, User
from accounts.services import second_factor
from accounts.tests.conftest import PASSWORD, bearer
from api.encryption import decrypt
from tests.support.second_factors import Authenticator, enrol

pytestmark = pytest.mark.django_db

ME = "/api/v1/users/me"
LOGIN = "/api/v1/auth/login"
FACTOR = "/api/v1/auth/second-factor"
WRONG = "wrong horse 42"


@pytest.fixture
def alice(alice_can_sign_in: User) -> User:
    return alice_can_sign_in


@pytest.fixture
def enrolled(alice: User) -> tuple[Authenticator, list[str]]:
    return enrol(alice, PASSWORD)


@pytest.fixture
def app(enrolled: tuple[Authenticator, list[str]]) -> Authenticator:
    return enrolled[0]


@pytest.fixture
def recovery_codes(enrolled: tuple[Authenticator, list[str]]) -> list[str]:
    return enrolled[1]


def sign_in(user: User, code: object = None, password: str = PASSWORD) -> Any:
    body = {"email": user.email, "password": password} | ({} if code is None else {"code": code})
    return APIClient().post(LOGIN, body)


def signed_in(user: User) -> APIClient:
    """A client with a token that nobody needed a code for: as if it were stolen."""
    user.refresh_from_db()
    return bearer(tokens.open_family(user=user).access)


def outcome(response: Any) -> tuple[int, str]:
    return response.status_code, response.json().get("code", "") if response.content else ""


# --- setting it up ------------------------------------------------------------------------------------------------


def test_it_is_set_up_with_password_and_first_code(alice: User) -> None:
    client = signed_in(alice)
    assert client.get(FACTOR).json() == {"enabled": False, "since": None, "recovery_codes_left": 0}
    begun = client.post(FACTOR, {"password": PASSWORD}).json()
    assert pyotp.parse_uri(begun["otpauth_uri"]).secret == begun["secret"]
    assert begun["qr_svg"].startswith("<svg")
    assert sign_in(alice).status_code == 200
    confirmed = client.post(f"{FACTOR}/confirm", {"code": Authenticator(begun["secret"]).code()})
    codes = confirmed.json()["recovery_codes"]
    assert (len(codes), len(set(codes))) == (10, 10)
    assert all(re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", code) for code in codes)
    state = signed_in(alice).get(FACTOR).json()
    assert (state["enabled"], state["recovery_codes_left"]) == (True, 10)


def test_switching_it_on_ends_every_login(alice: User) -> None:
    before = signed_in(alice)
    enrol(alice, PASSWORD)
    assert before.get(ME).status_code == 401


@pytest.mark.parametrize("address", ["", "/recovery-codes", "/disable"])
def test_a_stolen_token_without_the_password_changes_nothing(alice: User, app: Authenticator, address: str) -> None:
    body = {"password": WRONG} | ({"code": app.code()} if address else {})
    assert outcome(signed_in(alice).post(FACTOR + address, body)) == (400, "invalid_password")
    assert outcome(sign_in(alice)) == (401, "second_factor_required")


def test_a_pending_secret_does_not_replace_the_active_one(alice: User, app: Authenticator) -> None:
    client = signed_in(alice)
    assert outcome(client.post(FACTOR, {"password": PASSWORD})) == (409, "second_factor_enabled")
    assert outcome(client.post(f"{FACTOR}/confirm", {"code": app.code()})) == (409, "no_pending_second_factor")


def test_a_pending_secret_that_was_overtaken_is_void(alice: User) -> None:
    """Begun on two devices: the first code of one switches it on, and the other's is too late."""
    client = signed_in(alice)
    first, second = (client.post(FACTOR, {"password": PASSWORD}).json()["secret"] for _ in range(2))
    confirm = f"{FACTOR}/confirm"
    assert outcome(client.post(confirm, {"code": Authenticator(first).code()})) == (400, "invalid_code")
    assert client.post(confirm, {"code": Authenticator(second).code()}).status_code == 200
    again = signed_in(alice).post(confirm, {"code": Authenticator(second).code_of(1)})
    assert outcome(again) == (409, "no_pending_second_factor")


def test_a_pending_secret_expires(alice: User) -> None:
    client = signed_in(alice)
    secret = client.post(FACTOR, {"password": PASSWORD}).json()["secret"]
    SecondFactor.objects.update(pending_at=F("pending_at") - timedelta(hours=1))
    assert outcome(client.post(f"{FACTOR}/confirm", {"code": Authenticator(secret).code()})) == (
        409,
        "no_pending_second_factor",
    )


def test_nothing_is_confirmed_that_was_not_begun(alice: User) -> None:
    response = signed_in(alice).post(f"{FACTOR}/confirm", {"code": "123456"})
    assert outcome(response) == (409, "no_pending_second_factor")


# --- signing in ---------------------------------------------------------------------------------------------------


def test_the_right_password_alone_gives_no_token(alice: User, app: Authenticator) -> None:
    response = sign_in(alice)
    assert outcome(response) == (401, "second_factor_required")
    assert not {"access", "refresh"} & response.json().keys()
    assert sign_in(alice, app.code()).status_code == 200


def test_without_the_right_password_nothing_tells_who_has_a_second_factor(
    alice: User, app: Authenticator, bob: User
) -> None:
    code = app.code()
    answers = {
        sign_in(user, given, WRONG).content.partition(b'"instance')[0]
        for user in (alice, bob)
        for given in (None, code)
    }
    unknown = APIClient().post(LOGIN, {"email": "nobody@example.com", "password": WRONG, "code": code})
    assert {outcome(unknown)} == {(401, "invalid_credentials")}
    assert answers == {unknown.content}
    assert sign_in(alice, code).status_code == 200


def test_a_code_is_good_once(alice: User, app: Authenticator) -> None:
    code = app.code()
    assert sign_in(alice, code).status_code == 200
    assert outcome(sign_in(alice, code)) == (401, "invalid_second_factor")


def test_a_code_before_the_latest_one_is_void(alice: User, app: Authenticator) -> None:
    assert sign_in(alice, app.code_of(1)).status_code == 200
    assert [outcome(sign_in(alice, app.code_of(offset)))[0] for offset in (0, -1, 1)] == [401] * 3


@pytest.mark.parametrize(("offset", "status"), [(-3, 401), (-2, 401), (0, 200), (1, 200), (3, 401)])
def test_a_clock_may_be_a_step_off(alice: User, app: Authenticator, offset: int, status: int) -> None:
    SecondFactor.objects.update(last_step=0)
    assert sign_in(alice, app.code_of(offset)).status_code == status


def test_codes_of_somebody_else_are_wrong(alice: User, app: Authenticator, mallory: User, with_password: Any) -> None:
    mallorys, codes = enrol(with_password(mallory), PASSWORD)
    for code in (mallorys.code(), codes[0]):
        assert outcome(sign_in(alice, code)) == (401, "invalid_second_factor")
    assert sign_in(mallory, codes[0]).status_code == 200


def test_a_recovery_code_is_good_once_however_it_is_typed(alice: User, recovery_codes: list[str]) -> None:
    first, second, *_rest = recovery_codes
    assert sign_in(alice, first).status_code == 200
    assert outcome(sign_in(alice, first)) == (401, "invalid_second_factor")
    assert outcome(sign_in(alice, first.replace("-", ""))) == (401, "invalid_second_factor")
    assert sign_in(alice, second.replace("-", " ").upper()).status_code == 200
    assert signed_in(alice).get(FACTOR).json()["recovery_codes_left"] == 8


@pytest.mark.parametrize(
    "code", ["", " ", "12345", "1234567", "\u0661\u0662\u0663\u0664\u0665\u0666", "é" * 40, "0" * 41, 5, [], {}, "\0"]
)
def test_a_code_of_another_form_is_refused(alice: User, app: Authenticator, code: Any) -> None:
    assert sign_in(alice, code).status_code in (400, 401)


def test_a_code_is_ignored_where_there_is_no_second_factor(alice: User) -> None:
    assert sign_in(alice, "000000").status_code == 200


def test_wrong_codes_lock_the_name_as_wrong_passwords_do(alice: User, app: Authenticator, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    assert [outcome(sign_in(alice, app.wrong())) for _ in range(2)] == [(401, "invalid_second_factor")] * 2
    assert [outcome(sign_in(alice, code)) for code in (app.wrong(), app.code())] == [(429, "login_locked")] * 2


def test_the_right_password_without_a_code_forgets_no_failures(alice: User, app: Authenticator, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    for _ in range(2):
        assert sign_in(alice, app.wrong()).status_code == 401
        assert outcome(sign_in(alice)) == (401, "second_factor_required")
    assert [outcome(sign_in(alice, code)) for code in (app.wrong(), None)] == [(429, "login_locked")] * 2


def test_wrong_codes_count_for_the_user_wherever_they_come_from(
    alice: User, enrolled: tuple[Authenticator, list[str]], settings: Any
) -> None:
    """Thirty a day from thirty networks; then only a recovery code is taken."""
    app, codes = enrolled
    settings.TILL_TRUSTED_PROXIES = 1
    body = {"email": alice.email, "password": PASSWORD, "code": app.wrong()}
    for number in range(second_factor.MAX_WRONG_CODES):
        hop = {"X-Forwarded-For": f"203.0.{number}.7"}
        assert outcome(APIClient().post(LOGIN, body, headers=hop)) == (401, "invalid_second_factor")
    refused = sign_in(alice, app.code())
    assert outcome(refused) == (429, "second_factor_locked")
    assert 0 < int(refused["Retry-After"]) <= 24 * 3600
    assert sign_in(alice, codes[0]).status_code == 200
    SecondFactor.objects.update(wrong_since=F("wrong_since") - timedelta(days=1))
    assert sign_in(alice, app.code()).status_code == 200


# --- changing it --------------------------------------------------------------------------------------------------


def test_new_recovery_codes_void_the_old_ones(alice: User, enrolled: tuple[Authenticator, list[str]]) -> None:
    app, old = enrolled
    body = {"password": PASSWORD, "code": app.code()}
    new = signed_in(alice).post(f"{FACTOR}/recovery-codes", body).json()["recovery_codes"]
    assert len(set(new) - set(old)) == 10
    assert sign_in(alice, old[0]).status_code == 401
    assert sign_in(alice, new[0]).status_code == 200


@pytest.mark.parametrize("address", ["/recovery-codes", "/disable"])
def test_a_stolen_token_and_the_password_do_not_do_without_a_code(
    alice: User, app: Authenticator, address: str
) -> None:
    spent = app.code()
    assert sign_in(alice, spent).status_code == 200
    for body in ({"code": spent}, {"code": app.wrong()}, {"code": ""}, {}):
        response = signed_in(alice).post(FACTOR + address, {"password": PASSWORD} | body)
        assert response.status_code == 400, response.content
    assert outcome(sign_in(alice)) == (401, "second_factor_required")


def test_it_is_switched_off_with_password_and_code(alice: User, app: Authenticator) -> None:
    client = signed_in(alice)
    assert client.post(f"{FACTOR}/disable", {"password": PASSWORD, "code": app.code()}).status_code == 204
    assert client.get(ME).status_code == 401
    assert sign_in(alice).status_code == 200
    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()


def test_changes_are_throttled(alice: User, throttle_rate: Callable[..., None]) -> None:
    throttle_rate(password="1/min")
    client = signed_in(alice)
    assert [client.post(FACTOR, {"password": WRONG}).status_code for _ in range(2)] == [400, 429]
    assert client.get(FACTOR).status_code == 200


def test_an_admin_resets_that_of_another_and_never_their_own(alice: User, app: Authenticator, admin: User) -> None:
    before = signed_in(alice)
    with pytest.raises(services.OwnAccount):
        services.reset_second_factor(user_id=admin.pk, by=admin)
    services.reset_second_factor(user_id=alice.pk, by=admin)
    assert before.get(ME).status_code == 401
    assert sign_in(alice).status_code == 200
    with pytest.raises(services.NoSecondFactor):
        services.reset_second_factor(user_id=alice.pk, by=admin)


def test_a_deleted_user_loses_it(alice: User, app: Authenticator) -> None:
    services.anonymise_user(user_id=alice.pk, by=None)
    alice.refresh_from_db()
    assert (alice.second_factor_at, SecondFactor.objects.count(), RecoveryCode.objects.count()) == (None, 0, 0)


def test_a_new_password_does_not_switch_it_off(alice: User, app: Authenticator) -> None:
    services.set_password(user=alice, password="battery staple 43")
    assert outcome(sign_in(alice, password="battery staple 43")) == (401, "second_factor_required")


# --- what is kept -------------------------------------------------------------------------------------------------


def test_the_tables_hold_no_secret_and_no_code(alice: User, enrolled: tuple[Authenticator, list[str]]) -> None:
    app, codes = enrolled
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret, pending_secret FROM accounts_secondfactor")
        [(secret, pending)] = cursor.fetchall()
        cursor.execute("SELECT * FROM accounts_recoverycode")
        text = str(cursor.fetchall())
    assert (decrypt(secret, till.TILL_ENCRYPTION_KEYS), pending) == (app.secret, "")
    assert not any(code in text or code.replace("-", "").upper() in text for code in codes)


def test_a_lost_encryption_key_leaves_the_recovery_codes(
    alice: User, enrolled: tuple[Authenticator, list[str]], settings: Any
) -> None:
    settings.TILL_ENCRYPTION_KEYS = ["another-0123456789-abcdefghijklmnopqrstuvwxyz"]
    assert sign_in(alice, enrolled[0].code()).status_code == 401
    assert sign_in(alice, enrolled[1][0]).status_code == 200


def test_secrets_are_encrypted_anew_with_the_first_key(alice: User, app: Authenticator, settings: Any) -> None:
    first = "another-0123456789-abcdefghijklmnopqrstuvwxyz"
    settings.TILL_ENCRYPTION_KEYS = [first, *settings.TILL_ENCRYPTION_KEYS]
    assert (services.reencrypt_second_factors(), services.reencrypt_second_factors()) == (1, 1)
    settings.TILL_ENCRYPTION_KEYS = [first]
    assert sign_in(alice, app.code()).status_code == 200


def test_steps_are_those_of_the_clock(alice: User, app: Authenticator) -> None:
    sign_in(alice, app.code_of(0))
    assert abs(SecondFactor.objects.get().last_step - time.time() // 30) <= 1
