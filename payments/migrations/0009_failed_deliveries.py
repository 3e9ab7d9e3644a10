from django.db import migrations, models


class Migration(migrations.Migration):
    """The few deliveries that failed are found without a walk through all that arrived."""

    dependencies = [
        ("payments", "0008_first_attempts"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="eventdelivery",
            index=models.Index(
                fields=["endpoint", "id"], condition=models.Q(status="failed"), name="event_delivery_failed"
            ),
        ),
    ]
