"""Sessions that end between two requests, by an operator or a restart: no caller is told, and nothing happens twice."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from accounts.models import User
from config.database import idle_connections
from payments.models import Transfer, Wallet
from postgres.pipeline import Pipeline
from tests.support.ledger import wallet_with
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.live import LiveTill, UncheckedTill
from tests.support.load_client import send_all
from tests.support.provider import Delivery
from tests.support.sessions import end_sessions
from tests.support.shop_users import request, sign_in
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postgres

ROUNDS, CONNECTIONS = 12, 8
_END_OTHERS = """
SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def end_other_sessions() -> int:
    """End every other session of the database; return how many when they are gone."""
    with connection.cursor() as cursor:
        cursor.execute(_END_OTHERS)
        ended = [pid for pid, _ in cursor.fetchall()]

        def are_gone() -> bool:
            cursor.execute("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ANY(%s))", [ended])
            return bool(cursor.fetchone()[0])

        wait_until(are_gone)
    return len(ended)


# --- over HTTP ----------------------------------------------------------------------------------------------


@pytest.fixture
def till(request: pytest.FixtureRequest, committed_db: None) -> Iterator[LiveTill]:
    till = UncheckedTill(TILL_WORKERS="1", **getattr(request, "param", {}))
    till.start()
    yield till
    till.stop()


def reads(token: str, wallet: Wallet) -> list[Delivery]:
    one = f"wallets/{wallet.pk}"
    return [
        request(token, "GET", address)
        for address in ("users/me", one, "wallets", "transactions", "products", f"{one}/statement")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("till", [{}, {"TILL_DB_POOL_SIZE": "0"}], indirect=True)
def test_whoever_reads_after_all_sessions_ended_is_answered(till: LiveTill, alice: User) -> None:
    wanted = reads(sign_in(till, alice), wallet_with(alice, "USD", "100")) * 4
    for _ in range(ROUNDS):
        replies = send_all(till.url, wanted, connections=CONNECTIONS)
        assert [reply.status for reply in replies] == [200] * len(wanted)
        assert end_other_sessions() or till.environment.get("TILL_DB_POOL_SIZE") == "0"


@pytest.mark.slow
def test_whoever_sends_money_after_all_sessions_ended_sends_it_once(till: LiveTill, alice: User) -> None:
    token = sign_in(till, alice)
    source, destination = (wallet_with(alice, "USD", "1000") for _ in range(2))
    body = {"source": source.pk, "destination": destination.pk, "amount": "1.00"}
    for number in range(ROUNDS):
        send_all(till.url, reads(token, source), connections=CONNECTIONS)
        end_other_sessions()
        transfer = request(token, "POST", "transfers", body, idempotency_key=f"round-{number}")
        [reply] = send_all(till.url, [transfer], connections=1)
        assert reply.status == 201, reply.content
    assert Transfer.objects.count() == ROUNDS
    assert_ledger_balances()


# --- statement by statement ---------------------------------------------------------------------------------


@pytest.fixture
def lose(committed_db: None) -> Iterator[Callable[[], None]]:
    """End the session of this thread's connection."""
    parameters = connection.get_connection_params()
    with psycopg.connect(**parameters, autocommit=True) as other:

        def end_session() -> None:
            session: Any = connection.connection
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [session.info.backend_pid])

        yield end_session
    end_sessions()


@pytest.fixture
def lost(lose: Callable[[], None]) -> None:
    """This thread's connection comes from the pool, and is lost before its first statement."""
    connection.close()
    connection.ensure_connection()
    lose()


def test_a_read_is_repeated_over_another_connection(alice: User, lost: None) -> None:
    assert User.objects.get(pk=alice.pk) == alice


def test_an_atomic_block_begins_over_another_connection(alice: User, lost: None) -> None:
    with transaction.atomic(), transaction.atomic():
        User.objects.filter(pk=alice.pk).update(full_name="Once")
        assert connection.in_atomic_block
    end_sessions()
    assert User.objects.get(pk=alice.pk).full_name == "Once"


def test_what_is_undone_after_such_a_beginning_is_undone(alice: User, lost: None) -> None:
    with transaction.atomic():
        User.objects.filter(pk=alice.pk).update(full_name="Never")
        transaction.set_rollback(True)
    assert User.objects.get(pk=alice.pk).full_name == alice.full_name


def test_a_write_outside_of_a_block_is_not_repeated(alice: User, lost: None) -> None:
    """It may have been executed and committed, with only its answer lost."""
    with pytest.raises(OperationalError):
        User.objects.filter(pk=alice.pk).update(full_name="Twice")
    connection.close()
    assert User.objects.get(pk=alice.pk).full_name == alice.full_name


@pytest.mark.parametrize("block", [nullcontext, transaction.atomic])
def test_no_statement_is_repeated_but_the_first(alice: User, lose: Callable[[], None], block: Any) -> None:
    def lose_in_between() -> None:
        with block():
            assert User.objects.exists()
            lose()
            User.objects.exists()

    with pytest.raises(OperationalError):
        lose_in_between()
    connection.close()
    assert User.objects.exists()


def test_no_statement_of_a_block_that_a_pipeline_began_is_repeated(alice: User, lose: Callable[[], None]) -> None:
    """The pipeline's part of the block is lost."""

    @transaction.atomic
    def lose_in_between() -> None:
        pipeline = Pipeline()
        pipeline.execute("UPDATE accounts_user SET full_name = 'Lost' WHERE id = $1", str(alice.pk))
        pipeline.run()
        lose()
        User.objects.exists()

    connection.close()
    with pytest.raises(OperationalError):
        lose_in_between()
    connection.close()
    assert User.objects.get(pk=alice.pk).full_name == alice.full_name


# --- which connections are asked ----------------------------------------------------------------------------


def test_a_connection_is_asked_only_after_a_while(lost: None, monkeypatch: pytest.MonkeyPatch) -> None:
    database: Any = connection
    idle_connections.ask_if_idle(database.pool, database.connection)
    monkeypatch.setattr(idle_connections, "IDLE_SECONDS", 0.0)
    with pytest.raises(psycopg.OperationalError, match="terminat"):
        idle_connections.ask_if_idle(database.pool, database.connection)


def test_the_pool_asks_so(alice: User, lost: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while a lost connection is not given to anybody, so that even a write succeeds."""
    monkeypatch.setattr(idle_connections, "IDLE_SECONDS", 0.0)
    database: Any = connection
    for number in range(database.pool.max_size):
        connection.close()
        User.objects.filter(pk=alice.pk).update(full_name=f"Number {number}")
    assert User.objects.get(pk=alice.pk).full_name == f"Number {number}"
