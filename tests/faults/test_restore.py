"""The drill of docs/operations.md: a dump, work that is lost, the restore, and what strangers get of it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import TokenFamily, User
from config.database import restore
from config.embedded_postgres.binaries import binary
from payments.events import queries, relay
from tests.support import recipes
from tests.support.api_client import Visitor
from tests.support.every_operation import new_user
from tests.support.http import PLAIN
from tests.support.live import LiveTill, database_url
from tests.support.provider import SHA256_CONCAT
from tests.support.sessions import end_sessions

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
RESTORED = f"test_till_restored_{os.environ.get('TILL_TEST_RUN', '1')}"
KEYS = {"TILL_JWT_KEY": settings.TILL_JWT_KEY, "TILL_SECRET_KEY": settings.TILL_SECRET_KEY}


def run(program: str, *arguments: str) -> None:
    subprocess.run([binary(program), *arguments], check=True, env=os.environ | {"PGOPTIONS": ""})


@pytest.fixture
def restored_url(committed_db: None) -> Iterator[str]:
    """The address of an empty database beside the test's."""
    url = database_url()
    base = url.rpartition("/")[0]
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {RESTORED} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {RESTORED} TEMPLATE template0")
    yield f"{base}/{RESTORED}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"DROP DATABASE {RESTORED} WITH (FORCE)")


@pytest.fixture
def serve() -> Iterator[Any]:
    """Start Till on a database; at the end all are stopped."""
    started: list[LiveTill] = []

    def start(url: str) -> LiveTill:
        till = LiveTill(DATABASE_URL=url, TILL_WORKERS="1", TILL_RETURN_ACTIVATION_LINK="1", **KEYS)
        till.start()
        started.append(till)
        return till

    yield start
    for till in started:
        till.stop()


@pytest.fixture
def visitor() -> Iterator[Any]:
    """Make somebody who asks a Till over a socket of his own."""
    with ExitStack() as clients:
        yield lambda till: Visitor(clients.enter_context(httpx.Client(base_url=till.url, timeout=30, verify=PLAIN)))


def deliver(till: LiveTill, delivery: Any) -> httpx.Response:
    address, headers = f"{till.url}{delivery.path}", delivery.headers
    return httpx.post(address, content=delivery.body, headers=headers, timeout=30, verify=PLAIN)


def test_the_drill_of_a_restore(restored_url: str, serve: Any, visitor: Any, tmp_path: Path) -> None:
    """What was lost is never another's: no id, no wallet, no money, and no token opens anything."""
    dump = str(tmp_path / "till.dump")
    new_user("staff", "admin")
    before = serve(database_url())
    known, lost = visitor(before), visitor(before)
    known.join("known@example.com")
    run("pg_dump", "--format=custom", f"--file={dump}", database_url())

    lost_id = lost.join("lost@example.com")
    lost_wallets = {wallet["id"] for wallet in lost.listed("wallets")}
    notice = SHA256_CONCAT.notice(user_id=lost_id, account_id=77, amount="500.00")
    assert deliver(before, notice).status_code == 200
    lost_wallets |= {wallet["id"] for wallet in lost.listed("wallets")}
    before.stop()

    run("pg_restore", "--no-owner", f"--dbname={restored_url}", dump)
    with psycopg.connect(restored_url) as restored:
        [(next_id,)] = restored.execute("SELECT last_value + 1 FROM accounts_user_id_seq").fetchall()
    assert next_id == lost_id  # the next newcomer's, without what follows
    command = [sys.executable, "manage.py", "after_restore", "--staff", "staff@example.com", "--yes"]
    environment = os.environ | {"DATABASE_URL": restored_url, "TILL_DEBUG": "1"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)

    after = serve(restored_url)
    stranger = visitor(after)
    stranger_id = stranger.join("stranger@example.com")
    assert stranger_id >= lost_id + restore.GAP
    assert not lost_wallets & {wallet["id"] for wallet in stranger.listed("wallets")}
    redelivered = deliver(after, notice)
    assert (redelivered.status_code, redelivered.json()["code"]) == (404, "user_not_found")
    assert {Decimal(wallet["balance"]) for wallet in stranger.listed("wallets")} == {0}
    for old in (known, lost):
        old.client = stranger.client
        assert old.send("GET", "wallets").status_code == 401
    known.sign_in("known@example.com")
    assert known.listed("wallets")


# --- the command --------------------------------------------------------------------------------------------


def last_values() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sequencename, coalesce(last_value, start_value - 1) FROM pg_sequences WHERE schemaname = 'public'"
        )
        return dict(cursor.fetchall())


def test_every_sequence_of_ours_moves_on_and_wallets_stay_where_they_belong(committed_db: None) -> None:
    new_user("staff", "admin")
    before = last_values()
    call_command("after_restore", staff="STAFF@example.com", gap=1000, yes=True, verbosity=0)
    after = last_values()
    theirs = {
        "payments_house_wallet_id_seq",
        *(name for name in before if name.startswith(("django_", "auth_", "axes_"))),
    }
    assert {name for name in before if after[name] - before[name] < 1000} == theirs
    assert {"accounts_user_id_seq", "payments_wallet_id_seq", "payments_deposit_id_seq"} <= {*before} - theirs
    assert after["payments_wallet_id_seq"] >= 10**15
    end_sessions()


def test_no_position_of_the_lost_time_is_given_again(committed_db: None) -> None:
    admin = new_user("staff", "admin")
    relay.sequence()
    before = queries.last_position()
    restore.after_restore(by=admin, gap=1000)
    new_user("later")
    relay.sequence()
    assert queries.last_position() == before + 1001
    end_sessions()


def test_the_restore_ends_every_login_and_says_so_in_the_staff_log(committed_db: None, alice: User) -> None:
    admin = new_user("staff", "admin")
    recipes.token_family.make(user=alice)
    epoch = alice.token_epoch
    restore.after_restore(by=admin, gap=1)
    alice.refresh_from_db()
    assert alice.token_epoch > epoch + 1
    assert not TokenFamily.objects.filter(ended_at__isnull=True).exists()
    entry = LogEntry.objects.get(object_id=str(admin.pk))
    assert "After a restore" in entry.change_message
    restore.after_restore(by=admin, gap=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"staff": "staff@example.com"}, "--yes"),
        ({"staff": "nobody@example.com", "yes": True}, "active admin"),
        ({"staff": "alice@example.com", "yes": True}, "active admin"),
        ({"staff": "staff@example.com", "yes": True, "gap": 0}, "--gap"),
        ({"staff": "staff@example.com", "yes": True, "gap": 10**12 + 1}, "--gap"),
    ],
)
def test_the_restore_asks_first(db: None, alice: User, options: dict[str, Any], message: str) -> None:
    new_user("staff", "admin")
    before = last_values()
    with pytest.raises(CommandError, match=message):
        call_command("after_restore", **options)
    assert last_values()["payments_deposit_id_seq"] == before["payments_deposit_id_seq"]
    alice.refresh_from_db()
    assert alice.token_epoch == 0


def test_a_gap_that_does_not_fit_is_named(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER SEQUENCE catalog_product_id_seq MAXVALUE 100000000")
    with pytest.raises(restore.NoRoom, match="catalog_product_id_seq"):
        restore.move_sequences(99_999_999)
