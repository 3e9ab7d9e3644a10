from django.db import migrations

from payments.database_guards import SERVICE_GUARDS


class Migration(migrations.Migration):
    """The rules of orders, holds, commission and exchange that hold without Python (payments/database_guards.py)."""

    dependencies = [("payments", "0005_wallet_service")]

    operations = [migrations.RunSQL(create, drop) for create, drop in SERVICE_GUARDS]
