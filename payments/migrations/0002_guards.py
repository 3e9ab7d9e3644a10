from django.db import migrations

from payments.database_guards import GUARDS


class Migration(migrations.Migration):
    """The rules of money that hold without Python (payments/database_guards.py says each)."""

    dependencies = [("payments", "0001_initial")]

    operations = [migrations.RunSQL(create, drop) for create, drop in GUARDS]
