import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    """New events that are sent for the first time have one row together, in place of one each."""

    dependencies = [
        ("payments", "0007_providers_of_any_form"),
    ]

    operations = [
        migrations.CreateModel(
            name="EventBatch",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "positions",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                ("claimed_until", models.DateTimeField(help_text="Then somebody else may send them.")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="batches",
                        to="payments.eventendpoint",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AlterField(
            model_name="eventendpoint",
            name="position",
            field=models.BigIntegerField(help_text="Up to this event every one has its delivery, or is being sent."),
        ),
    ]
