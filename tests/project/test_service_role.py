"""The service's own database role: it can do all that the service does, and nothing else to any table."""

import io
from collections.abc import Iterator
from itertools import product
from typing import Any

import httpx
import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import User
from config.checks import check_database
from config.database import service_role
from config.database.service_role import EVERY, RIGHTS, excess
from payments.events import queries, relay
from payments.models import Wallet
from payments.users.services import delete_user
from payments.webhooks.receiving.provider_cache import provider_cache
from tests.support.database_roles import Login, connected_as, drop_role, make_service_role
from tests.support.every_operation import OperationContext, OwnedObjects, new_user, perform
from tests.support.http import PLAIN
from tests.support.ledger import sql
from tests.support.live import UncheckedTill, database_url
from tests.support.operation_table import CALLS
from tests.support.production import manage
from tests.support.provider import SHA1_COLON, SHA256_CONCAT
from tests.support.rollback import rolled_back

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

DENIED = psycopg.errors.InsufficientPrivilege


@pytest.fixture(scope="module")
def login(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Login]:
    with django_db_blocker.unblock():
        was_made = make_service_role()
    yield was_made
    with django_db_blocker.unblock():
        drop_role(was_made.role)


@pytest.fixture
def as_service(committed_db: None, login: Login) -> Iterator[None]:
    with connected_as(login):
        yield


# --- what it may not ------------------------------------------------------------------------------------------

TABLES = sorted(service_role.tables())
#: Of every table; {column} is one of its columns.
ON_TABLES = (
    "TRUNCATE {table}",
    "TRUNCATE {table} CASCADE",
    "DROP TABLE {table}",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} DISABLE TRIGGER USER",
    "ALTER TABLE {table} ADD COLUMN mine text",
    "ALTER TABLE {table} DROP COLUMN {column}",
    "ALTER TABLE {table} OWNER TO CURRENT_USER",
    "ALTER TABLE {table} RENAME TO mine",
    "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
    "CREATE TRIGGER mine BEFORE UPDATE ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE RULE mine AS ON UPDATE TO {table} DO INSTEAD NOTHING",
    "CREATE INDEX mine ON {table} ({column})",
    "CREATE POLICY mine ON {table}",
    "CREATE TABLE public.mine (LIKE {table})",
    "COPY {table} FROM PROGRAM 'true'",
    "COPY {table} TO PROGRAM 'true'",
    "COPY {table} TO '/tmp/mine'",
)
ANYWHERE = (
    "CREATE TABLE public.mine (id int)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION till_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "ALTER FUNCTION till_refuse() RENAME TO mine",
    "DROP FUNCTION till_refuse() CASCADE",
    "ALTER FUNCTION till_hold_bookings() SECURITY INVOKER",
    "ALTER DOMAIN till_amount DROP CONSTRAINT amount_positive",
    "DROP DOMAIN till_amount CASCADE",
    "SELECT setval('payments_transaction_id_seq', 1)",
    "ALTER SEQUENCE payments_transaction_id_seq RESTART",
    "CREATE LANGUAGE mine HANDLER plpgsql_call_handler",
    "CREATE ROLE mine",
    "CREATE DATABASE mine",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER ROLE CURRENT_USER BYPASSRLS",
    "SET ROLE {owner}",
    "SET SESSION AUTHORIZATION {owner}",
    "GRANT {owner} TO CURRENT_USER",
    "SET session_replication_role = replica",
    "ALTER SYSTEM SET fsync = off",
    "ALTER DATABASE {database} SET session_replication_role = replica",
    "DROP DATABASE {database}",
    "CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION till_refuse()",
    "SELECT pg_read_file('/etc/hostname')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT pg_switch_wal()",
    "SELECT rolpassword FROM pg_authid",
    "COPY (SELECT 1) TO PROGRAM 'true'",
)


def refusal(statement: str) -> type:
    """The error that PostgreSQL answers with; that of None, and everything as it was, when it obeys."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            transaction.set_rollback(True)
    except DatabaseError as error:
        return type(error.__cause__)
    return type(None)


def columns(table: str) -> list[str]:
    with connection.cursor() as cursor:
        return [column.name for column in connection.introspection.get_table_description(cursor, table)]


def writes(table: str) -> Iterator[str]:
    """What writes rows of a table and is not among the role's rights."""
    rights = RIGHTS[table]
    if rights.update != EVERY:
        others = (f'"{name}" = "{name}"' for name in columns(table) if name not in rights.update)
        yield from (f"UPDATE {table} SET {other}" for other in others)  # noqa: S608 - our own tables
    if rights.update != EVERY and not rights.delete:
        yield f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"
    if not rights.delete:
        yield f"DELETE FROM {table} WHERE false"  # noqa: S608 - our own tables
    if not rights.insert:
        yield f"INSERT INTO {table} DEFAULT VALUES"


def test_the_service_may_not(as_service: None) -> None:
    obeyed: dict[str, type] = {}
    for table in TABLES:
        assert table in RIGHTS, f"say in config/database/service_role.py what the service may do to {table}"
        tried = [statement.format(table=table, column=columns(table)[0]) for statement in ON_TABLES]
        refusals = {statement: refusal(statement) for statement in (*tried, *writes(table))}
        obeyed |= {statement: error for statement, error in refusals.items() if error is not DENIED}
    assert obeyed == {}


def test_the_service_may_not_anywhere(committed_db: None, login: Login) -> None:
    connection.ensure_connection()
    info = connection.connection.info
    names = {"owner": f'"{info.user}"', "database": f'"{info.dbname}"'}
    with connected_as(login):
        tried = [statement.format(**names) for statement in ANYWHERE]
        refusals = {statement: refusal_outside_a_block(statement) for statement in tried}
    assert {statement: error for statement, error in refusals.items() if error is not DENIED} == {}


def refusal_outside_a_block(statement: str) -> type:
    """Some statements are refused inside a block whoever asks."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError as error:
        return type(error.__cause__)
    return type(None)


def test_a_trigger_refuses_what_it_may_only_lock(as_service: None, alice: User) -> None:
    things = OwnedObjects(alice)
    assert things.transaction
    assert things.quote
    for table in (table for table, rights in RIGHTS.items() if rights.update == ("id",)):
        assert refusal(f"UPDATE {table} SET id = id") is psycopg.errors.RestrictViolation  # noqa: S608


def test_each_right_names_columns_that_exist(db: None) -> None:
    for table, rights in RIGHTS.items():
        assert set(rights.update) - set(EVERY) <= set(columns(table)), table


# --- what it may ----------------------------------------------------------------------------------------------


@pytest.fixture
def for_a_while(login: Login, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """As the service, in blocks that are rolled back."""
    provider_cache.invalidate()
    with django_db_blocker.unblock(), connected_as(login):
        yield
    provider_cache.invalidate()


@pytest.mark.parametrize("row", CALLS)
def test_the_service_serves(for_a_while: None, row: str) -> None:
    """Each operation works for one of two: for an admin, or for the owner of what it is about."""
    statuses = [served(row, by=role) for role in ("user", "admin")]
    assert min(statuses) < 300, statuses


def served(row: str, *, by: str) -> int:
    with rolled_back():
        owner, admin = OwnedObjects(new_user("owner")), OwnedObjects(new_user("admin", "admin"))
        my = owner if by == "user" else admin
        answer = perform(row, CALLS[row](OperationContext(the=owner, my=my)), my.owner)
    return int(answer.status_code)


COMMANDS: dict[str, dict[str, Any]] = {
    "check_ledger": {},
    "checkpoint_house": {},
    "expire_orders": {},
    "prune_idempotency_keys": {},
    "prune_quotes": {},
    "load_rates": {"place": "sample"},
    "create_admin": {"email": "second@example.com"},
}


def test_the_service_runs_the_commands(as_service: None, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILL_ADMIN_PASSWORD", "correct horse 42")
    assert OwnedObjects(alice).wallet
    for command, options in COMMANDS.items():
        call_command(command, stdout=io.StringIO(), stderr=io.StringIO(), **options)


def test_what_only_the_owner_may_run_says_so_in_one_line(as_service: None, alice: User, admin: User) -> None:
    result = manage("after_restore", "--staff", admin.email, "--yes", DATABASE_URL=database_url())
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1, result.stderr
    assert "permission denied for sequence" in result.stderr
    assert "connect as the tables' owner" in result.stderr
    alice.refresh_from_db()
    assert alice.token_epoch == 0


def test_the_service_credits_webhooks_by_both_paths(
    as_service: None, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = UncheckedTill(TILL_WORKERS="1")
    till.start()
    try:
        with httpx.Client(base_url=till.url, timeout=30, verify=PLAIN) as client:
            for form, headers in product((SHA1_COLON, SHA256_CONCAT), ({}, {"Expect": "100-continue"})):
                delivery = form.notice(user_id=alice.pk, account_id=77)
                answer = client.post(delivery.path, content=delivery.body, headers={**delivery.headers, **headers})
                assert answer.status_code == 200, answer.text
    finally:
        till.stop()
    assert Wallet.objects.get(pk=77).balance == 400


def test_the_service_gives_positions_and_sees_whoever_still_writes(committed_db: None, login: Login) -> None:
    insert = b"INSERT INTO payments_outboxevent (type, data) VALUES ('user.enabled', '{}') RETURNING id"
    with psycopg.connect(database_url()) as owner, connected_as(login):
        late = owner.execute(insert).fetchone()
        new_user("quick")
        assert [relay.sequence() for _ in range(3)] == [1, 0, 0]
        owner.commit()
        assert relay.sequence() == 1
        assert (queries.page(0).events[-1].source_id,) == late


def test_the_service_deletes_and_anonymises(as_service: None, alice: User, bob: User, admin: User) -> None:
    assert OwnedObjects(bob).transaction
    for user in (alice, bob):
        delete_user(user_id=user.pk, staff=admin, force=True)
    assert not User.objects.filter(pk=alice.pk).exists()
    assert User.objects.get(pk=bob.pk).is_deleted


# --- what is said about it ------------------------------------------------------------------------------------

#: What the owner gives the role beyond its rights, and what is said of it.
TOO_MUCH = {
    "GRANT DELETE ON payments_posting TO {role}": "DELETE on payments_posting",
    "GRANT TRUNCATE ON payments_wallet TO {role}": "TRUNCATE on payments_wallet",
    "GRANT UPDATE ON catalog_refund TO {role}": "UPDATE of amount",
    "GRANT UPDATE (owner_id) ON payments_wallet TO {role}": "UPDATE of owner_id on payments_wallet",
    "GRANT INSERT ON auth_group TO {role}": "INSERT on auth_group",
    "GRANT CREATE ON SCHEMA public TO {role}": "CREATE in the schema",
    "GRANT pg_write_all_data TO {role}": "a member of pg_write_all_data",
    "ALTER TABLE catalog_refund OWNER TO {role}": "the owner of catalog_refund",
    "ALTER ROLE {role} CREATEROLE": "CREATEROLE",
    "ALTER ROLE {role} SUPERUSER": "a superuser",
}


def test_nothing_is_said_of_the_services_own_role(for_a_while: None) -> None:
    assert found_excess() == []


@pytest.mark.parametrize("statement", TOO_MUCH)
def test_a_role_that_may_too_much_is_told_what(db: None, login: Login, statement: str) -> None:
    """Within one block of the owner's, so that nobody ever has it."""
    sql(statement.format(role=f'"{login.role}"'))
    sql(f'SET LOCAL ROLE "{login.role}"')
    assert TOO_MUCH[statement] in ", ".join(found_excess())
    sql("RESET ROLE")


def test_granting_again_takes_it_away(db: None, login: Login) -> None:
    for statement in TOO_MUCH:
        if statement.startswith("GRANT") and " ON " in statement and "SCHEMA" not in statement:
            sql(statement.format(role=f'"{login.role}"'))
    call_command("grant_service_role", login.role, verbosity=0)
    sql(f'SET LOCAL ROLE "{login.role}"')
    assert found_excess() == []
    sql("RESET ROLE")


def found_excess() -> list[str]:
    with connection.cursor() as cursor:
        return excess(cursor)


def test_a_production_database_is_warned_of_its_owner(db: None, settings: Any) -> None:
    settings.TILL_DEBUG, settings.DATABASE_URL = False, "postgres://somewhere/till"
    assert "till.W005" in [refusals.id for refusals in check_database(databases=["default"])]


def test_a_role_that_is_not_there_is_named(db: None) -> None:
    with pytest.raises(CommandError, match="There is no role nobody_at_all"):
        call_command("grant_service_role", "nobody_at_all")


def test_nobody_grants_to_himself(db: None) -> None:
    [[me]] = sql("SELECT current_user")
    with pytest.raises(CommandError, match="connect as the tables' owner"):
        call_command("grant_service_role", me)
