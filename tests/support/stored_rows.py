"""Every row that is stored, to compare before and after."""

from django.apps import apps
from django.db import connection

#: What follows every request, and differs whatever was asked for.
BESIDE = {"accounts_tokenfamily", "accounts_throttlecount"}


def stored() -> set[tuple[str, str]]:
    """Every row of every table of ours, as JSON."""
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)} - BESIDE
    rows = (f"SELECT '{table}', to_jsonb(t)::text FROM \"{table}\" t" for table in tables)  # noqa: S608 - our own tables
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(rows))
        return set(cursor.fetchall())
