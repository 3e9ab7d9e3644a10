"""manage.py seed_users and create_admin."""

import io
from collections.abc import Sequence
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Role, User
from accounts.tests.conftest import PASSWORD
from accounts.user_changes import after_insert
from tests.support.terminal import Terminal

pytestmark = pytest.mark.django_db

DEMO = [
    *("user_user@example.com", "testuser@example.com", "admin_admin@example.com", "testadmin@example.com"),
    "service_service@example.com",
]


@pytest.fixture(autouse=True)
def development(settings: Any) -> None:
    settings.TILL_DEBUG = True


def seed(**options: Any) -> str:
    out = io.StringIO()
    call_command("seed_users", stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def test_seed_adds_the_demo_people_in_order_and_prints_their_logins() -> None:
    printed = seed()
    users = list(User.objects.order_by("id"))
    assert [user.email for user in users] == DEMO
    assert [user.role for user in users] == [Role.USER, Role.USER, Role.ADMIN, Role.ADMIN, Role.SERVICE]
    assert all(user.check_password("123456") and user.is_active for user in users)
    assert [user.is_staff for user in users] == [False, False, True, True, False]
    assert all(f"{email} / 123456" in printed for email in DEMO)


def test_seed_may_be_repeated_and_changes_nobody() -> None:
    seed()
    User.objects.filter(email=DEMO[0]).update(full_name="Renamed")
    before = list(User.objects.values().order_by("id"))
    seed()
    assert list(User.objects.values().order_by("id")) == before


def test_seed_refuses_to_run_in_production(settings: Any) -> None:
    settings.TILL_DEBUG = False
    with pytest.raises(CommandError, match="TILL_DEBUG"):
        seed()
    assert not User.objects.exists()


def test_seed_adds_crowds_that_number_on_and_can_sign_in() -> None:
    seed(count=3)
    seed(count=2)
    users = User.objects.filter(email__startswith="load_user_").order_by("id")
    assert [user.email for user in users] == [f"load_user_{n}@example.com" for n in range(1, 6)]
    assert users[4].check_password("123456")


def test_seed_counts_in_batches_and_shows_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.services.seeding.BATCH_SIZE", 2)
    progress = Terminal()
    call_command("seed_users", count=5, stdout=io.StringIO(), stderr=progress)
    assert [f"{n}/5" in progress.getvalue() for n in (2, 4, 5)] == [True] * 3
    assert User.objects.count() == len(DEMO) + 5


def test_seed_writes_no_progress_into_a_file() -> None:
    log = io.StringIO()
    call_command("seed_users", count=1, stdout=io.StringIO(), stderr=log)
    assert log.getvalue() == ""


def test_seed_tells_other_apps_about_each_new_user() -> None:
    emails: list[str] = []

    def react(users: Sequence[User]) -> None:
        emails.extend(user.email for user in users)

    after_insert.append(react)
    try:
        seed(count=2)
    finally:
        after_insert.remove(react)
    assert emails == [*DEMO, "load_user_1@example.com", "load_user_2@example.com"]


def create_admin(monkeypatch: pytest.MonkeyPatch, password: str, email: str = "ops@example.com") -> None:
    monkeypatch.setenv("TILL_ADMIN_PASSWORD", password)
    call_command("create_admin", email=email, stdout=io.StringIO())


def test_create_admin_adds_staff(monkeypatch: pytest.MonkeyPatch) -> None:
    create_admin(monkeypatch, PASSWORD)
    user = User.objects.get()
    assert (user.role, user.is_staff, user.is_superuser, user.is_active) == (Role.ADMIN, True, True, True)
    assert user.check_password(PASSWORD)


def test_create_admin_reads_the_password_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    call_command("create_admin", email="ops@example.com", password_stdin=True, stdout=io.StringIO())
    assert User.objects.get().check_password(PASSWORD)


def test_create_admin_changes_nobody_who_exists(monkeypatch: pytest.MonkeyPatch, alice: User) -> None:
    with pytest.raises(CommandError, match="taken"):
        create_admin(monkeypatch, PASSWORD, "ALICE@example.com")
    alice.refresh_from_db()
    assert alice.role == Role.USER


@pytest.mark.parametrize(("email", "password"), [("ops@example.com", "123456"), ("not an email", PASSWORD)])
def test_create_admin_refuses(monkeypatch: pytest.MonkeyPatch, email: str, password: str) -> None:
    with pytest.raises(CommandError):
        create_admin(monkeypatch, password, email)
    assert not User.objects.exists()


def test_djangos_own_command_makes_a_whole_admin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", email="ops@example.com", interactive=False, stdout=io.StringIO())
    user = User.objects.get()
    assert (user.role, user.is_active, user.is_staff) == (Role.ADMIN, True, True)
