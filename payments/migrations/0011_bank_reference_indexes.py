from django.db import migrations, models

from postgres.concurrent_indexes import AddIndexBesideWriters


class Migration(migrations.Migration):
    """Staff search orders by them. Not atomic, so that all of this can be repeated."""

    atomic = False
    dependencies = [("payments", "0010_bank_references")]

    operations = [
        AddIndexBesideWriters(
            name,
            models.Index(
                fields=["bank_reference"], condition=~models.Q(bank_reference=""), name=f"{name}_bank_reference"
            ),
        )
        for name in ("deposit", "withdrawal")
    ]
