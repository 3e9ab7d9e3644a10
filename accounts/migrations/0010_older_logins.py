"""Code of before 0006, which runs on while a release is replaced, goes on opening logins."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_second_factor"),
    ]

    operations = [
        migrations.AlterField(
            model_name="tokenfamily",
            name="user_agent",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
    ]
