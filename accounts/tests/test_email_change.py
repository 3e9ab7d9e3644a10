"""auth/email: another email, once its mailbox has confirmed it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import links, services, tokens
from accounts.models import OutgoingMail, User
from accounts.tests.conftest import PASSWORD, bearer
from accounts.tests.link_mail import mailed, newest_link
from tests.support.admin_forms import loaded

pytestmark = pytest.mark.django_db

URL = "/api/v1/auth/email"
NEW = "alice.new@example.com"
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.fixture
def alices(alice_can_sign_in: User) -> APIClient:
    return bearer(tokens.open_family(user=alice_can_sign_in).access)


def ask(client: APIClient, email: str = NEW, password: str = PASSWORD) -> Any:
    return client.post(URL, {"current_password": password, "new_email": email})


def path_for(user: User, email: str = NEW) -> str:
    return f"{URL}/{links.email_change_token(user=user, email=email)}"


def test_the_email_changes_when_its_mailbox_confirms(
    api: APIClient, alices: APIClient, alice: User, login: Callable[..., Any]
) -> None:
    answer = ask(alices, "Alice.New@EXAMPLE.com")
    assert (answer.status_code, answer.content) == (202, b"")
    link = newest_link()
    assert [message.to for message in mailed()] == [["Alice.New@example.com"]]
    assert api.get(link, headers={"Accept": BROWSER}).status_code == 200
    assert User.objects.get(pk=alice.pk).email == alice.email, "looking changes nothing"
    confirmed = api.post(link)
    assert (confirmed.status_code, confirmed.json()["email"]) == (200, "Alice.New@example.com")
    assert alices.get("/api/v1/users/me").status_code == 401, "the logins ended"
    assert login(User.objects.get(pk=alice.pk))
    assert api.post("/api/v1/auth/login", {"email": alice.email, "password": PASSWORD}).status_code == 401
    notice = mailed()[-1]
    assert (notice.to, notice.subject) == ([alice.email], "The email of your account was changed")


def test_an_unconfirmed_email_lets_nobody_in(api: APIClient, alices: APIClient) -> None:
    ask(alices)
    mailed().clear()
    assert api.post("/api/v1/auth/login", {"email": NEW, "password": PASSWORD}).status_code == 401
    api.post("/api/v1/auth/password/reset", {"email": NEW})
    assert mailed() == []


def test_a_wrong_password_changes_nothing(alices: APIClient) -> None:
    answer = ask(alices, password="wrong horse 42")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_password")
    assert mailed() == []


@pytest.mark.parametrize("email", ["no address", "deleted-1@deleted.invalid", "\u00e4@example.com", ""])
def test_a_malformed_email_is_refused_by_name(alices: APIClient, email: str) -> None:
    answer = ask(alices, email)
    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} == {"new_email"}


def test_asking_tells_nobody_who_has_the_email(alices: APIClient, bob: User) -> None:
    answers, statements = set(), set()
    ask(alices, "warm.up@example.com")
    for email in (bob.email, NEW):
        with CaptureQueriesContext(connection) as queries:
            answer = ask(alices, email)
        answers.add((answer.status_code, answer.content))
        statements.add(len(queries))
    assert (answers, len(statements)) == ({(202, b"")}, 1)


def test_a_taken_email_is_refused_at_the_confirmation(api: APIClient, alice: User, bob: User) -> None:
    answer = api.post(path_for(alice, bob.email.upper()))
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
    assert User.objects.get(pk=alice.pk).email == alice.email
    opened = api.post(path_for(alice, bob.email), headers={"Accept": BROWSER})
    assert (opened.status_code, "<h1>" in opened.text) == (409, True)


def test_asking_again_replaces_the_mail_that_waits(alices: APIClient) -> None:
    ask(alices, "first@example.com")
    ask(alices, "second@example.com")
    assert [message.to for message in mailed()] == [["second@example.com"]]


CHANGES: dict[str, Callable[[User, User], object]] = {
    "the password was changed": lambda user, _: services.set_password(user=user, password="other horse 44"),
    "the email was changed": lambda user, _: services.update_user(user=user, email="alice.other@example.com"),
    "every login was ended": lambda user, _: tokens.end_all(user_id=user.pk),
    "staff disabled the user": lambda user, admin: services.disable_user(user_id=user.pk, by=admin),
    "the user was deleted": lambda user, admin: services.anonymise_user(user_id=user.pk, by=admin),
    "it was used": lambda user, _: APIClient().post(path_for(user)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_link_dies_when(alice: User, admin: User, change: str) -> None:
    path = path_for(alice)
    assert APIClient().get(path).status_code == 200
    CHANGES[change](User.objects.get(pk=alice.pk), admin)
    for answer in (APIClient().post(path), APIClient().get(path)):
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_link")


def test_a_link_expires(alice: User, settings: Any) -> None:
    path = path_for(alice)
    settings.TILL_EMAIL_CHANGE_LINK_SECONDS = -1
    assert APIClient().post(path).json()["code"] == "expired_link"


def test_a_request_of_before_a_change_of_the_password_is_not_mailed_after_it(alices: APIClient, alice: User) -> None:
    ask(alices, "mallory@example.com")
    services.set_password(user=User.objects.get(pk=alice.pk), password="other horse 44")
    assert mailed() == []
    assert "no longer waits" in OutgoingMail.objects.get(kind="email_change").last_error


def test_a_request_that_nobody_could_mail_for_a_day_is_not_mailed_later(alices: APIClient) -> None:
    ask(alices)
    OutgoingMail.objects.update(queued_at=timezone.now() - timedelta(days=1, minutes=1))
    assert mailed() == []


def test_mallory_takes_over_nobody_by_a_link(alice: User, mallory: User) -> None:
    own = links.email_change_token(user=mallory, email=NEW)
    signature = own.partition(".")[2]
    others = [
        f"{alice.pk}-{own.partition('-')[2]}",
        f"{alice.pk}-{links.state_mark(alice)}-bWFsbG9yeUBleGFtcGxlLmNvbQ.{signature}",
        links.password_reset_token(user=alice),
        links.activation_token(user=alice),
        "x",
        "1-2.3.4",
    ]
    assert {APIClient().post(f"{URL}/{token}").status_code for token in others} == {400}
    assert APIClient().post(f"/api/v1/auth/password/reset/{own}", {"new_password": "battery 4343"}).status_code == 400


def test_asking_is_throttled_together_with_the_password(alices: APIClient, throttle_rate: Callable[..., None]) -> None:
    throttle_rate(password="2/min")
    alices.post("/api/v1/auth/password", {"current_password": "a", "new_password": "battery staple 43"})
    assert [ask(alices, password=guess).status_code for guess in ("b", "c")] == [400, 429]


@pytest.mark.parametrize("door", ["api", "form"])
def test_the_old_email_is_told_when_staff_change_it(alice: User, admin: User, admin_client: Any, door: str) -> None:
    if door == "api":
        staff = bearer(tokens.open_family(user=admin).access)
        assert staff.patch(f"/api/v1/users/{alice.pk}", {"email": NEW}).status_code == 200
    else:
        page = f"/admin/accounts/user/{alice.pk}/change/"
        assert admin_client.post(page, loaded(admin_client, page) | {"email": NEW}).status_code == 302
    assert User.objects.get(pk=alice.pk).email == NEW
    assert [message.to for message in mailed()] == [[alice.email]]


def test_no_notice_goes_to_an_email_that_nobody_has_proven() -> None:
    dave, _ = services.register(email="misspelt@example.com", password=PASSWORD)
    services.update_user(user=dave, email="dave@example.com")
    assert [message.to for message in mailed()] == [["dave@example.com"]]


def test_of_a_deleted_user_the_queue_keeps_no_email(alices: APIClient, alice: User, admin: User) -> None:
    ask(alices)
    services.update_user(user=User.objects.get(pk=alice.pk), email="alice.other@example.com")
    services.anonymise_user(user_id=alice.pk, by=admin)
    assert not OutgoingMail.objects.filter(user=alice).exists()


def test_the_page_confirms_without_scripts(alice: User) -> None:
    path = path_for(alice)
    opened = APIClient().get(path, headers={"Accept": BROWSER})
    assert '<form method="post">' in opened.text
    assert NEW in opened.text
    assert opened.headers["Referrer-Policy"] == "no-referrer"
    kind = "application/x-www-form-urlencoded"
    done = APIClient().post(path, "", content_type=kind, headers={"Accept": BROWSER})
    assert (done.status_code, f"You can sign in with {NEW}" in done.text) == (200, True)
