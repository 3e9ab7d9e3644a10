from pathlib import Path

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

SQL = Path(__file__).with_name("sql")
#: An index that is made beside writers may take long, and waits for older transactions. It holds up nobody.
PATIENT = "SET lock_timeout = 0; SET statement_timeout = 0"
IMPATIENT = "RESET lock_timeout; RESET statement_timeout"


class AddFilterIndex(AddIndexConcurrently):
    """Safe to repeat: what an interrupted one left is dropped first."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):  # type: ignore[no-untyped-def]
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {self.index.name}")
        super().database_forwards(app_label, schema_editor, from_state, to_state)


def indexes(name: str) -> list[AddFilterIndex]:
    """Of a document's reference and metadata."""
    return [
        AddFilterIndex(
            name,
            models.Index(
                fields=["reference", "user", "-id"], condition=~models.Q(reference=""), name=f"{name}_reference"
            ),
        ),
        AddFilterIndex(
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
    """The rules of what clients attach, once every table has its columns, and the indexes that filters use."""

    atomic = False
    dependencies = [("payments", "0005_metadata"), ("catalog", "0003_metadata")]

    operations = [
        migrations.RunSQL((SQL / "metadata_rules.sql").read_text(), (SQL / "metadata_rules_reverse.sql").read_text()),
        migrations.RunSQL(PATIENT, IMPATIENT),
        *(index for name in ("deposit", "withdrawal", "transfer", "exchange") for index in indexes(name)),
        migrations.RunSQL(IMPATIENT, PATIENT),
    ]
