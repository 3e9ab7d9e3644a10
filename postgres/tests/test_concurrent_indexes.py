"""A migration that builds indexes beside writers can be repeated after an interruption."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from postgres.concurrent_indexes import AddIndexBesideWriters
from tests.support.ledger import sql
from tests.support.sessions import end_sessions

MIGRATIONS = [("payments", "0009_metadata_indexes"), ("catalog", "0004_metadata_indexes")]
VALID = "SELECT relname FROM pg_index JOIN pg_class ON indexrelid = oid WHERE indisvalid"


@pytest.mark.parametrize("key", MIGRATIONS, ids=lambda key: key[0])
def test_an_interrupted_migration_of_indexes_is_repeated(committed_db: None, key: tuple[str, str]) -> None:
    loader = MigrationLoader(None)
    migration, before = loader.get_migration(*key), loader.project_state(key, at_end=False)
    names = {each.index.name for each in migration.operations if isinstance(each, AddIndexBesideWriters)}
    sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", max(names))
    timeouts = sql("SHOW lock_timeout") + sql("SHOW statement_timeout")
    assert "0" not in {text for (text,) in timeouts}
    with connection.schema_editor(atomic=migration.atomic) as editor:
        migration.apply(before, editor)
    assert {name for (name,) in sql(VALID)} >= names
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
