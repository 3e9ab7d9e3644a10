from pathlib import Path

from django.db import migrations

SQL = Path(__file__).with_name("sql")


class Migration(migrations.Migration):
    """A revoked API key stays revoked."""

    dependencies = [("payments", "0012_house_openings"), ("accounts", "0004_apikey")]

    operations = [
        migrations.RunSQL((SQL / "api_keys.sql").read_text(), (SQL / "api_keys_reverse.sql").read_text()),
    ]
