from pathlib import Path

from django.db import migrations

SQL = Path(__file__).with_name("sql")


class Migration(migrations.Migration):
    """What the models of users cannot say."""

    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RunSQL((SQL / "throttling.sql").read_text(), (SQL / "throttling_reverse.sql").read_text()),
    ]
