from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # orders are made and settled meanwhile

    dependencies = [("payments", "0012_cancelled_orders")]

    operations = [
        AddIndexConcurrently(
            kind,
            models.Index(fields=["user"], condition=models.Q(status="pending"), name=f"{kind}_pending_of_user"),
        )
        for kind in ("deposit", "withdrawal")
    ]
