from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models

from postgres.concurrent_indexes import AddIndexBesideWriters


class Migration(migrations.Migration):
    """The indexes that filters of purchases use."""

    atomic = False
    dependencies = [("catalog", "0003_metadata")]

    operations = [
        AddIndexBesideWriters(
            "purchase",
            models.Index(
                fields=["reference", "user", "-id"], condition=~models.Q(reference=""), name="purchase_reference"
            ),
        ),
        AddIndexBesideWriters(
            "purchase",
            GinIndex(
                fields=["metadata"],
                opclasses=["jsonb_path_ops"],
                condition=models.Q(metadata__isnull=False),
                name="purchase_metadata",
            ),
        ),
    ]
