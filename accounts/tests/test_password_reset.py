"""auth/password/reset: a new password by a link that works once, and only while nothing has changed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail, signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import links, services, tokens
from accounts.models import OutgoingMail, User
from accounts.tests.conftest import PASSWORD, bearer
from accounts.tests.link_mail import mailed, newest_link
from tests.support.second_factors import enrol

pytestmark = pytest.mark.django_db

URL = "/api/v1/auth/password/reset"
NEW = "battery staple 43"
#: What a browser sends.
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def path_for(user: User) -> str:
    return f"{URL}/{links.password_reset_token(user=user)}"


def use(path: str, password: str = NEW) -> Any:
    return APIClient().post(path, {"new_password": password})


@pytest.fixture
def dave() -> User:
    return services.register(email="dave@example.com", password=PASSWORD)[0]


def test_a_user_who_forgot_the_password_gets_in_by_the_mailed_link(
    api: APIClient, alice_can_sign_in: User, login: Callable[..., Any]
) -> None:
    other_device = tokens.open_family(user=alice_can_sign_in)
    answer = api.post(URL, {"email": "Alice@Example.com"})
    assert (answer.status_code, answer.content) == (202, b"")
    assert mailed()[0].to == [alice_can_sign_in.email]
    assert use(newest_link()).status_code == 204
    assert login(alice_can_sign_in, NEW)
    assert bearer(other_device.access).get("/api/v1/users/me").status_code == 401
    assert APIClient().post("/api/v1/auth/refresh", {"refresh": other_device.refresh}).status_code == 401
    old = {"email": alice_can_sign_in.email, "password": PASSWORD}
    assert api.post("/api/v1/auth/login", old).status_code == 401
    assert [message.subject for message in mailed()] == ["Choose a new password", "Your password was changed"]


def test_staff_who_reset_their_password_are_signed_out_of_the_staff_site(admin_client: Any, admin_user: User) -> None:
    assert admin_client.get("/admin/").status_code == 200
    assert use(path_for(admin_user)).status_code == 204
    assert admin_client.get("/admin/").status_code == 302


def test_asking_answers_alike_and_sends_the_same_statements_whoever_is_meant(
    api: APIClient, dave: User, alice: User, bob: User, admin: User
) -> None:
    services.disable_user(user_id=bob.pk, by=admin)
    OutgoingMail.objects.all().delete()
    api.post(URL, {"email": "nobody.else@example.com"})  # the first in a window of the throttle sends one more
    statements, answers = set(), set()
    for email in (alice.email, dave.email, bob.email, "nobody@example.com"):
        with CaptureQueriesContext(connection) as queries:
            answer = api.post(URL, {"email": email})
        answers.add((answer.status_code, answer.content, tuple(sorted(answer.headers))))
        statements.add(len(queries))
    assert (len(answers), len(statements)) == (1, 1)
    assert {(message.to[0], message.subject) for message in mailed()} == {
        (alice.email, "Choose a new password"),
        (dave.email, "Activate your account"),
    }


def test_asking_does_not_fill_a_mailbox_and_is_throttled(
    api: APIClient, alice: User, throttle_rate: Callable[..., None]
) -> None:
    assert [api.post(URL, {"email": alice.email}).status_code for _ in range(2)] == [202, 202]
    assert len(mailed()) == 1
    throttle_rate(password_reset="3/min")
    assert [api.post(URL, {"email": alice.email}).status_code for _ in range(2)] == [202, 429]


def test_asking_for_an_activation_link_uses_up_no_reset_of_the_same_user(api: APIClient, alice: User) -> None:
    api.post("/api/v1/auth/activation/resend", {"email": alice.email})
    api.post(URL, {"email": alice.email})
    assert len(mailed()) == 1


CHANGES: dict[str, Callable[[User, User], object]] = {
    "the password was changed": lambda user, _: services.set_password(user=user, password="other horse 44"),
    "the email was changed": lambda user, _: services.update_user(user=user, email="alice.new@example.com"),
    "every login was ended": lambda user, _: tokens.end_all(user_id=user.pk),
    "staff disabled the user": lambda user, admin: services.disable_user(user_id=user.pk, by=admin),
    "staff disabled and enabled the user": lambda user, admin: (
        services.disable_user(user_id=user.pk, by=admin),
        services.enable_user(user_id=user.pk),
    ),
    "the user was deleted": lambda user, admin: services.anonymise_user(user_id=user.pk, by=admin),
    "the user is gone": lambda user, admin: services.destroy_user(user_id=user.pk, by=admin),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_link_dies_when(alice: User, admin: User, change: str) -> None:
    path = path_for(alice)
    assert APIClient().get(path).status_code == 200
    CHANGES[change](User.objects.get(pk=alice.pk), admin)
    for answer in (use(path), APIClient().get(path)):
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_link")


def test_a_link_works_once(alice: User) -> None:
    path = path_for(alice)
    assert [use(path).status_code, use(path, "third staple 44").status_code] == [204, 400]
    assert User.objects.get(pk=alice.pk).check_password(NEW)


def test_a_link_expires(alice: User, settings: Any) -> None:
    path = path_for(alice)
    settings.TILL_PASSWORD_RESET_LINK_SECONDS = -1
    for answer in (use(path), APIClient().get(path)):
        assert (answer.status_code, answer.json()["code"]) == (410, "expired_link")


@pytest.mark.parametrize("forged", ["x", "1.2.3", "1-abc.1vEabc.forged", "%F0%9F%98%80", "." * 300])
def test_garbage_is_no_link(forged: str) -> None:
    assert use(f"{URL}/{forged}").json()["code"] == "invalid_link"


def test_mallory_resets_nobody_elses_password(alice: User, mallory: User) -> None:
    own = links.password_reset_token(user=mallory)
    signature = own.partition(".")[2]
    mark = links.state_mark(alice)
    others = [
        f"{alice.pk}-{own.partition('-')[2]}",
        f"{alice.pk}-{mark}.{signature}",
        own[:-1] + ("A" if own[-1] != "A" else "B"),
        links.activation_token(user=alice),
        links.email_change_token(user=alice, email=mallory.email),
        signing.TimestampSigner(salt="something.else", sep=".").sign(f"{alice.pk}-{mark}"),
    ]
    assert {use(f"{URL}/{token}").status_code for token in others} == {400}
    assert User.objects.get(pk=alice.pk).password == alice.password
    assert APIClient().post(f"/api/v1/auth/activate/{own}").status_code == 400


def test_a_weak_password_is_refused_and_the_link_stays_good(alice: User) -> None:
    path = path_for(alice)
    for weak in ("password123", alice.email, " " * 8):
        answer = use(path, weak)
        assert (answer.status_code, answer.json()["code"]) == (400, "weak_password")
    assert use(path, "short 1").json()["code"] == "invalid_request"
    assert use(path).status_code == 204


def test_nobody_makes_till_hash_a_password_without_a_good_link(alice: User, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["no.hasher"]
    assert use(f"{URL}/x").status_code == 400


def test_a_reset_opens_what_failed_logins_have_locked(
    alice_can_sign_in: User, login: Callable[..., Any], settings: Any
) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    wrong = {"email": alice_can_sign_in.email, "password": "wrong"}
    assert [APIClient().post("/api/v1/auth/login", wrong).status_code for _ in range(3)][-1] == 429
    assert use(path_for(alice_can_sign_in)).status_code == 204
    assert login(alice_can_sign_in, NEW)


def test_a_link_that_nobody_could_send_for_an_hour_is_not_sent_later(api: APIClient, alice: User) -> None:
    api.post(URL, {"email": alice.email})
    OutgoingMail.objects.update(queued_at=timezone.now() - timedelta(minutes=61))
    assert mailed() == []


def test_a_reset_does_not_get_around_the_second_factor(alice_can_sign_in: User) -> None:
    app, _codes = enrol(alice_can_sign_in, PASSWORD)
    assert use(path_for(User.objects.get(pk=alice_can_sign_in.pk))).status_code == 204
    login = {"email": alice_can_sign_in.email, "password": NEW}
    refused = APIClient().post("/api/v1/auth/login", login)
    assert (refused.status_code, refused.json()["code"]) == (401, "second_factor_required")
    assert APIClient().post("/api/v1/auth/login", login | {"code": app.code()}).status_code == 200


def test_links_that_strangers_ask_for_do_not_use_up_the_notice(api: APIClient, alice: User, settings: Any) -> None:
    settings.TILL_MAILS_PER_INBOX = "1/hour"
    api.post(URL, {"email": alice.email})
    assert use(newest_link()).status_code == 204
    assert [message.subject for message in mailed()][-1] == "Your password was changed"


def test_a_mail_leads_to_the_teams_own_page_where_there_is_one(api: APIClient, alice: User, settings: Any) -> None:
    settings.TILL_PASSWORD_RESET_URL = "https://app.example.com/new-password?link={token}"
    api.post(URL, {"email": alice.email})
    body = mailed()[0].body
    token = body.partition("https://app.example.com/new-password?link=")[2].split()[0]
    assert use(f"{URL}/{token}").status_code == 204


def submit(path: str, form: str) -> Any:
    """As a browser sends the form of a page."""
    kind = "application/x-www-form-urlencoded"
    return APIClient().post(path, form, content_type=kind, headers={"Accept": BROWSER})


# --- the page -----------------------------------------------------------------------------------------------


def test_the_page_sets_a_password_without_scripts(alice: User) -> None:
    path = path_for(alice)
    opened = APIClient().get(path, headers={"Accept": BROWSER})
    assert (opened.status_code, '<form method="post">' in opened.text) == (200, True)
    assert opened.headers["Referrer-Policy"] == "no-referrer"
    assert "form-action 'self'" in opened.headers["Content-Security-Policy"]
    assert opened.headers["Cache-Control"] == "no-store"
    refused = submit(path, "new_password=password123")
    assert (refused.status_code, "too common" in refused.text, "<form" in refused.text) == (400, True, True)
    done = submit(path, "new_password=battery+staple+43")
    assert (done.status_code, "You can sign in" in done.text) == (200, True)
    assert User.objects.get(pk=alice.pk).check_password(NEW)
    again = submit(path, "new_password=battery+staple+43")
    assert (again.status_code, "<h1>" in again.text, "<form" in again.text) == (400, True, False)


def test_a_look_at_the_page_changes_nothing_and_a_probe_sees_nothing(alice: User) -> None:
    path = path_for(alice)
    assert [APIClient().get(path).status_code for _ in range(2)] == [200, 200]
    assert APIClient().head(path).status_code == 405
    assert mail.outbox == []


def test_programs_stay_strict(alice: User) -> None:
    path = path_for(alice)
    assert APIClient().post(path, {"new_password": NEW, "email": "x"}).json()["code"] == "invalid_request"
    assert APIClient().post(path, "a", content_type="text/plain").status_code == 415


def test_a_form_is_read_as_our_page_sends_it_whatever_charset_it_says(alice: User) -> None:
    """The codecs of Python fail in ways of their own, and would read another password."""
    kind = "application/x-www-form-urlencoded; charset=punycode"
    answer = Client().generic("POST", path_for(alice), "new_password=battery+staple+43", content_type=kind)
    assert answer.status_code == 200
    assert User.objects.get(pk=alice.pk).check_password(NEW)


@pytest.mark.parametrize("accepted", ["text/html;charset*=a'b'c", "text/html;x*=utf-999''%41", "a" * 12_000])
def test_who_accepts_what_nobody_can_read_is_told_in_json(accepted: str) -> None:
    answer = Client().get(f"{URL}/forged", headers={"accept": accepted})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


# --- the staff site -----------------------------------------------------------------------------------------

FORGOTTEN = "/admin/password_reset/"


def test_the_staff_sites_login_page_leads_to_a_new_password(client: Client, admin: User) -> None:
    assert f'href="{FORGOTTEN}"' in client.get("/admin/login/").text
    assert 'name="email"' in client.get(FORGOTTEN).text
    pages = {client.post(FORGOTTEN, {"email": email}, follow=True).text for email in (admin.email, "no@example.com")}
    assert len(pages) == 1
    assert [message.to for message in mailed()] == [[admin.email]]
    assert use(newest_link()).status_code == 204


def test_asking_is_throttled_by_both_doors_together(
    client: Client, api: APIClient, throttle_rate: Callable[..., None]
) -> None:
    throttle_rate(password_reset="2/min")
    assert api.post(URL, {"email": "no@example.com"}).status_code == 202
    answers = [client.post(FORGOTTEN, {"email": "no@example.com"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 429]
    assert "Too many requests" in answers[1].text
