"""A migration that builds indexes beside writers can be repeated after an interruption."""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from postgres.concurrent_indexes import AddIndexBesideWriters
from tests.support.ledger import sql

MIGRATIONS = [("payments", "0009_metadata_indexes"), ("catalog", "0004_metadata_indexes")]


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
    valid = sql("SELECT relname FROM pg_index JOIN pg_class ON indexrelid = oid WHERE indisvalid")
    assert {name for (name,) in valid} >= names
    assert sql("SHOW lock_timeout") + sql("SHOW statement_timeout") == timeouts
