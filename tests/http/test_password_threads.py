"""Hashing a password takes a core for a while: it has threads of its own, and nothing hashes outside of them."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import argon2
import httpx
import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.hashers import reset_hashers
from django.test import Client
from django.urls import reverse
from pytest_django.plugin import DjangoDbBlocker

from accounts.hashers import NICENESS, OwaspArgon2PasswordHasher
from config.server import application
from config.server.fair_queue import FairQueue
from config.server.request_threads import may_hash_a_password, password_share
from tests.http.test_asgi import Conversation, part
from tests.support import staff_site as staff_stage
from tests.support.every_operation import perform
from tests.support.http import PLAIN
from tests.support.legacy_table import LEGACY_ROWS
from tests.support.live import ROOT, LiveTill, UncheckedTill
from tests.support.load_client import send_all
from tests.support.one_cast import one_cast
from tests.support.operation_table import CALLS
from tests.support.provider import Delivery
from tests.support.rollback import forgotten
from tests.support.shop_users import API, PASSWORD, sign_in
from tests.support.staff_site import MODEL_ADMINS

pytestmark = pytest.mark.slow

LEGACY_CALLS = {name: row.call for name, row in LEGACY_ROWS.items()}
#: Those that hash, and those that do when they get a password.
HASHING = {
    *("auth_login", "auth_register", "auth_change_password", "users_create", "legacy_accounts_login"),
    *("legacy_accounts_register", "legacy_accounts_create_user", "legacy_shop_register", "legacy_shop_login"),
    *("legacy_wallets_register", "legacy_wallets_login", "legacy_wallets_register_service"),
    *("legacy_wallets_service_login", "legacy_wallets_service_login_by_post"),
}
CHANGING_USERS = {"users_change", "users_replace", "legacy_accounts_update_user"}


class CountingHasher(OwaspArgon2PasswordHasher):
    """Ours, which also counts how often it was asked to."""

    hashed: ClassVar[list[str]] = []

    def encode(self, *args: Any, **kwargs: Any) -> str:
        self.hashed.append("encode")
        return super().encode(*args, **kwargs)

    def verify(self, *args: Any, **kwargs: Any) -> bool:
        self.hashed.append("verify")
        return super().verify(*args, **kwargs)


@pytest.fixture
def hashed(settings: Any) -> list[str]:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    reset_hashers(setting="PASSWORD_HASHERS")
    CountingHasher.hashed.clear()
    return CountingHasher.hashed


def test_no_operation_hashes_outside_of_the_share(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, hashed: list[str]
) -> None:
    with one_cast(django_db_blocker) as cast:
        for row, make_call in ({**CALLS, **LEGACY_CALLS}).items():
            if ":" in row:
                continue
            with forgotten():
                call = make_call(cast.context(row, "admin", "foreign"))
                hashed.clear()
                planted = {"password": "another horse 43"} if row in CHANGING_USERS else {}
                request = perform(row, call, cast.callers["admin"], **planted).wsgi_request
                assert not hashed or may_hash_a_password(request.method, request.path), row
                if row in HASHING:
                    assert hashed, row


def test_hashing_gives_way_to_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of it: in a thread of this process that has another priority than the rest."""
    seen: set[tuple[str, int]] = set()
    for owner, name in ((argon2.low_level, "hash_secret"), (argon2.PasswordHasher, "verify")):
        hash_: Any = getattr(owner, name)

        def noting(*args: Any, hash_: Any = hash_, **kwargs: Any) -> Any:
            niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            seen.add((threading.current_thread().name, niceness))
            return hash_(*args, **kwargs)

        monkeypatch.setattr(owner, name, noting)
    hasher, ours = OwaspArgon2PasswordHasher(), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    encoded = hasher.encode(PASSWORD, "salt and pepper")
    assert hasher.verify(PASSWORD, encoded)
    assert not hasher.verify("another", encoded)
    # Elsewhere a thread has no priority of its own.
    assert seen == {("till-hashing_0", NICENESS if sys.platform == "linux" else ours)}
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == ours < NICENESS


HASH_AND_FORK = """
import os, signal, threading
from accounts.hashers import in_its_own_time

def niceness(_):
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

os.nice(15)
here = in_its_own_time(niceness, "")
if not os.fork():
    signal.alarm(20)
    os._exit(in_its_own_time(niceness, ""))
print(here, os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_who_is_nicer_already_stays_so_and_a_forked_child_hashes_too() -> None:
    process = subprocess.run(
        [sys.executable, "-c", HASH_AND_FORK], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert process.stdout.split() == ["15", "15"], process.stderr


def staff_addresses(things: dict[type, Any]) -> list[str]:
    """Every address of the staff site, each about one of these where it asks for an object."""
    addresses = [reverse(f"admin:{name}") for name in ("index", "login", "password_change", "second_factor", "jsi18n")]
    for model, pages in MODEL_ADMINS.items():
        thing = things.get(model)
        for page in (page for page in pages.get_urls() if page.name):
            arguments = [thing.pk if thing else 1] * page.pattern.regex.groups
            addresses.append(reverse(f"admin:{page.name}", args=arguments))
    return addresses


def test_no_form_of_the_staff_site_hashes_outside_of_the_share(hashed: list[str], admin: Any, alice: Any) -> None:
    """Each gets what a form of passwords would take."""
    things = staff_stage.every_object(alice, admin) | {type(alice): alice}
    form = {"username": admin.email, "email": "new@example.com", "password": PASSWORD, "old_password": PASSWORD}
    form |= {
        "password1": "another horse 43",
        "password2": "another horse 43",
        "role": "user",
        "reason": "asked",
        "step": "begin",
    }
    hashing = set()
    site, stranger = Client(), Client()  # each new one would load the middleware again
    for address in staff_addresses(things):
        if SESSION_KEY not in site.session:
            site.force_login(admin)
        for client in (site, stranger):
            hashed.clear()
            client.post(address, form)
            if hashed:
                assert may_hash_a_password("POST", address), address
                hashing.add(address)
    pages = ("accounts_user_add", "auth_user_password_change")
    expected = {reverse(f"admin:{name}", args=[alice.pk] * ("auth" in name)) for name in pages}
    names = ("login", "password_change", "second_factor")
    assert hashing == expected | {reverse(f"admin:{name}") for name in names}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/auth/login"),
        ("POST", "/api/v1/auth/refresh"),
        ("PATCH", "/api/v1/users/me"),
        ("POST", "/api/v1/transfers"),
        ("POST", "/admin/accounts/user/1/change/"),
        ("POST", "/payment/webhook"),
        ("POST", "/api/v1/auth/login/../../../etc"),
    ],
)
def test_what_does_not_hash_waits_for_nobody_who_does(method: str, path: str) -> None:
    assert not may_hash_a_password(method, path)


async def _read_meanwhile(url: str, token: str, logins: "asyncio.Future[Any]") -> list[float]:
    seconds: list[float] = []
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, timeout=30, verify=PLAIN) as client:
        while not logins.done() or len(seconds) < 10:
            started = time.monotonic()
            assert (await client.get(f"{API}/wallets", headers=headers)).status_code == 200
            seconds.append(time.monotonic() - started)
            await asyncio.sleep(0.02)
    return seconds


async def _beside(till: LiveTill, token: str, logins: list[Delivery]) -> tuple[list[float], Any]:
    loop = asyncio.get_running_loop()
    work = loop.run_in_executor(None, lambda: send_all(till.url, logins, connections=len(logins)))
    return await _read_meanwhile(till.url, token, work), await work


@pytest.fixture
def single_worker(committed_db: None) -> Iterator[LiveTill]:
    till = UncheckedTill(TILL_WORKERS="1")
    till.start()
    yield till
    till.stop()


def test_hundreds_of_logins_do_not_keep_others_waiting(single_worker: LiveTill, alice: Any) -> None:
    token = sign_in(single_worker, alice)
    bodies = [json.dumps({"email": f"{n}@example.com", "password": "no horse at all"}).encode() for n in range(200)]
    logins = [Delivery(f"{API}/auth/login", body, {"content-type": "application/json"}) for body in bodies]
    seconds, replies = asyncio.run(_beside(single_worker, token, logins))
    assert {reply.status for reply in replies} <= {401, 503}
    assert sum(reply.status == 401 for reply in replies) >= 60  # that many of one network may wait
    assert all(reply.status == 401 or int(reply.headers["retry-after"]) >= 1 for reply in replies)
    assert max(seconds) < 2  # without the share the first one waits until the last login was answered


@pytest.mark.parametrize("path", application.THROTTLED_PATHS)
@pytest.mark.usefixtures("committed_db")
def test_who_was_just_refused_at_a_door_is_refused_again_without_a_thread(
    path: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], application.THROTTLED_PATHS[path], "1/hour")

    def ask(address: str = "192.0.2.1", **headers: str) -> Conversation:
        spoken = Conversation(part(b"{}"), headers={"host": "localhost", "content-type": "application/json", **headers})
        spoken.scope |= {"path": path, "method": "POST", "client": (address, 1234)}
        return spoken.run()

    assert [ask().status for _ in range(2)] == [400, 429]
    by_django = ask(origin="https://shop.example")
    monkeypatch.setattr(password_share, "queue", FairQueue(0, each=1))  # there is no thread any more
    monkeypatch.setattr(password_share, "max_unanswered", 0)
    again = ask()
    assert (again.status, again.body["code"]) == (by_django.status, by_django.body["code"]) == (429, "throttled")
    assert int(again.headers["retry-after"]) == pytest.approx(int(by_django.headers["retry-after"]), abs=2)
    assert ask(origin="https://shop.example").status == 503
    assert ask(address="192.0.2.2").status == 503


def test_more_logins_than_can_be_answered_soon_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_share, "queue", FairQueue(0, each=1))  # all are taken
    monkeypatch.setattr(password_share, "max_unanswered", 0)
    spoken = Conversation(part(b"{}"))
    spoken.scope |= {"path": f"{API}/auth/login", "method": "POST"}
    spoken.run()
    assert (spoken.status, spoken.body["code"]) == (503, "overloaded")
    assert spoken.headers["retry-after"] == "1"
