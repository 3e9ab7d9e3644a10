from pathlib import Path

from django.db import migrations

SQL = Path(__file__).with_name("sql")
#: In this order: later ones use what earlier ones make.
SUBJECTS = ("products", "purchases")


class Migration(migrations.Migration):
    """The rules of the shop that PostgreSQL holds by itself."""

    dependencies = [("catalog", "0001_initial"), ("payments", "0002_guards")]

    operations = [
        migrations.RunSQL((SQL / f"{subject}.sql").read_text(), (SQL / f"{subject}_reverse.sql").read_text())
        for subject in SUBJECTS
    ]
