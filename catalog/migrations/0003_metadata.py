from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).with_name("sql")


class Migration(migrations.Migration):
    """What clients attach to purchases: two columns, which no row has to be written anew for."""

    dependencies = [("catalog", "0002_guards"), ("payments", "0005_metadata")]

    operations = [
        migrations.AddField(
            "purchase", "reference", models.CharField(max_length=255, blank=True, default="", db_default="")
        ),
        migrations.AddField("purchase", "metadata", models.JSONField(null=True, blank=True)),
        migrations.RunSQL((SQL / "metadata.sql").read_text(), (SQL / "metadata_reverse.sql").read_text()),
    ]
