from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).with_name("sql")


class Migration(migrations.Migration):
    """What the bank calls the payment of an order. No row is written anew, and none is read."""

    dependencies = [("payments", "0009_metadata_indexes")]

    operations = [
        *(
            migrations.AddField(
                name,
                "bank_reference",
                models.CharField(
                    blank=True,
                    default="",
                    db_default="",
                    max_length=140,
                    help_text="The bank's own reference of the payment, as whoever settled it wrote it down.",
                ),
            )
            for name in ("deposit", "withdrawal")
        ),
        migrations.RunSQL((SQL / "bank_references.sql").read_text(), (SQL / "bank_references_reverse.sql").read_text()),
    ]
