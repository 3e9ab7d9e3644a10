"""POST auth/register."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.core import mail
from rest_framework.test import APIClient

from accounts import services
from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.user_changes import after_insert

pytestmark = pytest.mark.django_db

URL = "/api/v1/auth/register"
DAVE = {"email": "dave@example.com", "password": PASSWORD, "full_name": "Dave Doe"}


def errors(response: Any) -> set[str]:
    return {error["field"] for error in response.json()["errors"]}


def test_registration_answers_the_user_and_the_link(api: APIClient, settings: Any) -> None:
    settings.TILL_PUBLIC_URL = "https://till.example.com"
    response = api.post(URL, DAVE)
    assert response.status_code == 201
    user = User.objects.get()
    assert response.json()["user"] == {
        "id": user.pk,
        "email": "dave@example.com",
        "full_name": "Dave Doe",
        "role": "user",
        "is_active": False,
    }
    assert response.json()["activation_url"].startswith("https://till.example.com/api/v1/auth/activate/")


def test_registration_uses_the_host_of_the_request_where_no_public_url_is_set(api: APIClient, settings: Any) -> None:
    settings.TILL_PUBLIC_URL = ""
    assert api.post(URL, DAVE).json()["activation_url"].startswith("http://testserver/api/v1/auth/activate/")


def test_registration_keeps_the_link_to_the_mail_where_the_setting_says_so(api: APIClient, settings: Any) -> None:
    settings.TILL_RETURN_ACTIVATION_LINK = False
    assert api.post(URL, DAVE).json()["activation_url"] is None
    assert services.send_next_mail()
    assert "/api/v1/auth/activate/" in mail.outbox[0].body
    assert mail.outbox[0].to == ["dave@example.com"]


def test_registration_mails_nothing_where_the_setting_says_so(api: APIClient, settings: Any) -> None:
    settings.TILL_MAIL_ACTIVATION_LINK = False
    assert api.post(URL, DAVE).status_code == 201
    assert not services.send_next_mail()


@pytest.mark.usefixtures("alice")
def test_registration_refuses_an_email_that_is_taken_in_another_case(api: APIClient) -> None:
    response = api.post(URL, DAVE | {"email": "ALICE@Example.com"})
    assert response.status_code == 409
    assert response.json()["code"] == "email_taken"
    assert errors(response) == {"email"}
    assert User.objects.count() == 1


def test_registration_refuses_what_nobody_may_choose_for_himself(api: APIClient) -> None:
    planted = {"role": "admin", "is_staff": True, "is_superuser": True, "is_active": True, "id": 77}
    response = api.post(URL, DAVE | planted)
    assert response.status_code == 400
    assert errors(response) == set(planted)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no-at-sign"),
        ("email", "a\u212a@example.com"),  # KELVIN SIGN: lower() makes it a plain k.
        ("email", "d" * 250 + "@example.com"),
        ("email", "dave@example.com\r\nBcc: all@example.com"),
        ("email", 5),
        ("email", None),
        ("email", ["dave@example.com"]),
        ("full_name", "Da\x07ve"),
        ("full_name", "Dave \u202ecod.exe"),
        ("full_name", "D" * 151),
        ("full_name", True),
        ("password", "short 1"),
        ("password", "p" * 129),
        ("password", 1234567890123),
        ("password", "correct\thorse 42"),
        ("password", "password123"),
        ("password", "dave@example.com"),
        ("password", " " * 8),
        ("password", "\u00a0\u3000" * 4),
    ],
)
def test_registration_names_the_field_that_is_wrong(api: APIClient, field: str, value: Any) -> None:
    response = api.post(URL, DAVE | {field: value})
    assert response.status_code == 400
    assert errors(response) == {field}
    assert not User.objects.exists()


@pytest.mark.parametrize("field", ["email", "password", "full_name"])
@pytest.mark.parametrize("text", ["dave\x00@example.com", "dave\ud800@example.com"])
def test_registration_refuses_what_postgresql_cannot_store(api: APIClient, field: str, text: str) -> None:
    body = ('{"email": "dave@example.com", "password": "correct horse 42", "full_name": "Dave"}').replace(
        {"email": "dave@example.com", "password": "correct horse 42", "full_name": "Dave"}[field],
        text.encode("ascii", "backslashreplace").decode().replace("\x00", "\\u0000"),
    )
    response = api.generic("POST", URL, body, content_type="application/json")
    assert response.status_code == 400
    assert errors(response) == {field}


@pytest.mark.parametrize("field", ["email", "full_name"])
def test_the_service_of_registration_refuses_bad_text_by_itself(field: str) -> None:
    given: dict[str, Any] = {"email": "dave@example.com", "full_name": "Dave", field: "dave\x00@example.com"}
    with pytest.raises(Exception, match="not allowed"):
        services.register(**given, password=PASSWORD)


def test_registration_opens_what_other_apps_asked_for_in_the_same_atomic_block() -> None:
    emails: list[str] = []

    def react(users: Sequence[User]) -> None:
        emails.extend(user.email for user in users)
        raise RuntimeError("no wallet today")

    after_insert.append(react)
    try:
        with pytest.raises(RuntimeError, match="no wallet"):
            services.register(email="dave@example.com", password=PASSWORD)
    finally:
        after_insert.remove(react)
    assert emails == ["dave@example.com"]
    assert not User.objects.exists()


def test_registration_is_throttled_with_retry_after(api: APIClient, throttle_rate: Callable[..., None]) -> None:
    throttle_rate(register="2/min")
    answers = [api.post(URL, {}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert 1 <= int(answers[2]["Retry-After"]) <= 60
