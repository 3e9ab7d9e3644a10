from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    """Time never falls in a wallet. PostgreSQL rewrites nothing: wallets that are there have moved now, at the latest."""

    dependencies = [("payments", "0015_hold_bookings")]

    operations = [
        migrations.AddField(
            "wallet",
            "moved_at",
            models.DateTimeField(
                db_default=Now(),
                editable=False,
                help_text="No transaction of this wallet is later: the next is not earlier, whatever the clock says.",
            ),
        )
    ]
