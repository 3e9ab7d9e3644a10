"""Ids that are drawn before their rows are inserted."""

from django.db import connection
from django.db.models import Model


def next_id(model: type[Model]) -> int:
    """Draw an id for a row that another row must refer to before it is inserted. An unused id is lost."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s)", [f"{model._meta.db_table}_id_seq"])
        return int(cursor.fetchone()[0])
