from pathlib import Path

from django.db import migrations

SQL = Path(__file__).with_name("sql")
#: In this order: later ones use what earlier ones make.
SUBJECTS = ("ledger", "webhooks", "orders", "commission", "exchange", "transfers", "staff_log")


class Migration(migrations.Migration):
    """The rules of money that PostgreSQL holds by itself."""

    dependencies = [("payments", "0001_initial"), ("admin", "0003_logentry_add_action_flag_choices")]

    operations = [
        migrations.RunSQL((SQL / f"{subject}.sql").read_text(), (SQL / f"{subject}_reverse.sql").read_text())
        for subject in SUBJECTS
    ]
