from django.db import migrations

from payments.database_guards import BOOKS_GUARDS


class Migration(migrations.Migration):
    """What lets PostgreSQL itself refuse books that are outdated (payments/database_guards.py)."""

    dependencies = [("payments", "0006_wallet_service_guards")]

    operations = [migrations.RunSQL(create, drop) for create, drop in BOOKS_GUARDS]
