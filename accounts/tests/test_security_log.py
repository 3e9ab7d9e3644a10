"""Each event that security people ask for is one line: who, from which network, in which request, and no secret."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.test import Client
from rest_framework.test import APIClient

from accounts import links, services, tokens
from accounts.models import Role, TokenFamily, User
from accounts.security_log import SecurityEvent, name_hash
from accounts.tests.conftest import PASSWORD, bearer
from tests.project.test_docs import OPERATIONS

pytestmark = pytest.mark.django_db

LOGIN = "/api/v1/auth/login"
WRONG = "wrong horse 42"


class Lines:
    def __init__(self, records: list[logging.LogRecord], commits: Any) -> None:
        self._records, self._commits = records, commits

    def of(self, act: Callable[[], Any]) -> list[dict[str, Any]]:
        """What `act` leaves on the logger, once it is committed."""
        self._records.clear()
        with self._commits(execute=True):
            act()
        names = ("event", "user_id", "name_hash", "by", "network", "door", "old", "new", "method", "route")
        return [{name: vars(record)[name] for name in names if name in vars(record)} for record in self._records]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any) -> Iterator[Lines]:
    """Of `till.security` alone; and nothing of it, in any form, holds a secret or an address."""
    records: list[logging.LogRecord] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    handler = Keeper()
    logger = logging.getLogger("till.security")
    logger.addHandler(handler)
    yield Lines(records, django_capture_on_commit_callbacks)
    logger.removeHandler(handler)
    written = caplog.text + "".join(str(vars(record)) for record in records)
    assert not [secret for secret in (PASSWORD, WRONG, "192.0.2.77", "@example.com", "eyJ") if secret in written]


def sign_in(email: str, password: str, address: str = "192.0.2.77") -> Any:
    return APIClient().post(LOGIN, {"email": email, "password": password}, REMOTE_ADDR=address)


def test_a_login_says_who_from_where_and_by_which_door(
    lines: Lines, admin: User, with_password: Callable[[User], User]
) -> None:
    email, base = with_password(admin).email, {"event": "login", "user_id": admin.pk}
    assert lines.of(lambda: sign_in(email, PASSWORD)) == [base | {"network": "192.0.2.0/24", "door": "api"}]
    form = {"username": email, "password": PASSWORD}
    [line] = lines.of(lambda: Client().post("/admin/login/", form, REMOTE_ADDR="2001:db8::7"))
    assert line == base | {"network": "2001:db8::/64", "door": "staff"}


def test_a_failed_login_says_a_hash_of_the_name(lines: Lines, alice_can_sign_in: User) -> None:
    for name in (alice_can_sign_in.email, "Nobody@Example.com"):
        [line] = lines.of(lambda name=name: sign_in(name, WRONG))  # type: ignore[misc]
        assert line == {
            "event": "login_failed",
            "name_hash": name_hash(name),
            "network": "192.0.2.0/24",
            "door": "api",
        }
    assert name_hash("Alice@example.com ") == name_hash("alice@example.com") != name_hash("bob@example.com")


def test_a_locked_login_says_so(lines: Lines, alice_can_sign_in: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 1
    events = [lines.of(lambda: sign_in(alice_can_sign_in.email, WRONG))[0]["event"] for _ in range(2)]
    assert events == ["login_failed", "login_locked"]


def test_logouts_and_thefts(lines: Lines, alice: User, admin: User, client: Client) -> None:
    pair, other = tokens.open_family(user=alice), tokens.open_family(user=alice)
    api = APIClient()
    [line] = lines.of(lambda: api.post("/api/v1/auth/logout", {"refresh": pair.refresh}))
    assert (line["event"], line["user_id"], line["network"]) == ("logout", alice.pk, "127.0.0.0/24")
    assert lines.of(lambda: api.post("/api/v1/auth/logout", {"refresh": pair.refresh})) == []
    assert lines.of(lambda: api.post("/api/v1/auth/refresh", {"refresh": other.refresh})) == []
    for event, age in ("refresh_repeated", tokens.FORGIVEN), ("refresh_reused", timedelta()):
        [line] = lines.of(lambda: api.post("/api/v1/auth/refresh", {"refresh": other.refresh}))
        assert (line["event"], line["user_id"]) == (event, alice.pk)
        TokenFamily.objects.filter(rotated_at__isnull=False).update(rotated_at=F("rotated_at") - age)
    client.force_login(admin)
    [line] = lines.of(lambda: client.post("/admin/logout/"))
    assert (line["event"], line["user_id"], line["door"]) == ("logout", admin.pk, "staff")


def test_changes_of_a_user_say_who_made_them(lines: Lines, alice_can_sign_in: User, admin: User) -> None:
    alice, staff = alice_can_sign_in, bearer(tokens.open_family(user=admin).access)
    url = f"/api/v1/users/{alice.pk}"
    whose = {"user_id": alice.pk, "by": admin.pk, "network": "127.0.0.0/24"}
    for change, event in (
        ({"role": "service"}, {"event": "role_changed", "old": "user", "new": "service"}),
        ({"is_active": False}, {"event": "user_disabled"}),
        ({"is_active": True}, {"event": "user_enabled"}),
        ({"email": "alice2@example.com"}, {"event": "email_changed"}),
    ):
        assert lines.of(lambda change=change: staff.patch(url, change)) == [whose | event]  # type: ignore[misc]
        assert lines.of(lambda change=change: staff.patch(url, change)) == []  # type: ignore[misc]
    assert [line["event"] for line in lines.of(lambda: staff.delete(url))] == ["user_deleted"]


def test_changes_by_services_are_noted_too(lines: Lines, alice_can_sign_in: User) -> None:
    alice = alice_can_sign_in
    new = {"current_password": PASSWORD, "new_password": "battery staple 43"}
    wrong = new | {"current_password": WRONG}

    def guess() -> None:
        with pytest.raises(services.WrongPassword):
            services.change_password(user=alice, **wrong)

    assert lines.of(guess) == [{"event": "password_refused", "user_id": alice.pk}]
    assert lines.of(lambda: services.change_password(user=alice, **new)) == [
        {"event": "password_changed", "user_id": alice.pk}
    ]
    assert lines.of(lambda: services.set_password(user=alice, password="battery staple 44")) == [
        {"event": "password_set", "user_id": alice.pk}
    ]
    assert lines.of(lambda: services.set_support(user_id=alice.pk, on=True)) == [
        {"event": "support_changed", "user_id": alice.pk, "new": True}
    ]
    token = links.password_reset_token(user=User.objects.get(pk=alice.pk))
    assert lines.of(lambda: services.reset_password(token=token, new_password="battery staple 45")) == [
        {"event": "password_reset", "user_id": alice.pk}
    ]
    [line] = lines.of(lambda: services.request_password_reset(email=alice.email))
    assert line == {"event": "password_reset_requested", "name_hash": name_hash(alice.email)}
    dave, _ = services.register(email="dave@example.com", password=PASSWORD)
    token = links.activation_token(user=dave)
    assert lines.of(lambda: services.activate(token=token)) == [{"event": "user_activated", "user_id": dave.pk}]
    assert lines.of(lambda: services.activate(token=token)) == []


def test_what_is_rolled_back_is_not_noted(lines: Lines, alice: User) -> None:
    def change() -> None:
        with transaction.atomic():
            services.set_role(user_id=alice.pk, role=Role.SERVICE, by=None)
            transaction.set_rollback(True)

    assert lines.of(change) == []


def test_every_refusal_is_noted(lines: Lines, alice: User, mallory: User) -> None:
    api = bearer(tokens.open_family(user=mallory).access)
    [line] = lines.of(lambda: api.get("/api/v1/users"))
    assert (line["event"], line["user_id"], line["method"]) == ("refused", mallory.pk, "GET")
    assert line["route"] == "api/v1/users$"
    assert lines.of(lambda: api.get(f"/api/v1/users/{alice.pk}"))[0]["route"].startswith("api/v1/users/")
    forged = Client(enforce_csrf_checks=True)
    [line] = lines.of(lambda: forged.post("/admin/login/", {"username": "x", "password": WRONG}))
    assert (line["event"], line["route"]) == ("refused", "admin/login/")


def test_the_security_log_is_written_whatever_the_log_level() -> None:
    ask = "import logging; print(logging.getLogger('till.security').isEnabledFor(logging.INFO))"
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", ask]
    environment = os.environ | {"TILL_LOG_LEVEL": "ERROR"}
    process = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=True
    )
    assert process.stdout.split() == ["True"]


def test_the_tables_rows_are_the_events() -> None:
    begin = OPERATIONS.index("### The security log")
    table = OPERATIONS[begin : OPERATIONS.index("\n## ", begin)]
    rows = {line.split("|")[1].strip().strip("`") for line in table.splitlines() if line.startswith("| `")}
    assert rows == {event.value for event in SecurityEvent}
