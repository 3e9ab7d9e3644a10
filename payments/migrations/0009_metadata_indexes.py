from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models

from postgres.concurrent_indexes import AddIndexBesideWriters


def indexes(name: str) -> list[models.Index]:
    """Of a document's reference and metadata."""
    return [
        models.Index(fields=["reference", "user", "-id"], condition=~models.Q(reference=""), name=f"{name}_reference"),
        GinIndex(
            fields=["metadata"],
            opclasses=["jsonb_path_ops"],
            condition=models.Q(metadata__isnull=False),
            name=f"{name}_metadata",
        ),
    ]


class Migration(migrations.Migration):
    """The indexes that filters of documents use. They alone are not atomic, so that all of this can be repeated."""

    atomic = False
    dependencies = [("payments", "0008_first_attempts")]

    operations = [
        AddIndexBesideWriters(name, index)
        for name in ("deposit", "withdrawal", "transfer", "exchange")
        for index in indexes(name)
    ]
