"""A migration that builds indexes beside writers can be repeated after an interruption."""

from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader

from postgres.concurrent_indexes import AddIndexBesideWriters
from tests.support.ledger import sql
from tests.support.live import database_url
from tests.support.sessions import end_sessions

MIGRATIONS = [("payments", "0009_metadata_indexes"), ("catalog", "0004_metadata_indexes")]
VALID = "SELECT relname FROM pg_index JOIN pg_class ON indexrelid = oid WHERE indisvalid"


def interrupt_building(index: str, table: str) -> None:
    """Leave the index as one who gave up waiting for a writer leaves it."""
    sql(f"DROP INDEX {index}")
    with psycopg.connect(database_url()) as writer:
        writer.execute(f"LOCK {table} IN ROW EXCLUSIVE MODE")
        sql("SET lock_timeout = 100")
        with pytest.raises(OperationalError, match="lock timeout"), connection.cursor() as cursor:
            cursor.execute(f"CREATE INDEX CONCURRENTLY {index} ON {table} (id)")
    end_sessions()  # with their timeouts
    assert sql("SELECT 1 FROM pg_class WHERE relname = %s", index)
    assert (index,) not in sql(VALID)


@pytest.mark.parametrize("key", MIGRATIONS, ids=lambda key: key[0])
def test_an_interrupted_migration_of_indexes_is_repeated(committed_db: None, key: tuple[str, str]) -> None:
    loader = MigrationLoader(None)
    migration, before = loader.get_migration(*key), loader.project_state(key, at_end=False)
    building = [each for each in migration.operations if isinstance(each, AddIndexBesideWriters)]
    table = before.apps.get_model(key[0], building[-1].model_name)._meta.db_table
    interrupt_building(building[-1].index.name, table)
    timeouts = sql("SHOW lock_timeout") + sql("SHOW statement_timeout")
    assert "0" not in {text for (text,) in timeouts}
    with connection.schema_editor(atomic=migration.atomic) as editor:
        migration.apply(before, editor)
    assert {name for (name,) in sql(VALID)} >= {each.index.name for each in building}
    assert sql("SHOW lock_timeout") + sql("SHOW statement_timeout") == timeouts


def test_a_pooler_may_give_another_connection_while_an_index_is_built(committed_db: None) -> None:
    loader, key = MigrationLoader(None), MIGRATIONS[1]
    migration, before = loader.get_migration(*key), loader.project_state(key, at_end=False)

    def change_connections(execute: Any, statement: Any, params: Any, many: bool, context: Any) -> Any:
        answer = execute(statement, params, many, context)
        if "CREATE INDEX" in str(statement):
            connection.close()
        return answer

    with connection.execute_wrapper(change_connections), connection.schema_editor(atomic=migration.atomic) as editor:
        migration.apply(before, editor)
    assert ("purchase_metadata",) in sql(VALID)
    end_sessions()
