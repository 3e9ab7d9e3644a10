from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).with_name("sql")
DOCUMENTS = ("deposit", "withdrawal", "transfer", "exchange")


class Migration(migrations.Migration):
    """What clients attach to documents: two columns, which no row has to be written anew for."""

    dependencies = [("payments", "0004_deliveries")]

    operations = [
        operation
        for name in DOCUMENTS
        for operation in (
            migrations.AddField(
                name, "reference", models.CharField(max_length=255, blank=True, default="", db_default="")
            ),
            migrations.AddField(name, "metadata", models.JSONField(null=True, blank=True)),
        )
    ] + [migrations.RunSQL((SQL / "metadata.sql").read_text(), (SQL / "metadata_reverse.sql").read_text())]
