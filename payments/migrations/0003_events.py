from pathlib import Path

import django.db.models.functions.datetime
from django.db import migrations, models

SQL = Path(__file__).with_name("sql")


class Migration(migrations.Migration):
    """Events with their positions, and the outbox that triggers write."""

    dependencies = [
        ("payments", "0002_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="EventSource",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("seen_to", models.BigIntegerField()),
                ("gaps", models.CharField()),
                ("watched", models.CharField()),
                ("writers", models.CharField()),
            ],
        ),
        migrations.CreateModel(
            name="OutboxEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("type", models.CharField(max_length=40)),
                ("data", models.JSONField()),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("position", models.BigIntegerField(primary_key=True, serialize=False)),
                ("type", models.CharField(max_length=40)),
                (
                    "source_id",
                    models.BigIntegerField(
                        help_text="The id of the row, in the table that events of this type come from."
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("type__in", ("wallet.credited", "wallet.debited")), _negated=True),
                        fields=["type", "position"],
                        name="event_of_rare_type",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="EventRelay",
            fields=[
                ("id", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ("last_position", models.BigIntegerField()),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="event_relay_is_one_row")],
            },
        ),
        migrations.RunSQL((SQL / "events.sql").read_text(), (SQL / "events_reverse.sql").read_text()),
    ]
