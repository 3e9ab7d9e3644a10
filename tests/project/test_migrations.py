"""The migrations: what they make is what the models and docs/guards.md say, and they can be taken back."""

from importlib import import_module

from django.db import connection

from tests.support.ledger_factories import sql

APPS = ("accounts", "payments", "catalog")


def test_the_guards_can_be_taken_away_and_put_back(db: None) -> None:
    before = everything_in_place()
    operations = [
        operation for app in APPS for operation in import_module(f"{app}.migrations.0002_guards").Migration.operations
    ]
    for operation in reversed(operations):
        run(operation.reverse_sql)
    assert sql("SELECT FROM pg_trigger WHERE NOT tgisinternal") == []
    assert sql("SELECT FROM pg_type WHERE typtype = 'd' AND typnamespace = current_schema()::regnamespace") == []
    for operation in operations:
        run(operation.sql)
    assert everything_in_place() == before


def run(script: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(script)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def everything_in_place() -> set[tuple[str, str]]:
    """Triggers, constraints, indexes and functions as PostgreSQL would write them down, and the type of each column."""
    return set(
        sql("""
            SELECT tgname::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
            UNION ALL SELECT conname, conrelid::regclass || pg_get_constraintdef(oid) FROM pg_constraint
                WHERE connamespace = current_schema()::regnamespace
            UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()
            UNION ALL SELECT proname, pg_get_functiondef(oid) FROM pg_proc
                WHERE pronamespace = current_schema()::regnamespace
            UNION ALL SELECT attrelid::regclass || attname, format_type(atttypid, atttypmod)
                FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid
                WHERE relnamespace = current_schema()::regnamespace AND attnum > 0 AND NOT attisdropped
        """)
    )
