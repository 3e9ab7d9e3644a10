import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("payments", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Product",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=200)),
                (
                    "description",
                    models.TextField(blank=True, validators=[django.core.validators.MaxLengthValidator(5000)]),
                ),
                (
                    "price",
                    models.DecimalField(
                        decimal_places=10, help_text="For one piece; fits the currency's decimals.", max_digits=38
                    ),
                ),
                (
                    "stock",
                    models.PositiveIntegerField(blank=True, help_text="Pieces left; empty means unlimited.", null=True),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="on sale")),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "search_text",
                    models.TextField(editable=False, help_text="Title and description, folded; a line each."),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "currency",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Fixed once sold.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.currency",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.UniqueConstraint(fields=("id", "currency"), name="product_id_currency"),
                    models.CheckConstraint(
                        condition=models.Q(("title", ""), _negated=True), name="product_title_present"
                    ),
                    models.CheckConstraint(condition=models.Q(("price__gt", 0)), name="product_price_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("stock__isnull", True), ("stock__gte", 0), _connector="OR"),
                        name="product_stock_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Purchase",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=200)),
                ("quantity", models.PositiveSmallIntegerField()),
                ("unit_price", models.DecimalField(decimal_places=10, max_digits=38)),
                (
                    "amount",
                    models.DecimalField(
                        decimal_places=10, help_text="What was paid: the unit price times the quantity.", max_digits=38
                    ),
                ),
                (
                    "refunded",
                    models.DecimalField(
                        decimal_places=10, default=Decimal("0"), help_text="The sum of its refunds.", max_digits=38
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "currency",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.currency",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="purchases",
                        to="catalog.product",
                    ),
                ),
                (
                    "transaction",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="purchase", to="payments.transaction"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="purchases",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="purchases",
                        to="payments.wallet",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["user", "-id"], name="purchase_of_user")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("quantity__range", (1, 1000))), name="purchase_quantity_in_range"
                    ),
                    models.CheckConstraint(condition=models.Q(("unit_price__gt", 0)), name="purchase_price_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "amount",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("unit_price"), "*", models.F("quantity")
                                ),
                            )
                        ),
                        name="purchase_adds_up",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("refunded__gte", 0), ("refunded__lte", models.F("amount"))),
                        name="purchase_refunded_in_range",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("amount", models.DecimalField(decimal_places=10, max_digits=38)),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "purchase",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="refunds", to="catalog.purchase"
                    ),
                ),
                (
                    "transaction",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="refund", to="payments.transaction"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="refund_amount_positive")
                ],
            },
        ),
    ]
