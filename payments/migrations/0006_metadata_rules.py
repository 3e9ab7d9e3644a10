from pathlib import Path

from django.db import migrations

SQL = Path(__file__).with_name("sql")


class Migration(migrations.Migration):
    """The rules of what clients attach, once every table has its columns."""

    dependencies = [("payments", "0005_metadata"), ("catalog", "0003_metadata")]

    operations = [
        migrations.RunSQL((SQL / "metadata_rules.sql").read_text(), (SQL / "metadata_rules_reverse.sql").read_text()),
    ]
