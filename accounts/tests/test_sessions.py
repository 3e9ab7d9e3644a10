"""auth/sessions: who signed in as oneself, and an end to it. Nobody sees or ends the logins of others."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services, tokens
from accounts.models import TokenFamily, User
from accounts.networks import Caller
from accounts.tests.conftest import PASSWORD, bearer

pytestmark = pytest.mark.django_db

ME = "/api/v1/users/me"
SESSIONS = "/api/v1/auth/sessions"
PHONE = "TillApp/3.1 (Android 16)"


@pytest.fixture
def pair(alice: User) -> tokens.TokenPair:
    return tokens.open_family(user=alice)


@pytest.fixture
def other(alice: User) -> tokens.TokenPair:
    """Alice's login on another device."""
    return tokens.open_family(user=alice)


def listed(token: str, query: str = "") -> list[dict[str, Any]]:
    response = bearer(token).get(SESSIONS + query)
    assert response.status_code == 200, response.content
    return list(response.json()["results"])


def own_id(token: str) -> str:
    [session] = [session for session in listed(token) if session["current"]]
    return str(session["id"])


def works(pair: tokens.TokenPair) -> bool:
    """Whether the login lasts, by both tokens; spends the refresh token."""
    access = bearer(pair.access).get(ME).status_code
    refresh = APIClient().post("/api/v1/auth/refresh", {"refresh": pair.refresh}).status_code
    assert access == refresh
    return access == 200


def test_a_session_says_when_whence_and_with_what(alice_can_sign_in: User, settings: Any) -> None:
    settings.TILL_TRUSTED_PROXIES = 1
    body, hop = {"email": alice_can_sign_in.email, "password": PASSWORD}, {"X-Forwarded-For": "6.6.6.6, 203.0.113.7"}
    pair = APIClient().post("/api/v1/auth/login", body, headers={"User-Agent": PHONE, **hop}).json()
    [session] = listed(pair["access"])
    assert (session["user_agent"], session["address"], session["current"]) == (PHONE, "203.0.113.7", True)
    assert session["last_used_at"] == session["created_at"] < session["expires_at"]
    hop = {"X-Forwarded-For": "198.51.100.9"}
    APIClient().post("/api/v1/auth/refresh", {"refresh": pair["refresh"]}, headers={"User-Agent": "Till 4", **hop})
    [later] = listed(pair["access"])
    assert (later["id"], later["user_agent"], later["address"]) == (session["id"], "Till 4", "198.51.100.9")
    assert later["created_at"] == session["created_at"] < later["last_used_at"]


def test_what_a_program_calls_itself_is_cut_and_plain(alice_can_sign_in: User, login: Any) -> None:
    body = {"email": alice_can_sign_in.email, "password": PASSWORD}
    agent = "\x1b[31m<b>\x00\u202e" + "x" * 400
    pair = APIClient().post("/api/v1/auth/login", body, HTTP_USER_AGENT=agent).json()
    [session] = listed(pair["access"])
    assert session["user_agent"] == "[31m<b>" + "x" * (200 - len(agent) + 400)


def test_only_logins_that_last_are_listed(pair: tokens.TokenPair, alice: User) -> None:
    for change in (
        {"ended_at": timezone.now()},
        {"expires_at": timezone.now()},
        {"created_at": timezone.now() - timedelta(days=90)},
    ):
        left = TokenFamily.objects.get(pk=tokens.claims_of_access(tokens.open_family(user=alice).access).family_id)
        TokenFamily.objects.filter(pk=left.pk).update(**change)
    assert [session["current"] for session in listed(pair.access)] == [True]


def test_sessions_come_in_pages_newest_first(pair: tokens.TokenPair, alice: User) -> None:
    for _day in range(4):
        tokens.open_family(user=alice)
        TokenFamily.objects.update(created_at=F("created_at") - timedelta(days=1))
    first = bearer(pair.access).get(f"{SESSIONS}?limit=3").json()
    second = bearer(pair.access).get(first["next"]).json()
    times = [session["created_at"] for session in first["results"] + second["results"]]
    assert (len(times), times, second["next"]) == (5, sorted(times, reverse=True), None)


def test_an_ended_session_stops_at_once(pair: tokens.TokenPair, other: tokens.TokenPair) -> None:
    assert bearer(pair.access).delete(f"{SESSIONS}/{own_id(other.access)}").status_code == 204
    assert (works(other), works(pair)) == (False, True)


def test_the_session_of_the_request_can_be_ended(pair: tokens.TokenPair) -> None:
    assert bearer(pair.access).delete(f"{SESSIONS}/{own_id(pair.access)}").status_code == 204
    assert not works(pair)


def test_a_session_ends_once(pair: tokens.TokenPair, other: tokens.TokenPair) -> None:
    ended = own_id(other.access)
    codes = [bearer(pair.access).delete(f"{SESSIONS}/{ended}").status_code for _ in range(2)]
    assert codes == [204, 404]


def test_mallory_sees_and_ends_no_session_of_alice(pair: tokens.TokenPair, mallory: User) -> None:
    mallorys = bearer(tokens.open_family(user=mallory).access)
    alices = own_id(pair.access)
    for address in (alices, alices.upper(), alices.replace("-", ""), str(uuid.uuid4()), "1", f"{alices}?user=1"):
        response = mallorys.delete(f"{SESSIONS}/{address}")
        assert response.status_code in (400, 404), address
    assert alices not in str(mallorys.get(SESSIONS).json())
    assert mallorys.get(f"{SESSIONS}?user={pair}").status_code == 400
    assert mallorys.delete(SESSIONS).status_code == 204
    assert works(pair)


def test_all_other_sessions_end(pair: tokens.TokenPair, other: tokens.TokenPair, bob: User) -> None:
    bobs = tokens.open_family(user=bob)
    assert bearer(pair.access).delete(f"{SESSIONS}?keep=current").status_code == 204
    assert (works(other), works(pair), works(bobs)) == (False, True, True)


def test_all_sessions_end_with_those_of_the_staff_site(admin: User, client: Client) -> None:
    admins = [tokens.open_family(user=admin) for _ in range(2)]
    client.force_login(admin)
    assert client.get("/admin/").status_code == 200
    assert bearer(admins[0].access).delete(SESSIONS).status_code == 204
    assert [works(pair) for pair in admins] == [False, False]
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize("query", ["?keep=all", "?keep=", "?keep=current&keep=current", "?kep=current"])
def test_a_misspelt_request_ends_nothing(pair: tokens.TokenPair, other: tokens.TokenPair, query: str) -> None:
    assert bearer(pair.access).delete(SESSIONS + query).status_code == 400
    assert works(other)


def test_nothing_is_written_when_a_token_is_used(pair: tokens.TokenPair, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        bearer(pair.access).get(ME)


def test_a_deleted_user_leaves_no_address_behind(pair: tokens.TokenPair, alice: User) -> None:
    services.anonymise_user(user_id=alice.pk, by=None)
    assert not TokenFamily.objects.filter(user=alice).exists()
    assert bearer(pair.access).get(ME).status_code == 401


def test_staff_see_a_users_sessions_and_end_them_with_a_reason(
    pair: tokens.TokenPair, alice: User, admin: User, client: Client
) -> None:
    TokenFamily.objects.update(user_agent=f"<i>{PHONE}</i>", address="203.0.113.7")
    tokens.open_family(user=admin, caller=Caller(user_agent="The admin's own"))
    client.force_login(admin)
    page = f"/admin/accounts/user/{alice.pk}/change/"
    text = client.get(page).content.decode()
    assert f"&lt;i&gt;{PHONE}" in text
    assert "203.0.113.7" in text
    assert "own" not in text[text.index("203.0.113.7") :].partition("</table>")[0]
    confirm = f"/admin/accounts/user/end-sessions/?id={alice.pk}"
    assert client.post(confirm, {"reason": ""}).status_code == 200
    assert works(pair)
    assert client.post(confirm, {"reason": "A lost phone."}).status_code == 302
    assert bearer(pair.access).get(ME).status_code == 401
    assert "A lost phone." in client.get(f"/admin/accounts/user/{alice.pk}/history/").content.decode()


def test_support_sees_no_sessions_and_ends_none(
    pair: tokens.TokenPair, alice: User, mallory: User, client: Client
) -> None:
    TokenFamily.objects.update(user_agent=PHONE)
    services.set_support(user_id=mallory.pk, on=True)
    client.force_login(mallory)
    assert PHONE not in client.get(f"/admin/accounts/user/{alice.pk}/change/").content.decode()
    confirm = f"/admin/accounts/user/end-sessions/?id={alice.pk}"
    assert client.post(confirm, {"reason": "Because."}).status_code == 403
    assert works(pair)
