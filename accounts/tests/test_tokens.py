"""Access tokens on requests, auth/refresh and auth/logout."""

import base64
import json
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings as till
from django.db import connection
from django.db.models import F
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services, tokens
from accounts.models import Role, TokenFamily, User
from accounts.tests.conftest import bearer

pytestmark = pytest.mark.django_db

ME = "/api/v1/users/me"
REFRESH = "/api/v1/auth/refresh"
LOGOUT = "/api/v1/auth/logout"


@pytest.fixture
def pair(alice: User) -> tokens.TokenPair:
    return tokens.open_family(user=alice)


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def signed(key: str = "", algorithm: str = "HS256", without: str = "", **changed: Any) -> str:
    """An access token of our own making, right but for what is `changed`."""
    payload = right_claims() | changed
    payload.pop(without, None)
    return jwt.encode(payload, key or str(till.SIMPLE_JWT["SIGNING_KEY"]), algorithm=algorithm)


def right_claims() -> dict[str, Any]:
    now = int(time.time())
    whose = {"token_type": "access", "aud": "till-api", "iss": "till", "epoch": 0}
    return whose | {"iat": now, "exp": now + 60, "jti": uuid.uuid4().hex}


def login_of(user: User) -> dict[str, Any]:
    """What ties a token to a login that lasts."""
    return {"sub": str(user.pk), "family": claims(tokens.open_family(user=user).access)["family"]}


def refresh(token: str) -> Any:
    return APIClient().post(REFRESH, {"refresh": token})


def age_rotation(seconds: int) -> None:
    """Let the latest refresh be so long ago."""
    TokenFamily.objects.update(rotated_at=F("rotated_at") - timedelta(seconds=seconds))


def test_an_access_token_lets_its_user_in_with_one_query(
    pair: tokens.TokenPair, alice: User, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        response = bearer(pair.access).get(ME)
    assert (response.status_code, response.json()["id"]) == (200, alice.pk)


def test_an_access_token_says_who_where_and_until_when(pair: tokens.TokenPair, alice: User) -> None:
    payload = claims(pair.access)
    assert payload["exp"] - payload["iat"] == 15 * 60
    assert {name: payload[name] for name in ("aud", "iss", "sub", "epoch", "token_type")} == {
        "aud": "till-api",
        "iss": "till",
        "sub": str(alice.pk),
        "epoch": 0,
        "token_type": "access",
    }


def test_a_right_token_of_our_own_making_is_right(alice: User) -> None:
    assert bearer(signed(**login_of(alice))).get(ME).status_code == 200


@pytest.mark.parametrize(
    "flaw",
    [
        {"aud": "another-api"},
        {"iss": "mallory"},
        {"without": "aud"},
        {"without": "iss"},
        {"without": "exp"},
        {"without": "jti"},
        {"without": "epoch"},
        {"without": "token_type"},
        {"without": "sub"},
        {"without": "iat"},
        {"without": "family"},
        {"family": uuid.uuid4().hex},
        {"family": "nonsense"},
        {"token_type": "refresh"},
        {"epoch": 1},
        {"epoch": "0"},
        {"epoch": None},
        {"sub": "alice"},
        {"sub": "-1"},
        {"sub": "1.0"},
        {"sub": "\u0661"},
        {"sub": "9" * 19},
        {"sub": "9" * 400},
        {"sub": ""},
        {"exp": 1},
        {"exp": 10**18},
        {"exp": "soon"},
        {"key": "another key, also of thirty-two bytes or more"},
        {"algorithm": "HS512"},
    ],
)
def test_a_flawed_token_is_refused_with_401(alice: User, flaw: dict[str, Any]) -> None:
    response = bearer(signed(**(login_of(alice) | flaw))).get(ME)
    assert response.status_code == 401
    assert response.json()["code"] in ("token_invalid", "token_expired")
    assert response["WWW-Authenticate"].startswith("Bearer")


#: What a claim may hold in a token that somebody made with our key and another program, or by a mistake of ours.
STRANGE: list[Any] = [
    *(None, True, False, "", "soon", "0", "9" * 5000, "\0", "\ud800", [], ["user"], {}, {"a": []}),
    *(0, -1, 2**31, 2**63, 10**18, 10**400, -(10**400), 1.5, 1e300, float("nan"), float("inf"), float("-inf")),
]


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf", "sub", "epoch", "family", "jti", "aud", "iss", "token_type"])
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_claim_of_another_kind_is_401(alice: User, claim: str, kind: str) -> None:
    right = right_claims() | {"nbf": 0} | login_of(alice) | {"token_type": kind}
    for value in [*STRANGE, str(int(time.time()) + 60)]:
        body = json.dumps(right | {claim: value}).encode()
        token = jwt.PyJWS().encode(body, str(till.SIMPLE_JWT["SIGNING_KEY"]), "HS256")
        answer = bearer(token).get(ME) if kind == "access" else refresh(token)
        expected = {401} | ({200} if type(value) is type(right[claim]) or claim == "nbf" else set())
        too_long = kind == "refresh" and len(token) > 2048 and answer.status_code == 400
        assert too_long or answer.status_code in expected, (value, answer.content)
        assert APIClient().post(LOGOUT, {"refresh": token}).status_code < 500, value


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("text", ["[" * 5000, '{"alg":' * 2000, '{"alg":[]}', '{"alg":{}}', "NaN", "null", "9" * 5000])
def test_no_json_of_a_stranger_is_an_error_of_ours(pair: tokens.TokenPair, part: int, text: str) -> None:
    parts = pair.access.split(".")
    parts[part] = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    assert bearer(".".join(parts)).get(ME).status_code == 401
    assert refresh(".".join(parts)).status_code in {400, 401}


def test_a_clock_that_is_a_little_ahead_is_believed(alice: User) -> None:
    now = int(time.time())
    for claim in ("iat", "nbf"):
        assert bearer(signed(**(login_of(alice) | {claim: now + 5}))).get(ME).status_code == 200
        assert bearer(signed(**(login_of(alice) | {claim: now + 60}))).get(ME).status_code == 401


def test_a_token_signed_by_nobody_is_refused(alice: User) -> None:
    payload = claims(tokens.open_family(user=alice).access)
    unsigned = jwt.encode(payload, None, algorithm="none")  # type: ignore[arg-type] # there is none
    assert bearer(unsigned).get(ME).status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer a b", "Bearer \xff", "bearer x.y.z", "Basic YTpi"])
def test_a_malformed_header_is_refused_with_401(header: str) -> None:
    response = APIClient().get(ME, headers={"authorization": header})
    assert response.status_code == 401
    assert "WWW-Authenticate" in response


def test_an_expired_token_says_so(alice: User) -> None:
    response = bearer(signed(**login_of(alice), exp=int(time.time()) - 1)).get(ME)
    assert response.json()["code"] == "token_expired"


def test_no_token_is_401(api: APIClient) -> None:
    response = api.get(ME)
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_disabled_user_is_stopped_at_once(pair: tokens.TokenPair, alice: User, bob: User) -> None:
    bobs = tokens.open_family(user=bob)
    services.disable_user(user_id=alice.pk, by=None)
    assert bearer(pair.access).get(ME).status_code == 401
    assert refresh(pair.refresh).status_code == 401
    assert bearer(bobs.access).get(ME).status_code == 200


def test_an_inactive_user_is_stopped_even_where_no_epoch_was_raised(pair: tokens.TokenPair, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert bearer(pair.access).get(ME).status_code == 401
    assert refresh(pair.refresh).status_code == 401


def test_old_tokens_stay_dead_when_a_user_is_enabled_again(pair: tokens.TokenPair, alice: User) -> None:
    services.disable_user(user_id=alice.pk, by=None)
    services.enable_user(user_id=alice.pk)
    assert bearer(pair.access).get(ME).status_code == 401
    assert refresh(pair.refresh).status_code == 401


def test_a_deleted_user_is_401_everywhere(pair: tokens.TokenPair, alice: User) -> None:
    alice.delete()
    assert bearer(pair.access).get(ME).status_code == 401
    assert refresh(pair.refresh).status_code == 401


def test_a_new_role_counts_from_the_next_request(pair: tokens.TokenPair, alice: User) -> None:
    services.set_role(user_id=alice.pk, role=Role.SERVICE, by=None)
    assert bearer(pair.access).get(ME).json()["role"] == "service"


def test_refresh_gives_a_new_pair_and_spends_the_old_token(pair: tokens.TokenPair) -> None:
    first = refresh(pair.refresh)
    assert first.status_code == 200
    assert bearer(first.json()["access"]).get(ME).status_code == 200
    second = refresh(first.json()["refresh"])
    assert second.status_code == 200
    assert TokenFamily.objects.count() == 1


def test_a_lost_answer_is_given_again_byte_for_byte(pair: tokens.TokenPair) -> None:
    first = refresh(pair.refresh)
    assert [refresh(pair.refresh).content for _ in range(3)] == [first.content] * 3
    assert bearer(first.json()["access"]).get(ME).status_code == 200
    assert refresh(first.json()["refresh"]).status_code == 200


def test_a_lost_answer_is_given_again_with_the_times_of_its_rotation(pair: tokens.TokenPair) -> None:
    first = refresh(pair.refresh).json()
    age_rotation(9)
    again = refresh(pair.refresh).json()
    for kind in ("access", "refresh"):
        before, after = claims(first[kind]), claims(again[kind])
        assert (after["iat"], after["exp"], after["jti"]) == (before["iat"] - 9, before["exp"] - 9, before["jti"])


def test_a_token_reused_late_ends_its_family_and_no_other(pair: tokens.TokenPair, alice: User) -> None:
    other_device = tokens.open_family(user=alice)
    stolen = refresh(pair.refresh).json()
    age_rotation(10)
    assert refresh(pair.refresh).status_code == 401
    assert refresh(stolen["refresh"]).status_code == 401
    assert refresh(other_device.refresh).status_code == 200


def test_a_token_whose_successor_was_used_ends_the_family(pair: tokens.TokenPair) -> None:
    second = refresh(pair.refresh).json()
    third = refresh(second["refresh"]).json()
    assert refresh(pair.refresh).status_code == 401
    assert [refresh(token["refresh"]).status_code for token in (second, third)] == [401, 401]


def test_a_lost_answer_is_not_given_again_once_the_epoch_rose(pair: tokens.TokenPair, alice: User) -> None:
    refresh(pair.refresh)
    User.objects.filter(pk=alice.pk).update(token_epoch=1)
    assert refresh(pair.refresh).status_code == 401


def test_a_lost_answer_is_not_given_again_after_the_logout(pair: tokens.TokenPair, api: APIClient) -> None:
    fresh = refresh(pair.refresh).json()
    api.post(LOGOUT, {"refresh": fresh["refresh"]})
    assert refresh(pair.refresh).status_code == 401


def test_a_family_that_an_older_till_rotated_forgives_nothing(pair: tokens.TokenPair) -> None:
    """The column is empty, or of a rotation before that one."""
    for rotated_at in (None, timezone.now()):
        TokenFamily.objects.update(jti=uuid.uuid4(), rotated_at=rotated_at, ended_at=None)
        assert refresh(pair.refresh).status_code == 401
        assert TokenFamily.objects.get().ended_at is not None


def test_an_older_till_still_opens_logins(alice: User) -> None:
    """It runs on while it is replaced, and knows nothing of the newer columns."""
    now = timezone.now()
    row: list[Any] = [uuid.uuid4(), alice.pk, uuid.uuid4(), now, now + timedelta(days=1)]
    insert = "INSERT INTO accounts_tokenfamily (id, user_id, jti, created_at, expires_at) VALUES (%s, %s, %s, %s, %s)"
    with connection.cursor() as cursor:
        cursor.execute(insert, row)
    assert [login.user_agent for login in tokens.lasting_logins(user_id=alice.pk)] == [""]


def test_no_two_logins_derive_the_same_tokens(pair: tokens.TokenPair, alice: User) -> None:
    pairs = [pair, tokens.open_family(user=alice)]
    pairs += [tokens.rotate(refresh=pair.refresh) for pair in pairs]
    ids = {claims(token)["jti"] for pair in pairs for token in (pair.access, pair.refresh)}
    assert len(ids) == 8


@pytest.mark.parametrize("token", ["x", "a.b.c", "\u00e9", "", 5, None, ["x"], "x" * 3000])
def test_refresh_refuses_garbage(token: Any) -> None:
    assert refresh(token).status_code in (400, 401)


def test_refresh_refuses_an_access_token_and_the_other_way_round(pair: tokens.TokenPair) -> None:
    assert refresh(pair.access).status_code == 401
    assert bearer(pair.refresh).get(ME).status_code == 401


@pytest.mark.parametrize("family", ["nonsense", 7, None, "0" * 32])
def test_refresh_refuses_a_token_of_no_family(alice: User, family: Any) -> None:
    token = signed(sub=str(alice.pk), token_type="refresh", family=family)
    assert refresh(token).status_code == 401


def test_refresh_refuses_the_family_of_somebody_else(pair: tokens.TokenPair, mallory: User) -> None:
    alices = claims(pair.refresh)
    forged = signed(sub=str(mallory.pk), token_type="refresh", family=alices["family"], jti=alices["jti"])
    assert refresh(forged).status_code == 401


def test_logout_ends_the_family_and_may_be_repeated(pair: tokens.TokenPair, api: APIClient) -> None:
    assert api.post(LOGOUT, {"refresh": pair.refresh}).status_code == 204
    assert api.post(LOGOUT, {"refresh": pair.refresh}).status_code == 204
    assert refresh(pair.refresh).status_code == 401


def test_logout_ends_the_access_token_and_no_other_login(pair: tokens.TokenPair, api: APIClient, alice: User) -> None:
    other_device = tokens.open_family(user=alice)
    api.post(LOGOUT, {"refresh": pair.refresh})
    assert bearer(pair.access).get(ME).status_code == 401
    assert bearer(other_device.access).get(ME).status_code == 200


def test_theft_ends_the_thiefs_access_token_too(pair: tokens.TokenPair) -> None:
    stolen = refresh(pair.refresh).json()
    assert bearer(stolen["access"]).get(ME).status_code == 200
    age_rotation(10)
    refresh(pair.refresh)
    assert bearer(stolen["access"]).get(ME).status_code == 401


def test_an_access_token_of_somebody_elses_login_is_refused(pair: tokens.TokenPair, mallory: User) -> None:
    forged = signed(sub=str(mallory.pk), family=claims(pair.access)["family"])
    assert bearer(forged).get(ME).status_code == 401


def test_a_login_ends_after_ninety_days_however_often_it_was_refreshed(pair: tokens.TokenPair) -> None:
    TokenFamily.objects.update(created_at=timezone.now() - timedelta(days=90) + timedelta(minutes=5))
    last = refresh(pair.refresh).json()
    for token in last.values():
        assert 0 < claims(token)["exp"] - time.time() <= 5 * 60
    assert bearer(last["access"]).get(ME).status_code == 200
    TokenFamily.objects.update(created_at=timezone.now() - timedelta(days=90))
    assert bearer(last["access"]).get(ME).status_code == 401
    assert refresh(last["refresh"]).status_code == 401


def test_logout_with_garbage_is_401(api: APIClient) -> None:
    response = api.post(LOGOUT, {"refresh": "a.b.c"})
    assert (response.status_code, response.json()["code"]) == (401, "token_invalid")


def test_no_whole_token_is_kept(pair: tokens.TokenPair) -> None:
    family = TokenFamily.objects.get()
    assert family.jti == uuid.UUID(claims(pair.refresh)["jti"])
    columns = [field.name for field in TokenFamily._meta.get_fields()]
    assert columns == [
        "id",
        "user",
        "jti",
        "created_at",
        "rotated_at",
        "expires_at",
        "ended_at",
        "user_agent",
        "address",
    ]


def test_refresh_is_throttled(throttle_rate: Callable[..., None]) -> None:
    throttle_rate(refresh="1/min")
    assert [refresh("x").status_code for _ in range(2)] == [401, 429]
