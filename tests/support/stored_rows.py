"""Every row that is stored, to compare before and after."""

from django.apps import apps
from django.db import connection

#: What follows every request, and differs whatever was asked for.
BESIDE = {"accounts_tokenfamily", "accounts_throttlecount"}


def stored() -> set[tuple[str, str]]:
    """Every row of every table of ours, as JSON."""
    found: set[tuple[str, str]] = set()
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)} - BESIDE
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'SELECT to_jsonb(t)::text FROM "{table}" t')  # noqa: S608 - names from our own models
            found |= {(table, row) for (row,) in cursor.fetchall()}
    return found
