"""Till behind PgBouncer, in both of its modes: what is checked at the start, and what it keeps of what we set."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.db import connection

from payments.models import Wallet, WebhookEvent
from tests.support.http import PLAIN
from tests.support.live import LiveTill
from tests.support.pgbouncer import PgBouncer, keeps_prepared_statements
from tests.support.provider import SHA256_CONCAT

pytestmark = pytest.mark.pgbouncer
ROOT = Path(__file__).resolve().parents[2]
NOTICES = 200


@pytest.fixture
def pooler(request: pytest.FixtureRequest, committed_db: None) -> Iterator[PgBouncer]:
    """In the mode that the test names, which in transaction mode keeps nothing unless the test says so."""
    mode, *limit = request.param.split()
    changes = {"max_prepared_statements": limit[0] if limit else "0"} if keeps_prepared_statements() else {}
    pgbouncer = PgBouncer(mode, **changes)
    pgbouncer.start()
    yield pgbouncer
    pgbouncer.stop()


by_session = pytest.mark.parametrize("pooler", ["session"], indirect=True)
by_transaction = pytest.mark.parametrize("pooler", ["transaction"], indirect=True)


def python(pooler: PgBouncer, code: str, mode: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Till of its own behind the pooler."""
    environment = os.environ | {"TILL_DEBUG": "1", "DATABASE_URL": pooler.url, "TILL_POOLER": mode} | changes
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    program = [sys.executable, "-c", f"import django; django.setup()\n{code}"]
    return subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def checked(pooler: PgBouncer, mode: str, **changes: str) -> str:
    """Return what the checks say."""
    code = "from django.core.management import call_command; call_command('check', databases=['default'])"
    result = python(pooler, code, mode, **changes)
    return "" if result.returncode == 0 else result.stderr


@pytest.fixture
def role_settings(committed_db: None) -> Iterator[None]:
    """What the check asks for is done, and taken back."""
    from django.conf import settings

    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_user), quote_ident(current_database())")
        role, database = cursor.fetchone()
        for name, value in settings.SESSION_SETTINGS.items():
            cursor.execute(f"ALTER ROLE {role} IN DATABASE {database} SET {name} = '{value}'")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {role} IN DATABASE {database} RESET ALL")


# --- the checks ---------------------------------------------------------------------------------------------


@by_session
def test_a_pooler_that_was_not_named_is_refused_and_one_by_session_is_good(pooler: PgBouncer) -> None:
    assert re.search(r"till\.E016.*behind a pooler, and TILL_POOLER does not say so", checked(pooler, "none"))
    assert checked(pooler, "session") == ""
    assert checked(pooler, "session", TILL_LOCK_TIMEOUT_MS="1234", TILL_DB_POOL_SIZE="0") == ""


@by_transaction
@pytest.mark.parametrize("mode", ["none", "session"])
def test_a_pooler_by_transaction_is_refused_under_another_name(pooler: PgBouncer, mode: str) -> None:
    assert re.search(rf"till\.E016.*in transaction mode, and TILL_POOLER is {mode}", checked(pooler, mode))


@by_transaction
def test_a_pooler_that_keeps_no_prepared_statements_is_refused_where_it_should(pooler: PgBouncer) -> None:
    assert "does not keep prepared statements" in checked(pooler, "transaction-prepared")


@by_transaction
def test_what_sessions_need_is_asked_for_in_words_that_can_be_run(pooler: PgBouncer, committed_db: None) -> None:
    refused = checked(pooler, "transaction", TILL_LOCK_TIMEOUT_MS="4321")
    assert "lock_timeout is '0' instead of '4321'" in refused
    commands = re.findall(r"ALTER ROLE [^;]*", refused)
    assert len(commands) >= 3
    with connection.cursor() as cursor:
        for command in commands:
            cursor.execute(command)
    try:
        pooler.reconnect()
        assert checked(pooler, "transaction", TILL_LOCK_TIMEOUT_MS="4321") == ""
    finally:
        with connection.cursor() as cursor:
            cursor.execute(re.sub(r" SET .*", " RESET ALL", commands[0]))


@by_session
def test_options_in_the_address_are_refused_by_the_pooler_with_its_reason(pooler: PgBouncer) -> None:
    pooler_url = f"{pooler.url}?options=-csearch_path%3Dpublic"
    assert "unsupported startup parameter" in checked(pooler, "session", DATABASE_URL=pooler_url)


# --- what runs behind it ------------------------------------------------------------------------------------


def deliver(till: LiveTill, user_id: int, number: int) -> int:
    sent = SHA256_CONCAT.notice(user_id=user_id, account_id=number % 7 + 1, amount="1.00")
    address = f"{till.url}{sent.path}"
    return httpx.post(address, content=sent.body, headers=sent.headers, timeout=30, verify=PLAIN).status_code


def register(till: LiveTill, number: int) -> int:
    data = {"email": f"newcomer{number}@example.com", "password": "a-long-password-of-9", "full_name": "New"}
    return httpx.post(f"{till.url}/api/v1/auth/register", json=data, timeout=30, verify=PLAIN).status_code


def storm(pooler: PgBouncer, mode: str, user: Any) -> None:
    """Notices at once, and newcomers beside them: each that is acknowledged is stored."""
    till = LiveTill(DATABASE_URL=pooler.url, TILL_POOLER=mode)
    till.start()
    try:
        with ThreadPoolExecutor(16) as threads:
            answers = [*threads.map(lambda number: deliver(till, user.pk, number), range(NOTICES))]
            registered = [*threads.map(lambda number: register(till, number), range(5))]
    finally:
        till.stop()
    assert {*answers} == {200}
    assert {*registered} == {201}
    assert WebhookEvent.objects.count() == NOTICES
    assert sum(Wallet.objects.filter(owner=user).values_list("balance", flat=True)) == NOTICES


@by_session
def test_webhooks_are_stored_behind_a_pooler_by_session(pooler: PgBouncer, alice: Any) -> None:
    storm(pooler, "session", alice)


@by_transaction
def test_webhooks_are_stored_behind_a_pooler_by_transaction(role_settings: None, pooler: PgBouncer, alice: Any) -> None:
    """And its sessions are left as they were, for its other clients."""
    storm(pooler, "transaction", alice)
    with psycopg.connect(pooler.url, autocommit=True) as other:
        for _ in range(5):
            left = other.execute(
                "SELECT (SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'till%'),"
                " current_setting('plan_cache_mode'), current_setting('enable_seqscan')"
            )
            assert left.fetchone() == (0, "auto", "on")


@pytest.mark.parametrize("pooler", ["session", "transaction"], indirect=True)
@pytest.mark.parametrize("block", ["transaction.atomic()", "nullcontext()"])
def test_long_lists_are_read_in_parts(role_settings: None, pooler: PgBouncer, block: str) -> None:
    """An export's cursor is the server's; a form's choices are read outside of any block."""
    code = f"""
from contextlib import nullcontext
import psycopg
from django.db import connection, transaction
from payments.models import Currency
with psycopg.connect({pooler.url!r}) as other, {block}:
    read = []
    for currency in Currency.objects.order_by("code").iterator(chunk_size=1):
        read.append(currency.code)
        other.execute("SELECT 1")  # it takes whatever session is free
    assert len(read) > 2 and read == sorted(read), read
"""
    mode = "transaction" if "transaction" in pooler.mode else "session"
    result = python(pooler, code, mode)
    assert (result.returncode, result.stderr) == (0, "")
