import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        # A database of the migrations before these has some of the same names applied: this one makes Django refuse it.
        ("accounts", "0002_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="Currency",
            fields=[
                (
                    "code",
                    models.CharField(
                        help_text="ISO 4217 where there is one, such as USD.",
                        max_length=10,
                        primary_key=True,
                        serialize=False,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z][A-Z0-9]{2,9}\\Z", "3 to 10 capital letters or digits."
                            )
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                (
                    "decimal_places",
                    models.PositiveSmallIntegerField(
                        help_text="Digits after the point that may cross the edge of the system, 0 to 10. Fixed once chosen.",
                        validators=[django.core.validators.MaxValueValidator(10)],
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
            ],
            options={
                "verbose_name_plural": "currencies",
                "ordering": ["code"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("decimal_places__lte", 10)), name="currency_decimal_places"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("code__regex", "^[A-Z][A-Z0-9]{2,9}$")), name="currency_code"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Wallet",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "house",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("clearing", "Clearing (the outside world)"),
                            ("sales", "Sales"),
                            ("commission", "Commission"),
                            ("exchange", "Exchange"),
                            ("suspense", "Suspense"),
                        ],
                        max_length=10,
                        null=True,
                    ),
                ),
                (
                    "balance",
                    models.DecimalField(decimal_places=10, default=Decimal("0"), editable=False, max_digits=38),
                ),
                ("held", models.DecimalField(decimal_places=10, default=Decimal("0"), editable=False, max_digits=38)),
                ("sequence", models.BigIntegerField(default=0, editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "currency",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="wallets",
                        to="payments.currency",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="wallets",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "may_overdraw",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Staff may reverse what came in even when it is spent: the balance then falls below zero.",
                    ),
                ),
                (
                    "moved_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                        help_text="No transaction of this wallet is later: the next is not earlier, whatever the clock says.",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.UniqueConstraint(fields=("id", "currency"), name="wallet_id_currency"),
                    models.UniqueConstraint(
                        condition=models.Q(("house__isnull", False)), fields=("house", "currency"), name="wallet_house"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("balance__gte", models.F("held")), ("may_overdraw", True), _connector="OR"),
                        name="wallet_balance_covers_held",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HouseCheckpoint",
            fields=[
                (
                    "wallet",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="payments.wallet",
                    ),
                ),
                ("balance", models.DecimalField(decimal_places=10, max_digits=38)),
                ("posting_id", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Transaction",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
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
                        max_length=10,
                    ),
                ),
                (
                    "reference",
                    models.CharField(
                        blank=True,
                        help_text="Where it comes from, such as the provider's own transaction id.",
                        max_length=255,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(help_text="Given under the locks of the wallets: rises with their sequence."),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Posting",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("amount", models.DecimalField(decimal_places=10, max_digits=38)),
                ("source_sequence", models.BigIntegerField(null=True)),
                ("source_balance", models.DecimalField(decimal_places=10, max_digits=38, null=True)),
                ("destination_sequence", models.BigIntegerField(null=True)),
                ("destination_balance", models.DecimalField(decimal_places=10, max_digits=38, null=True)),
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
                    "destination",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="postings_in",
                        to="payments.wallet",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="postings_out",
                        to="payments.wallet",
                    ),
                ),
                (
                    "transaction",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="postings", to="payments.transaction"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("source", models.F("destination")), _negated=True),
                        name="posting_sides_differ",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("source_balance__isnull", True), ("source_sequence__isnull", True)),
                            models.Q(("source_balance__isnull", False), ("source_sequence__isnull", False)),
                            _connector="OR",
                        ),
                        name="posting_source_numbered",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("destination_balance__isnull", True), ("destination_sequence__isnull", True)),
                            models.Q(("destination_balance__isnull", False), ("destination_sequence__isnull", False)),
                            _connector="OR",
                        ),
                        name="posting_destination_numbered",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("source_sequence__isnull", False)),
                        fields=("source", "source_sequence"),
                        name="posting_source_sequence",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("destination_sequence__isnull", False)),
                        fields=("destination", "destination_sequence"),
                        name="posting_destination_sequence",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reversal",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("reason", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "original",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reversal", to="payments.transaction"
                    ),
                ),
                (
                    "staff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "transaction",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reverses", to="payments.transaction"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("original", models.F("transaction")), _negated=True),
                        name="reversal_of_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="reversal_reason_present"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Provider",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "slug",
                    models.CharField(
                        help_text="Stands in the address: /api/v1/webhooks/{slug}.",
                        max_length=50,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9][a-z0-9_-]*\\Z", "Lower-case letters, digits, hyphen and underscore."
                            )
                        ],
                    ),
                ),
                (
                    "scheme",
                    models.CharField(
                        choices=[
                            ("sha1_colon", "SHA-1 over fields joined by colons"),
                            ("sha256_concat", "SHA-256 over fields glued together"),
                            ("standard_webhooks", "Standard Webhooks (HMAC-SHA256 over the body)"),
                        ],
                        max_length=20,
                    ),
                ),
                ("secret", models.TextField(help_text="The active secret. Never shown again.", max_length=255)),
                (
                    "previous_secret",
                    models.TextField(
                        blank=True, help_text="Accepted as well while a secret is being rotated.", max_length=255
                    ),
                ),
                (
                    "requires_uuid",
                    models.BooleanField(
                        default=False,
                        help_text="Refuse transaction ids that are no UUID; protects the glued scheme from shifted digits.",
                        verbose_name="requires UUID transaction ids",
                    ),
                ),
                (
                    "max_amount",
                    models.DecimalField(
                        blank=True,
                        decimal_places=10,
                        help_text="Refuse a single notice above this amount.",
                        max_digits=38,
                        null=True,
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                (
                    "updated_at",
                    models.DateTimeField(auto_now=True, help_text="Tells workers that their copy is out of date."),
                ),
                (
                    "currency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.currency"
                    ),
                ),
            ],
            options={
                "ordering": ["slug"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("secret", ""), _negated=True), name="provider_secret_present"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("max_amount__isnull", True), ("max_amount__gt", 0), _connector="OR"),
                        name="provider_max_amount_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("scheme__in", ["sha1_colon", "sha256_concat", "standard_webhooks"])),
                        name="provider_scheme_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("external_id", models.CharField(help_text="The provider's transaction_id.", max_length=200)),
                ("user_id", models.BigIntegerField(help_text="As the notice says; no such user need exist.")),
                ("account_id", models.BigIntegerField(help_text="As the notice says; no such wallet need exist.")),
                ("amount", models.DecimalField(decimal_places=10, max_digits=38)),
                (
                    "verdict",
                    models.CharField(
                        choices=[("credited", "Credited"), ("unmatched", "Unmatched"), ("conflict", "Conflict")],
                        max_length=10,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True, help_text="The error code that the provider was answered.", max_length=40
                    ),
                ),
                (
                    "balance",
                    models.DecimalField(
                        blank=True,
                        decimal_places=10,
                        help_text="The wallet's balance after the credit: the first result.",
                        max_digits=38,
                        null=True,
                    ),
                ),
                ("received_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "provider",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="payments.provider",
                    ),
                ),
                (
                    "transaction",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.transaction",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("verdict", "credited"), _negated=True),
                        fields=["-id"],
                        name="event_needs_attention",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("verdict", "conflict"), _negated=True),
                        fields=("provider", "external_id"),
                        name="event_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("verdict", "conflict")),
                        fields=("provider", "external_id", "user_id", "account_id", "amount"),
                        name="event_conflict_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("balance__isnull", False),
                                ("reason", ""),
                                ("transaction__isnull", False),
                                ("verdict", "credited"),
                            ),
                            models.Q(
                                ("balance__isnull", True),
                                ("transaction__isnull", True),
                                models.Q(("verdict", "credited"), _negated=True),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="event_verdict_is_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CommissionRule",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "operation",
                    models.CharField(
                        choices=[
                            ("deposit", "Deposit"),
                            ("withdrawal", "Withdrawal"),
                            ("transfer", "Transfer"),
                            ("exchange", "Exchange"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "percent",
                    models.DecimalField(
                        decimal_places=10,
                        default=Decimal("0"),
                        help_text="Of the amount: 1.5 is one and a half percent.",
                        max_digits=13,
                    ),
                ),
                (
                    "fixed",
                    models.DecimalField(
                        decimal_places=10, default=Decimal("0"), help_text="Added to the percentage.", max_digits=38
                    ),
                ),
                (
                    "minimum",
                    models.DecimalField(
                        decimal_places=10,
                        default=Decimal("0"),
                        help_text="At least this, but never more than the amount.",
                        max_digits=38,
                    ),
                ),
                (
                    "maximum",
                    models.DecimalField(
                        blank=True,
                        decimal_places=10,
                        help_text="At most this; empty for no limit.",
                        max_digits=38,
                        null=True,
                    ),
                ),
                (
                    "valid_from",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), help_text="Empty: from now on."
                    ),
                ),
                ("valid_until", models.DateTimeField(blank=True, help_text="Empty: until it is ended.", null=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "currency",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.currency",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("operation__in", ["deposit", "withdrawal", "transfer", "exchange"])),
                        name="commission_operation_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("percent__gte", 0), ("percent__lte", 100)),
                        name="commission_percent_in_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("fixed__gte", 0), ("minimum__gte", 0)), name="commission_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("maximum__isnull", True), ("maximum__gte", models.F("minimum")), _connector="OR"
                        ),
                        name="commission_maximum_in_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_until__isnull", True), ("valid_until__gt", models.F("valid_from")), _connector="OR"
                        ),
                        name="commission_period",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ExternalWallet",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("label", models.CharField(max_length=100)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("bank", "Bank account"),
                            ("card", "Card"),
                            ("crypto", "Crypto address"),
                            ("other", "Other"),
                        ],
                        max_length=10,
                    ),
                ),
                ("details", models.JSONField(help_text="By kind, validated; of a card only the masked tail.")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "currency",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.currency",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="external_wallets",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["owner", "-id"], name="external_wallet_of_owner")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("label", ""), _negated=True), name="external_wallet_label_present"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["bank", "card", "crypto", "other"])),
                        name="external_wallet_kind_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Deposit",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("amount", models.DecimalField(decimal_places=10, max_digits=38)),
                (
                    "commission",
                    models.DecimalField(
                        decimal_places=10, default=Decimal("0"), help_text="Part of the amount.", max_digits=38
                    ),
                ),
                (
                    "status",
                    models.CharField(
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
                ("reason", models.CharField(blank=True, help_text="Why it was rejected.", max_length=200)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
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
                    "provider",
                    models.ForeignKey(
                        blank=True,
                        help_text="Who is to settle it.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.provider",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.commissionrule",
                    ),
                ),
                (
                    "settled_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "transaction",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)s",
                        to="payments.transaction",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="payments.wallet",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["user", "-id"], name="deposit_of_user"),
                    models.Index(condition=models.Q(("status", "pending")), fields=["id"], name="deposit_pending"),
                    models.Index(
                        condition=models.Q(("status", "pending")), fields=["user"], name="deposit_pending_of_user"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="deposit_amount_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("commission__gte", 0), ("commission__lte", models.F("amount"))),
                        name="deposit_commission_in_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("settled_at__isnull", True), ("status", "pending"), ("transaction__isnull", True)
                            ),
                            models.Q(("settled_at__isnull", False), ("status", "paid"), ("transaction__isnull", False)),
                            models.Q(
                                ("settled_at__isnull", False), ("status", "rejected"), ("transaction__isnull", True)
                            ),
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
                ],
            },
        ),
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("amount", models.DecimalField(decimal_places=10, max_digits=38)),
                (
                    "commission",
                    models.DecimalField(
                        decimal_places=10, default=Decimal("0"), help_text="Part of the amount.", max_digits=38
                    ),
                ),
                (
                    "status",
                    models.CharField(
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
                ("reason", models.CharField(blank=True, help_text="Why it was rejected.", max_length=200)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
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
                    "external_wallet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="withdrawals",
                        to="payments.externalwallet",
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        blank=True,
                        help_text="Who is to settle it.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.provider",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.commissionrule",
                    ),
                ),
                (
                    "settled_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "transaction",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)s",
                        to="payments.transaction",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="payments.wallet",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["user", "-id"], name="withdrawal_of_user"),
                    models.Index(condition=models.Q(("status", "pending")), fields=["id"], name="withdrawal_pending"),
                    models.Index(
                        condition=models.Q(("status", "pending")), fields=["user"], name="withdrawal_pending_of_user"
                    ),
                    models.Index(condition=models.Q(("status", "pending")), fields=["wallet"], name="withdrawal_holds"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="withdrawal_amount_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("commission__gte", 0), ("commission__lte", models.F("amount"))),
                        name="withdrawal_commission_in_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("settled_at__isnull", True), ("status", "pending"), ("transaction__isnull", True)
                            ),
                            models.Q(("settled_at__isnull", False), ("status", "paid"), ("transaction__isnull", False)),
                            models.Q(
                                ("settled_at__isnull", False), ("status", "rejected"), ("transaction__isnull", True)
                            ),
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
                ],
            },
        ),
        migrations.CreateModel(
            name="SettlementScope",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "currency",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.currency",
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.provider",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="settlement_scopes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "everything",
                    models.BooleanField(default=False, help_text="Orders of every currency and every provider."),
                ),
                (
                    "max_amount",
                    models.DecimalField(
                        blank=True,
                        decimal_places=10,
                        help_text="Of one order, in the scope's currency; none: no limit.",
                        max_digits=38,
                        null=True,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("service", "currency", "provider"), name="settlement_scope_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("provider__isnull", True)),
                        fields=("service", "currency"),
                        name="settlement_scope_currency_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("currency__isnull", True)),
                        fields=("service", "provider"),
                        name="settlement_scope_provider_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("everything", True)),
                        fields=("service",),
                        name="settlement_scope_everything_once",
                    ),
                    models.CheckConstraint(
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
                    models.CheckConstraint(
                        condition=models.Q(
                            ("max_amount__isnull", True),
                            models.Q(("currency__isnull", False), ("max_amount__gt", 0)),
                            _connector="OR",
                        ),
                        name="settlement_scope_limit_has_currency",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ExchangeRate",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("rate", models.DecimalField(decimal_places=10, max_digits=28)),
                ("origin", models.CharField(help_text="Who says so, such as ECB.", max_length=60)),
                ("as_of", models.DateTimeField(help_text="When it was said; too old a rate is refused.")),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "source_currency",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.currency",
                    ),
                ),
                (
                    "target_currency",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.currency",
                    ),
                ),
            ],
            options={
                "ordering": ["source_currency", "target_currency"],
                "constraints": [
                    models.UniqueConstraint(fields=("source_currency", "target_currency"), name="exchange_rate_once"),
                    models.CheckConstraint(
                        condition=models.Q(("rate__gt", 0), ("rate__lte", Decimal("999999999999999999"))),
                        name="exchange_rate_in_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("source_currency", models.F("target_currency")), _negated=True),
                        name="exchange_rate_currencies_differ",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Quote",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "amount",
                    models.DecimalField(decimal_places=10, help_text="Of the source's currency.", max_digits=38),
                ),
                ("rate", models.DecimalField(decimal_places=10, max_digits=28)),
                (
                    "proceeds",
                    models.DecimalField(
                        decimal_places=10,
                        help_text="Of the target's currency: ten decimals, rounded down.",
                        max_digits=38,
                    ),
                ),
                (
                    "commission",
                    models.DecimalField(
                        decimal_places=10,
                        default=Decimal("0"),
                        help_text="Of the source's currency, on top of the amount.",
                        max_digits=38,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("expires_at", models.DateTimeField()),
                (
                    "rule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.commissionrule",
                    ),
                ),
                (
                    "source_currency",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.currency",
                    ),
                ),
                (
                    "target_currency",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.currency",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["user", "-id"], name="quote_of_user")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0), ("proceeds__gt", 0), ("rate__gt", 0)),
                        name="quote_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commission__gte", 0), ("commission__lte", models.F("amount"))),
                        name="quote_commission_in_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("source_currency", models.F("target_currency")), _negated=True),
                        name="quote_currencies_differ",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("created_at"))), name="quote_expires_later"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Exchange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "amount",
                    models.DecimalField(decimal_places=10, help_text="Of the source's currency.", max_digits=38),
                ),
                ("rate", models.DecimalField(decimal_places=10, max_digits=28)),
                (
                    "proceeds",
                    models.DecimalField(
                        decimal_places=10,
                        help_text="Of the target's currency: ten decimals, rounded down.",
                        max_digits=38,
                    ),
                ),
                (
                    "commission",
                    models.DecimalField(
                        decimal_places=10,
                        default=Decimal("0"),
                        help_text="Of the source's currency, on top of the amount.",
                        max_digits=38,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "remainder",
                    models.DecimalField(
                        decimal_places=20,
                        help_text="What rounding the proceeds down left with the house.",
                        max_digits=20,
                    ),
                ),
                (
                    "destination",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.wallet",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.commissionrule",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.wallet",
                    ),
                ),
                (
                    "source_currency",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.currency",
                    ),
                ),
                (
                    "target_currency",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.currency",
                    ),
                ),
                (
                    "transaction",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="exchange", to="payments.transaction"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "quote",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="exchange",
                        to="payments.quote",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["user", "-id"], name="exchange_of_user")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0), ("proceeds__gt", 0), ("rate__gt", 0)),
                        name="exchange_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commission__gte", 0), ("commission__lte", models.F("amount"))),
                        name="exchange_commission_in_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("source_currency", models.F("target_currency")), _negated=True),
                        name="exchange_currencies_differ",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("remainder__gte", 0), ("remainder__lt", Decimal("1E-10"))),
                        name="exchange_remainder_in_range",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Transfer",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("amount", models.DecimalField(decimal_places=10, max_digits=38)),
                (
                    "commission",
                    models.DecimalField(
                        decimal_places=10, default=Decimal("0"), help_text="On top of the amount.", max_digits=38
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=200)),
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
                    "destination",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.wallet",
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.commissionrule",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.wallet",
                    ),
                ),
                (
                    "transaction",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="transfer", to="payments.transaction"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Who sent it.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["user", "-id"], name="transfer_of_user"),
                    models.Index(fields=["recipient", "-id"], name="transfer_of_recipient"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="transfer_amount_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("commission__gte", 0), ("commission__lte", models.F("amount"))),
                        name="transfer_commission_in_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("source", models.F("destination")), _negated=True),
                        name="transfer_wallets_differ",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=255)),
                (
                    "fingerprint",
                    models.CharField(help_text="SHA-256 of the request, in lower-case hex.", max_length=64),
                ),
                (
                    "status",
                    models.PositiveSmallIntegerField(
                        help_text="null only while the request is being answered.", null=True
                    ),
                ),
                ("body", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "key"), name="idempotency_key_once"),
                    models.CheckConstraint(
                        condition=models.Q(("key__regex", "^[!-~]{1,255}$")), name="idempotency_key_visible_ascii"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("fingerprint__regex", "^[0-9a-f]{64}$")), name="idempotency_fingerprint"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("body", ""), ("status__isnull", True)),
                            models.Q(
                                ("status__isnull", False),
                                ("status__range", (200, 499)),
                                models.Q(("body", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="idempotency_answer_is_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerCheck",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("checked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("postings", models.BigIntegerField(help_text="How many were recomputed.")),
                ("differences", models.BigIntegerField(help_text="0: the books balance.")),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
    ]
