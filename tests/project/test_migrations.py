"""The migrations make what the models, the guards' SQL and docs/guards.md say, no more and no less.

The test's database is made by the migrations. Beside it Django makes the models' tables once more, without them.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, models
from django.db.migrations import RunSQL
from django.db.migrations.loader import MigrationLoader

from tests.support.ledger import sql

pytestmark = pytest.mark.slow

APPS = ("accounts", "payments", "catalog")
ROOT = settings.BASE_DIR
MIGRATED, OF_MODELS = "public", "of_models"


class Guard(NamedTuple):
    name: str
    #: Its table or domain; a function has none.
    place: str = ""


def our_models() -> list[type[models.Model]]:
    return [model for app in APPS for model in apps.get_app_config(app).get_models(include_auto_created=True)]


def rows(schema: str, query: str) -> list[tuple[Any, ...]]:
    """What the catalogue says of a schema: the first column is a table of ours, or anything else."""
    sql(f"SET LOCAL search_path = {schema}, {MIGRATED}")
    tables = {model._meta.db_table for model in our_models()}
    return [row for row in sql(query) if row[0] in tables]


# --- the models ---------------------------------------------------------------------------------------------


def test_no_migration_is_missing(db: None) -> None:
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


@pytest.fixture
def tables_of_models(db: None) -> None:
    """A schema with the tables as Django makes them of the models. It goes when the test rolls back."""
    sql(f"CREATE SCHEMA {OF_MODELS}; SET LOCAL search_path = {OF_MODELS}, {MIGRATED}")
    with connection.schema_editor() as editor:
        for model in our_models():
            if not model._meta.auto_created:  # such a one comes with the model that names it
                editor.create_model(model)


def test_every_column_is_as_its_model_says(tables_of_models: None) -> None:
    columns = columns_of(OF_MODELS)
    assert len(columns) > 200
    assert columns_of(MIGRATED) == columns


def columns_of(schema: str) -> set[tuple[Any, ...]]:
    """Each with its type, which may be a domain, whether it may be null, and its default."""
    query = """
        SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, pg_get_expr(adbin, adrelid)
        FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relnamespace = current_schema()::regnamespace AND attnum > 0 AND NOT attisdropped
    """
    return set(rows(schema, query))


def rules_of(schema: str) -> dict[Guard, str]:
    """Constraints and indexes, each with its definition."""
    query = """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = current_schema()::regnamespace AND contype IN ('c', 'f', 'p', 'u', 'x')
        UNION ALL
        SELECT indrelid::regclass::text, relname, replace(pg_get_indexdef(indexrelid), current_schema() || '.', '')
        FROM pg_index JOIN pg_class ON indexrelid = pg_class.oid
        WHERE relnamespace = current_schema()::regnamespace
            AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
    """
    return {Guard(name, table): definition for table, name, definition in rows(schema, query)}


def test_every_constraint_and_index_of_the_models_is_there_as_they_say(tables_of_models: None) -> None:
    of_models, migrated = rules_of(OF_MODELS), rules_of(MIGRATED)
    assert len(of_models) > 100
    assert {guard: migrated.get(guard) for guard in of_models} == of_models


# --- the guards ---------------------------------------------------------------------------------------------


def test_whatever_else_there_is_was_made_by_the_guards_sql(tables_of_models: None) -> None:
    """Triggers, functions, domains, and the constraints and indexes that no model has; and nothing is missing."""
    besides = rules_of(MIGRATED).keys() - rules_of(OF_MODELS).keys()
    others = {Guard(name) for name, _ in besides | functions() | rules_of_domains() | domains()}
    assert triggers() | others == guards_in_sql()


def triggers() -> set[Guard]:
    query = "SELECT tgname, relname FROM pg_trigger JOIN pg_class ON tgrelid = pg_class.oid WHERE NOT tgisinternal"
    return {Guard(*row) for row in sql(query)}


def functions() -> set[Guard]:
    return {Guard(*row) for row in sql("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")}


def domains() -> set[Guard]:
    query = "SELECT typname FROM pg_type WHERE typtype = 'd' AND typnamespace = 'public'::regnamespace"
    return {Guard(*row) for row in sql(query)}


def rules_of_domains() -> set[Guard]:
    query = "SELECT conname, typname FROM pg_constraint JOIN pg_type ON contypid = pg_type.oid WHERE contype = 'c'"
    return {Guard(*row) for row in sql(query + " AND connamespace = 'public'::regnamespace")}


NAMES = re.compile(
    r"(?P<verb>CREATE|DROP) (?:CONSTRAINT )?TRIGGER (?P<trigger>\w+)[^;]*? ON (?P<table>\w+)"
    r"|(?P<drop>DROP )?(?:CONSTRAINT|CREATE FUNCTION|DROP FUNCTION|DOMAIN|INDEX) (?P<name>\w+)"
)


def guards_in_sql() -> set[Guard]:
    """What the SQL of all migrations, one after the other, has made and not dropped. Only triggers share names."""
    named: set[Guard] = set()
    for script in (operation.sql for operation in operations()):
        text = re.sub(r"--[^\n]*|\$\$.*?\$\$", "", script, flags=re.DOTALL)
        for match in NAMES.finditer(text):
            guard = Guard(match["trigger"], match["table"]) if match["trigger"] else Guard(match["name"])
            if match[0].startswith("DROP"):
                named.discard(guard)
            else:
                named.add(guard)
    return named


def operations() -> Iterator[Any]:
    """All RunSQL of ours, in the order in which they are applied."""
    graph = MigrationLoader(None).graph
    seen: set[tuple[str, str]] = set()
    for app in APPS:
        for key in (key for leaf in graph.leaf_nodes(app) for key in graph.forwards_plan(leaf)):
            if key[0] in APPS and key not in seen:
                seen.add(key)
                yield from (it for it in graph.nodes[key].operations if isinstance(it, RunSQL))


def test_the_guards_can_be_taken_away_and_put_back(db: None) -> None:
    before = everything_in_place()
    for operation in reversed([*operations()]):
        run(operation.reverse_sql)
    assert not triggers() | functions() | domains()
    for operation in operations():
        run(operation.sql)
    assert everything_in_place() == before


def run(script: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(script)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def everything_in_place() -> list[Any]:
    """Triggers and functions as PostgreSQL writes them down, and what is said of tables."""
    written = sql("""
        SELECT tgname::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT relname, relpersistence::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
    """)
    return [set(written), columns_of(MIGRATED), rules_of(MIGRATED), rules_of_domains()]


# --- the page -----------------------------------------------------------------------------------------------

ROW = re.compile(r"^\| `(\w+)` \| (.*?) \| (.+) \|$", re.MULTILINE)


def test_the_page_says_of_every_guard_what_it_refuses(tables_of_models: None) -> None:
    listed = [Guard(name, place) for name, places, _ in rows_of_the_page() for place in places]
    assert len(listed) == len(set(listed))
    assert set(listed) == triggers() | functions() | rules_of_domains() | named_rules()


def rows_of_the_page() -> Iterator[tuple[str, list[str], str]]:
    """The name, the tables or domains, and what is said of it."""
    for name, places, refusal in ROW.findall((ROOT / "docs" / "guards.md").read_text()):
        yield name, re.findall(r"`(\w+)`", places) or [""], refusal


def named_rules() -> set[Guard]:
    """Constraints and unique indexes, but for those whose name and meaning Django takes from a column."""
    chosen = {constraint.name for model in our_models() for constraint in model._meta.constraints}
    of_columns = {guard for guard in rules_of(OF_MODELS) if guard.name not in chosen}
    return rules_of(MIGRATED).keys() - of_columns


# --- the files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("app", APPS)
def test_migrations_import_nothing_of_ours(app: str) -> None:
    """Code changes, and what was applied does not. Only how an index is built, not which, is in postgres."""
    files = [*(ROOT / app / "migrations").glob("0*.py")]
    assert len(files) >= 2
    packages = {package for path in files for package in imported(ast.parse(path.read_text()))}
    assert packages <= {"datetime", "decimal", "django", "pathlib", "postgres", "uuid"}


def imported(tree: ast.Module) -> set[str]:
    """The packages that are named in imports."""
    packages: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            packages |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            packages.add((node.module or "").partition(".")[0])
    return packages


@pytest.mark.parametrize("app", APPS)
def test_sql_that_was_applied_is_not_edited(app: str) -> None:
    """A guard changes by a new migration, which adds its files and their sums: docs/guards.md."""
    folder = ROOT / app / "migrations" / "sql"
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.sql")} == {
        name: digest for digest, _, name in (line.partition("  ") for line in lines)
    }
