"""auth/activate/{token} and auth/activation/resend."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail, signing
from rest_framework.test import APIClient

from accounts import links, services, tokens
from accounts.models import User
from accounts.tests.conftest import PASSWORD, bearer
from tests.support import recipes

pytestmark = pytest.mark.django_db

RESEND = "/api/v1/auth/activation/resend"


@pytest.fixture
def dave() -> User:
    return services.register(email="dave@example.com", password=PASSWORD)[0]


def path_for(user: User) -> str:
    return f"/api/v1/auth/activate/{links.activation_token(user=user)}"


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_activation_link_activates_its_user(api: APIClient, dave: User, method: str) -> None:
    response = getattr(api, method)(path_for(dave))
    assert response.status_code == 200
    assert response.json()["user"]["is_active"] is True
    assert response.json()["status"] == "activated"
    dave.refresh_from_db()
    assert dave.is_active
    assert dave.activated_at is not None


def test_the_activation_link_works_as_it_was_returned_by_registration(api: APIClient) -> None:
    answer = api.post("/api/v1/auth/register", {"email": "erin@example.com", "password": PASSWORD}).json()
    assert api.get(answer["activation_url"]).status_code == 200


def test_activation_says_so_when_the_user_is_active_already(api: APIClient, dave: User) -> None:
    link = path_for(dave)
    api.get(link)
    response = api.get(link)
    assert (response.status_code, response.json()["status"]) == (200, "already_active")


def test_activation_never_switches_a_disabled_user_on_again(api: APIClient, dave: User, admin: User) -> None:
    link = path_for(dave)
    api.get(link)
    services.disable_user(user_id=dave.pk, by=admin)
    response = api.get(link)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_link")
    dave.refresh_from_db()
    assert not dave.is_active


def test_activation_never_switches_on_a_user_disabled_before(api: APIClient, dave: User, admin: User) -> None:
    services.disable_user(user_id=dave.pk, by=admin)
    assert api.get(path_for(dave)).status_code == 400
    dave.refresh_from_db()
    assert not dave.is_active


def test_the_activation_link_expires(api: APIClient, dave: User, settings: Any) -> None:
    settings.TILL_ACTIVATION_LINK_SECONDS = -1
    response = api.get(path_for(dave))
    assert (response.status_code, response.json()["code"]) == (410, "expired_link")
    dave.refresh_from_db()
    assert not dave.is_active


def test_the_activation_link_belongs_to_the_address_it_was_made_for(api: APIClient, dave: User) -> None:
    link = path_for(dave)
    services.update_user(user=dave, email="somebody.else@example.com")
    assert api.get(link).status_code == 400


@pytest.mark.parametrize("token", ["x", "1.2.3", "1-abc.1vEabc.forged", "%F0%9F%98%80", "." * 300])
def test_activation_refuses_garbage(api: APIClient, token: str) -> None:
    response = api.get(f"/api/v1/auth/activate/{token}")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_link")


def test_activation_refuses_signatures_made_for_another_purpose(api: APIClient, dave: User) -> None:
    text = f"{dave.pk}-{links.address_mark(dave.email)}"
    token = signing.TimestampSigner(salt="something.else", sep=".").sign(text)
    assert api.get(f"/api/v1/auth/activate/{token}").status_code == 400


def test_activation_refuses_the_link_of_a_user_who_is_not_there(api: APIClient) -> None:
    assert api.get(path_for(recipes.user.prepare(pk=987654321))).status_code == 400


def test_activation_is_not_set_off_by_a_probe(api: APIClient, dave: User) -> None:
    assert api.head(path_for(dave)).status_code == 405
    dave.refresh_from_db()
    assert not dave.is_active


def mailed() -> list[Any]:
    """Send what is queued, and return all that was sent."""
    while services.send_next_mail():
        pass
    return mail.outbox


def test_resend_answers_alike_and_mails_only_who_waits(api: APIClient, dave: User, alice: User) -> None:
    mailed().clear()
    answers = [api.post(RESEND, {"email": email}) for email in (dave.email.upper(), alice.email, "no@example.com")]
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"")}
    [message] = mailed()
    assert message.to == ["dave@example.com"]
    assert api.get(message.body.split("\n")[2]).status_code == 200


def test_resend_mails_no_user_whom_staff_disabled(api: APIClient, dave: User, admin: User) -> None:
    services.disable_user(user_id=dave.pk, by=admin)
    assert api.post(RESEND, {"email": dave.email}).status_code == 202
    assert mailed() == []


def test_resend_does_not_fill_a_mailbox(api: APIClient, dave: User) -> None:
    mailed().clear()
    for _ in range(3):
        assert api.post(RESEND, {"email": dave.email}).status_code == 202
        mailed()
    assert len(mail.outbox) == 1


def test_resend_is_throttled(api: APIClient, throttle_rate: Callable[..., None]) -> None:
    throttle_rate(resend="1/min")
    codes = [api.post(RESEND, {"email": "no@example.com"}).status_code for _ in range(2)]
    assert codes == [202, 429]


# --- in a browser -------------------------------------------------------------------------------------------

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def opened(link: str) -> tuple[int, str]:
    """The status and the heading of the page."""
    answer = APIClient().get(link, headers={"Accept": BROWSER})
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    return answer.status_code, answer.text.partition("<h1>")[2].partition("</h1>")[0]


def test_a_browser_is_shown_a_page(dave: User, settings: Any) -> None:
    link = path_for(dave)
    assert opened(link) == (200, "Your account is active")
    assert opened(link) == (200, "Your account was active already")
    settings.TILL_ACTIVATION_LINK_SECONDS = -1
    assert opened(link) == (410, "The link has expired")
    assert opened("/api/v1/auth/activate/x") == (400, "The link is not valid")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html", "application/*", None])
def test_a_program_gets_json(api: APIClient, dave: User, accept: str | None) -> None:
    answer = api.get(path_for(dave), headers={"Accept": accept} if accept else {})
    assert answer.json()["status"] == "activated"


# --- without links ------------------------------------------------------------------------------------------


@pytest.fixture
def without_links(settings: Any) -> None:
    settings.TILL_ACTIVATION = "none"


@pytest.mark.usefixtures("without_links")
def test_without_links_a_user_is_active_at_once(api: APIClient, login: Callable[..., Any]) -> None:
    answer = api.post("/api/v1/auth/register", {"email": "erin@example.com", "password": PASSWORD}).json()
    assert (answer["user"]["is_active"], answer["activation_url"]) == (True, None)
    erin = User.objects.get(pk=answer["user"]["id"])
    assert erin.activated_at is not None
    assert login(erin)
    assert mailed() == []
    assert api.post(RESEND, {"email": erin.email}).status_code == 202
    assert mailed() == []
    assert api.get(path_for(erin)).json()["status"] == "already_active"


def test_without_links_a_user_of_before_still_activates_by_one(api: APIClient, dave: User, settings: Any) -> None:
    mailed().clear()
    settings.TILL_ACTIVATION = "none"
    assert api.post(RESEND, {"email": dave.email}).status_code == 202
    assert api.post(mailed()[0].body.split("\n")[2]).json()["status"] == "activated"


@pytest.mark.usefixtures("without_links")
def test_without_links_staff_may_still_add_a_user_with_one(admin: User) -> None:
    staff = bearer(tokens.open_family(user=admin).access)
    body = {"email": "erin@example.com", "password": PASSWORD, "is_active": False}
    answer = staff.post("/api/v1/users", body).json()
    assert (answer["is_active"], "/auth/activate/" in answer["activation_url"]) == (False, True)
