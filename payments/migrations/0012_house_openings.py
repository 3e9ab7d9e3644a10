import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """What the house's wallets held when a month began, for the sums of the staff site's front page."""

    dependencies = [("payments", "0011_bank_reference_indexes")]

    operations = [
        migrations.CreateModel(
            name="HouseOpening",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("month", models.DateField(help_text="Its first day.")),
                ("balance", models.DecimalField(decimal_places=10, max_digits=38)),
                (
                    "wallet",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.wallet",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("wallet", "month"), name="house_opening_once")],
            },
        ),
    ]
