"""The second factor at the staff site: no way in without a code, and none around setting one up where it is a must."""

import re
from io import StringIO
from typing import Any

import pytest
from django.conf import settings as till
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import URLResolver, get_resolver

from accounts import services
from accounts.models import SecondFactor, User
from accounts.tests.conftest import PASSWORD
from tests.support.second_factors import Authenticator, enrol

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
PAGE = "/admin/second-factor/"


@pytest.fixture
def admin(admin: User, with_password: Any) -> User:
    return with_password(admin)  # type: ignore[no-any-return]


@pytest.fixture
def required(settings: Any) -> Any:
    settings.TILL_STAFF_SECOND_FACTOR = "required"
    return settings


def log_in(client: Client, user: User, code: str = "", password: str = PASSWORD) -> int:
    form = {"username": user.email, "password": password, "code": code}
    return client.post(LOGIN, form).status_code


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def shown_codes(page: str) -> list[str]:
    return re.findall(r"<code>([a-z2-7-]{19})</code>", page)


def set_up(client: Client) -> tuple[Authenticator, list[str]]:
    page = client.post(PAGE, {"step": "begin", "password": PASSWORD}).content.decode()
    assert "<svg" in page
    [secret] = re.findall(r'<code id="till-made-secret">([A-Z2-7]{32})</code>', page)
    app = Authenticator(secret)
    codes = shown_codes(client.post(PAGE, {"step": "confirm", "code": app.code()}).content.decode())
    return app, codes


def test_staff_set_it_up_and_sign_in_with_a_code(admin: User, client: Client) -> None:
    client.force_login(admin)
    app, codes = set_up(client)
    assert len(set(codes)) == 10
    assert is_in(client)
    other = Client()
    assert log_in(other, admin) == 200
    assert not is_in(other)
    code = app.code()
    assert log_in(other, admin, code) == 302
    assert is_in(other)
    assert log_in(Client(), admin, code) == 200
    assert [log_in(Client(), admin, codes[0]) for _ in range(2)] == [302, 200]


def test_the_login_asks_for_a_code_after_the_right_password_only(admin: User, client: Client, alice: User) -> None:
    enrol(admin, PASSWORD)
    form = {"username": admin.email, "password": "wrong horse 42"}
    wrong = client.post(LOGIN, form).content.decode()
    assert "Type your password again" not in wrong
    assert "Type your password again" in client.post(LOGIN, form | {"password": PASSWORD}).content.decode()


def test_wrong_codes_at_the_staff_site_lock_the_login(admin: User, client: Client, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    app, _codes = enrol(admin, PASSWORD)
    assert [log_in(client, admin, code) for code in (app.wrong(), app.wrong(), app.wrong(), app.code())] == [
        *(200, 200, 429, 429)
    ]


def test_setting_it_up_ends_other_sessions_of_the_staff_site(admin: User, client: Client) -> None:
    before = Client()
    for each in (before, client):
        each.force_login(admin)
    set_up(client)
    assert (is_in(before), is_in(client)) == (False, True)


def test_a_stolen_cookie_changes_nothing(admin: User, client: Client) -> None:
    app, _codes = enrol(admin, PASSWORD)
    client.force_login(admin)
    for form in (
        {"step": "disable", "password": "wrong horse 42", "code": app.code_of(1)},
        {"step": "disable", "password": PASSWORD, "code": app.wrong()},
        {"step": "renew", "password": PASSWORD, "code": ""},
        {"step": "renew", "password": "", "code": app.code_of(1)},
        {"step": "begin", "password": PASSWORD},
        {"step": "confirm", "code": app.code_of(1)},
        {"step": "reset"},
        {},
    ):
        assert not shown_codes(client.post(PAGE, form, follow=True).content.decode())
    factor = SecondFactor.objects.get()
    assert (factor.secret, factor.pending_secret) == (app.secret, "")


def test_a_waiting_secret_is_shown_once(admin: User, client: Client) -> None:
    client.force_login(admin)
    client.post(PAGE, {"step": "begin", "password": PASSWORD})
    pages = client.get(PAGE), client.post(PAGE, {"step": "confirm", "code": "1"})
    assert not [page for page in pages if SecondFactor.objects.get().pending_secret in page.content.decode()]


def test_staff_get_new_recovery_codes_and_switch_it_off(admin: User, client: Client) -> None:
    client.force_login(admin)
    app, old = set_up(client)
    new = shown_codes(client.post(PAGE, {"step": "renew", "password": PASSWORD, "code": app.code()}).content.decode())
    assert len(set(new) - set(old)) == 10
    assert client.post(PAGE, {"step": "disable", "password": PASSWORD, "code": new[0]}).status_code == 302
    assert is_in(client)
    assert log_in(Client(), admin) == 302


def test_tries_are_throttled_as_over_the_api(admin: User, client: Client, throttle_rate: Any) -> None:
    throttle_rate(password="1/min")
    client.force_login(admin)
    form = {"step": "begin", "password": "wrong horse 42"}
    assert [client.post(PAGE, form).status_code for _ in range(2)] == [200, 429]


# --- where it is a must -------------------------------------------------------------------------------------------


def addresses(resolver: URLResolver, before: str = "/") -> list[str]:
    """Every address of the staff site, with 1 for whatever it asks for."""
    collected = []
    for entry in resolver.url_patterns:
        place = re.sub(r"<[^>]*>|\(\?P<\w+>[^)]*\)|\([^)]*\)", "1", str(entry.pattern)).strip("^").rstrip("$Z\\")
        collected += addresses(entry, before + place) if isinstance(entry, URLResolver) else [before + place]
    return [address for address in collected if address.startswith("/admin/")]


def test_no_page_of_the_staff_site_opens_before_it_is_set_up(admin: User, client: Client, required: Any) -> None:
    client.force_login(admin)
    closed = set(addresses(get_resolver())) - {PAGE, "/admin/logout/", LOGIN}
    assert len(closed) > 100
    for address in sorted(closed):
        for method in ("GET", "POST"):
            response = client.generic(method, address)
            opened = response.status_code == 200 and "password_reset" not in address
            assert not opened, f"{method} {address}"
    assert client.get("/admin/accounts/user/")["Location"] == PAGE
    assert client.get(PAGE).status_code == 200


def test_the_site_opens_once_it_is_set_up(admin: User, client: Client, required: Any) -> None:
    assert log_in(client, admin) == 302
    assert not is_in(client)
    set_up(client)
    assert is_in(client)


def test_the_api_of_admins_is_as_before_where_it_is_a_must(admin: User, required: Any, login: Any) -> None:
    assert login(admin)["access"]


# --- lost ---------------------------------------------------------------------------------------------------------


def test_an_admin_resets_that_of_another_with_a_reason(admin: User, client: Client, alice_can_sign_in: User) -> None:
    alice = alice_can_sign_in
    enrol(alice, PASSWORD)
    client.force_login(admin)
    confirm = f"/admin/accounts/user/reset-second-factor/?id={alice.pk}"
    assert confirm.partition("?")[0] in client.get(f"/admin/accounts/user/{alice.pk}/change/").content.decode()
    client.post(confirm, {"reason": ""})
    assert SecondFactor.objects.filter(user=alice).exists()
    assert client.post(confirm, {"reason": "A lost phone."}).status_code == 302
    assert not SecondFactor.objects.filter(user=alice).exists()
    assert "A lost phone." in client.get(f"/admin/accounts/user/{alice.pk}/history/").content.decode()


def test_nobody_resets_their_own(admin: User, client: Client) -> None:
    enrol(admin, PASSWORD)
    client.force_login(admin)
    client.post(f"/admin/accounts/user/reset-second-factor/?id={admin.pk}", {"reason": "I am in a hurry."})
    assert SecondFactor.objects.filter(user=admin).exists()


def test_support_resets_nobodys(admin: User, client: Client, mallory: User) -> None:
    enrol(admin, PASSWORD)
    services.set_support(user_id=mallory.pk, on=True)
    client.force_login(mallory)
    answer = client.post(f"/admin/accounts/user/reset-second-factor/?id={admin.pk}", {"reason": "Because."})
    assert (answer.status_code, SecondFactor.objects.count()) == (403, 1)


def test_an_operator_resets_that_of_the_last_admin(admin: User, client: Client) -> None:
    enrol(admin, PASSWORD)
    out = StringIO()
    call_command("reset_second_factor", admin.email.upper(), stdout=out)
    assert admin.email in out.getvalue()
    assert log_in(client, admin) == 302
    for email in (admin.email, "nobody@example.com"):
        with pytest.raises(CommandError):
            call_command("reset_second_factor", email)


def test_the_setting_is_optional_unless_it_is_given() -> None:
    assert till.TILL_STAFF_SECOND_FACTOR == "optional"
