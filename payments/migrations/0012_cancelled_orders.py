from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Orders can end cancelled, by their owner and nobody else."""

    dependencies = [
        ("payments", "0011_encrypted_secrets"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="deposit",
            name="deposit_status_is_whole",
        ),
        migrations.RemoveConstraint(
            model_name="withdrawal",
            name="withdrawal_status_is_whole",
        ),
        migrations.AlterField(
            model_name="deposit",
            name="status",
            field=models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("paid", "Paid"),
                    ("rejected", "Rejected"),
                    ("cancelled", "Cancelled"),
                ],
                default="pending",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="withdrawal",
            name="status",
            field=models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("paid", "Paid"),
                    ("rejected", "Rejected"),
                    ("cancelled", "Cancelled"),
                ],
                default="pending",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="deposit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("settled_at__isnull", True), ("status", "pending"), ("transaction__isnull", True)),
                    models.Q(("settled_at__isnull", False), ("status", "paid"), ("transaction__isnull", False)),
                    models.Q(("settled_at__isnull", False), ("status", "rejected"), ("transaction__isnull", True)),
                    models.Q(
                        ("settled_at__isnull", False),
                        ("settled_by", models.F("user")),
                        ("settled_by__isnull", False),
                        ("status", "cancelled"),
                        ("transaction__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="deposit_status_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="withdrawal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("settled_at__isnull", True), ("status", "pending"), ("transaction__isnull", True)),
                    models.Q(("settled_at__isnull", False), ("status", "paid"), ("transaction__isnull", False)),
                    models.Q(("settled_at__isnull", False), ("status", "rejected"), ("transaction__isnull", True)),
                    models.Q(
                        ("settled_at__isnull", False),
                        ("settled_by", models.F("user")),
                        ("settled_by__isnull", False),
                        ("status", "cancelled"),
                        ("transaction__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="withdrawal_status_is_whole",
            ),
        ),
    ]
