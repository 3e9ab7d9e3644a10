from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

#: See payments/migrations/0006_metadata_rules.py.
PATIENT = "SET lock_timeout = 0; SET statement_timeout = 0"
IMPATIENT = "RESET lock_timeout; RESET statement_timeout"


class AddPurchaseIndex(AddIndexConcurrently):
    """Safe to repeat: what an interrupted one left is dropped first."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):  # type: ignore[no-untyped-def]
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {self.index.name}")
        super().database_forwards(app_label, schema_editor, from_state, to_state)


def indexes(name: str) -> list[AddPurchaseIndex]:
    """Of a document's reference and metadata."""
    return [
        AddPurchaseIndex(
            name,
            models.Index(
                fields=["reference", "user", "-id"], condition=~models.Q(reference=""), name=f"{name}_reference"
            ),
        ),
        AddPurchaseIndex(
            name,
            GinIndex(
                fields=["metadata"],
                opclasses=["jsonb_path_ops"],
                condition=models.Q(metadata__isnull=False),
                name=f"{name}_metadata",
            ),
        ),
    ]


class Migration(migrations.Migration):
    """The indexes that filters of purchases use."""

    atomic = False
    dependencies = [("catalog", "0003_metadata")]

    operations = [
        migrations.RunSQL(PATIENT, IMPATIENT),
        *indexes("purchase"),
        migrations.RunSQL(IMPATIENT, PATIENT),
    ]
