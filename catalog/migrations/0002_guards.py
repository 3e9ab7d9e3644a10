from django.db import migrations

from catalog.database_guards import GUARDS


class Migration(migrations.Migration):
    """The rules of the shop that hold without Python (catalog/database_guards.py says each)."""

    dependencies = [("catalog", "0001_initial"), ("payments", "0002_guards")]

    operations = [migrations.RunSQL(create, drop) for create, drop in GUARDS]
