"""What happens when two of it run at once: real threads, each with a connection and commits of its own."""

from functools import partial
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.core import mail
from django.db.models import Sum
from rest_framework.test import APIClient

from accounts import links, services, tokens
from accounts.counters import count_hit
from accounts.models import User
from accounts.tests.conftest import PASSWORD
from tests.support.second_factors import enrol
from tests.support.threads import at_once

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("committed_db")]


def refresh(token: str) -> Any:
    return APIClient().post("/api/v1/auth/refresh", {"refresh": token})


def test_one_of_many_equal_registrations_gets_in() -> None:
    def register(number: int) -> int:
        email = "dave@example.com" if number % 2 else "Dave@Example.COM"
        body = {"email": email, "password": PASSWORD}
        return APIClient().post("/api/v1/auth/register", body).status_code

    assert sorted(at_once(*[partial(register, number) for number in range(6)])) == [201, 409, 409, 409, 409, 409]
    assert User.objects.with_email("DAVE@example.com").count() == 1


def test_a_link_activates_once_however_many_click() -> None:
    dave, _ = services.register(email="dave@example.com", password=PASSWORD)
    token = links.activation_token(user=dave)
    answers = at_once(*[lambda: services.activate(token=token).already_active] * 5)
    assert sorted(answers) == [False, True, True, True, True]


def test_many_refreshes_with_one_token_get_one_pair(alice: User) -> None:
    pair = tokens.open_family(user=alice)
    answers = at_once(*[lambda: refresh(pair.refresh)] * 8)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    latest = answers[0].json()["refresh"]
    assert {answer.status_code for answer in at_once(*[lambda: refresh(latest)] * 8)} == {200}


def test_a_spent_token_and_its_successor_at_once_never_give_two_logins(alice: User) -> None:
    """Either the spent token comes first and gets the pair again, or it comes second and ends the login."""
    for _ in range(4):
        spent = tokens.open_family(user=alice).refresh
        latest = refresh(spent).json()["refresh"]
        answers = at_once(*[partial(refresh, token) for token in (spent, latest, latest)])
        good = {answer.json()["refresh"] for answer in answers[1:] if answer.status_code == 200}
        assert len(good) <= 1
        goes_on = any(refresh(token).status_code == 200 for token in good)
        assert goes_on == (answers[0].status_code == 200)
        assert not goes_on or answers[0].json()["refresh"] == latest


def test_one_of_many_password_changes_wins(alice_can_sign_in: User) -> None:
    def change(number: int) -> str:
        user = User.objects.get(pk=alice_can_sign_in.pk)
        chosen = f"battery staple {number}"
        try:
            services.change_password(user=user, current_password=PASSWORD, new_password=chosen)
        except services.WrongPassword:
            return ""
        return chosen

    chosen = [password for password in at_once(*[partial(change, number) for number in range(4)]) if password]
    assert len(chosen) == 1
    alice_can_sign_in.refresh_from_db()
    assert alice_can_sign_in.check_password(chosen[0])
    assert alice_can_sign_in.token_epoch == 1


def test_one_of_many_logins_with_one_code_gets_in(alice_can_sign_in: User) -> None:
    app, codes = enrol(alice_can_sign_in, PASSWORD)
    body = {"email": alice_can_sign_in.email, "password": PASSWORD}
    for code in (app.code(), codes[0]):
        logins = [lambda code=code: APIClient().post("/api/v1/auth/login", body | {"code": code}).status_code] * 6
        assert sorted(at_once(*logins)) == [200] + [401] * 5


def test_every_failed_login_is_counted(alice_can_sign_in: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 100
    body = {"email": alice_can_sign_in.email, "password": "wrong horse 42"}
    codes = at_once(*[lambda: APIClient().post("/api/v1/auth/login", body).status_code] * 8)
    assert codes == [401] * 8
    assert AccessAttempt.objects.aggregate(total=Sum("failures_since_start"))["total"] == 8


def test_every_throttled_hit_is_counted() -> None:
    hits = at_once(*[lambda: count_hit(key="a", seconds=60).hits] * 12)
    assert sorted(hits) == list(range(1, 13))


def test_two_senders_send_each_mail_once() -> None:
    expected = [f"user{number}@example.com" for number in range(6)]
    for email in expected:
        services.register(email=email, password=PASSWORD)
    assert sum(at_once(*[lambda: sum(iter(services.send_next_mail, False))] * 4)) == 6
    assert sorted(message.to[0] for message in mail.outbox) == expected


def reset(token: str, password: str) -> int:
    return APIClient().post(f"/api/v1/auth/password/reset/{token}", {"new_password": password}).status_code


def confirm(token: str) -> int:
    return APIClient().post(f"/api/v1/auth/email/{token}").status_code


def test_of_several_resets_by_one_link_one_wins(alice: User) -> None:
    token = links.password_reset_token(user=alice)
    passwords = [f"battery staple {number}" for number in range(4)]
    statuses = at_once(*[partial(reset, token, password) for password in passwords])
    assert sorted(statuses) == [204, 400, 400, 400]
    assert User.objects.get(pk=alice.pk).check_password(passwords[statuses.index(204)])


def test_of_a_reset_and_a_change_of_the_email_one_wins(alice: User) -> None:
    for number in range(3):
        user = User.objects.get(pk=alice.pk)
        password, email = f"battery staple {number}", f"alice{number}@example.com"
        statuses = at_once(
            partial(reset, links.password_reset_token(user=user), password),
            partial(confirm, links.email_change_token(user=user, email=email)),
        )
        assert tuple(statuses) in {(204, 400), (400, 200)}
        user.refresh_from_db()
        assert (user.check_password(password), user.email == email) == (statuses[0] == 204, statuses[1] == 200)


def test_of_two_users_who_confirm_one_email_one_gets_it(alice: User, bob: User) -> None:
    tokens_ = [links.email_change_token(user=user, email="both@example.com") for user in (alice, bob)]
    assert sorted(at_once(*[partial(confirm, token) for token in tokens_])) == [200, 409]
