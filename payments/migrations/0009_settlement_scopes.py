import payments.models.fields
from django.conf import settings
from django.db import migrations, models


#: Without a scope a service could settle everything: such a one goes on, by a scope that staff sees and can remove.
KEEP_RIGHTS = """
INSERT INTO payments_settlementscope (service_id, everything)
SELECT id, true FROM accounts_user WHERE role = 'service'
AND NOT EXISTS (SELECT FROM payments_settlementscope scope WHERE scope.service_id = accounts_user.id)
"""
TAKE_BACK = "DELETE FROM payments_settlementscope WHERE everything"


class Migration(migrations.Migration):
    """Without a scope nothing; "everything" is a scope; a scope may have a limit for each order."""

    dependencies = [
        ("payments", "0008_domains"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="settlementscope",
            name="settlement_scope_names_one",
        ),
        migrations.AddField(
            model_name="settlementscope",
            name="everything",
            field=models.BooleanField(default=False, help_text="Orders of every currency and every provider."),
        ),
        migrations.AddField(
            model_name="settlementscope",
            name="max_amount",
            field=payments.models.fields.MoneyField(
                blank=True, help_text="Of one order, in the scope's currency; none: no limit.", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="settlementscope",
            constraint=models.UniqueConstraint(
                condition=models.Q(("everything", True)), fields=("service",), name="settlement_scope_everything_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="settlementscope",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("currency__isnull", True), ("everything", True), ("provider__isnull", True)),
                    models.Q(
                        ("everything", False),
                        models.Q(("currency__isnull", False), ("provider__isnull", False), _connector="OR"),
                    ),
                    _connector="OR",
                ),
                name="settlement_scope_names_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlementscope",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("max_amount__isnull", True),
                    models.Q(("currency__isnull", False), ("max_amount__gt", 0)),
                    _connector="OR",
                ),
                name="settlement_scope_limit_has_currency",
            ),
        ),
        migrations.RunSQL(KEEP_RIGHTS, TAKE_BACK),
    ]
