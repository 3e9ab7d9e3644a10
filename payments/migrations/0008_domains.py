from decimal import Decimal

from django.db import migrations, models
from django.db.models import Q

from payments.database_guards import LOCK_BOOKS, VALUE_GUARDS
from payments.models import fields


class Migration(migrations.Migration):
    """Rules about one value become types, which PostgreSQL reads once in a session and not for each statement.

    Rewrites the four tables that every webhook writes, and stops it meanwhile.
    """

    dependencies = [("payments", "0007_books")]

    operations = [
        migrations.RunSQL(LOCK_BOOKS, migrations.RunSQL.noop),
        migrations.RemoveConstraint("transaction", "transaction_kind_known"),
        migrations.RemoveConstraint("posting", "posting_amount_positive"),
        migrations.RemoveConstraint("posting", "posting_source_numbered"),
        migrations.RemoveConstraint("posting", "posting_destination_numbered"),
        migrations.RemoveConstraint("webhookevent", "event_amount_positive"),
        migrations.RemoveConstraint("webhookevent", "event_verdict_is_whole"),
        migrations.RemoveConstraint("wallet", "wallet_held_not_negative"),
        migrations.RemoveConstraint("wallet", "wallet_house_is_derived"),
        *(
            migrations.RunSQL(
                create,
                drop,
                state_operations=[
                    migrations.AlterField(
                        "transaction",
                        "kind",
                        fields.TextOfDomain(
                            choices=[
                                ("deposit", "Deposit"),
                                ("withdrawal", "Withdrawal"),
                                ("transfer", "Transfer"),
                                ("exchange", "Exchange"),
                                ("purchase", "Purchase"),
                                ("refund", "Refund"),
                                ("reversal", "Reversal"),
                                ("adjustment", "Adjustment"),
                            ],
                            domain="till_transaction_kind",
                            max_length=10,
                        ),
                    ),
                    migrations.AlterField("posting", "amount", fields.MoneyOfDomain(domain="till_amount")),
                    migrations.AlterField(
                        "posting", "source_sequence", fields.NumberOfDomain(domain="till_sequence", null=True)
                    ),
                    migrations.AlterField(
                        "posting", "destination_sequence", fields.NumberOfDomain(domain="till_sequence", null=True)
                    ),
                    migrations.AlterField("webhookevent", "amount", fields.MoneyOfDomain(domain="till_amount")),
                    migrations.AlterField(
                        "webhookevent",
                        "verdict",
                        fields.TextOfDomain(
                            choices=[
                                ("credited", "Credited"),
                                ("unmatched", "Unmatched"),
                                ("conflict", "Conflict"),
                            ],
                            domain="till_verdict",
                            max_length=10,
                        ),
                    ),
                    migrations.AlterField(
                        "wallet",
                        "balance",
                        fields.MoneyOfDomain(default=Decimal(0), domain="till_balance", editable=False),
                    ),
                    migrations.AlterField(
                        "wallet", "held", fields.MoneyOfDomain(default=Decimal(0), domain="till_held", editable=False)
                    ),
                ],
            )
            for create, drop in VALUE_GUARDS
        ),
        *(
            migrations.AddConstraint(
                "posting",
                models.CheckConstraint(
                    condition=Q(**{f"{side}_sequence__isnull": True, f"{side}_balance__isnull": True})
                    | Q(**{f"{side}_sequence__isnull": False, f"{side}_balance__isnull": False}),
                    name=f"posting_{side}_numbered",
                ),
            )
            for side in ("source", "destination")
        ),
        migrations.AddConstraint(
            "webhookevent",
            models.CheckConstraint(
                condition=Q(balance__isnull=False, reason="", transaction__isnull=False, verdict="credited")
                | (Q(balance__isnull=True, transaction__isnull=True) & ~Q(verdict="credited") & ~Q(reason="")),
                name="event_verdict_is_whole",
            ),
        ),
        # What the planner knows of a column goes with its type.
        migrations.RunSQL(
            "ANALYZE payments_wallet, payments_transaction, payments_posting, payments_webhookevent", LOCK_BOOKS
        ),
    ]
