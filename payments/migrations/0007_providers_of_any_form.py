from pathlib import Path

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

SQL = Path(__file__).with_name("sql")
NAME = "providers_of_any_form"
#: In the order in which a webhook locks them, before anything else locks one of them.
LOCK = """
SET LOCAL statement_timeout = 0;
LOCK TABLE payments_wallet, payments_transaction, payments_posting, payments_webhookevent IN ACCESS EXCLUSIVE MODE;
"""


class Migration(migrations.Migration):
    """Providers with a form of their own, and what came beside the fields of a notice. No table is written anew."""

    dependencies = [
        ("payments", "0006_metadata_rules"),
    ]

    operations = [
        migrations.RunSQL(LOCK, migrations.RunSQL.noop),
        migrations.RemoveConstraint(
            model_name="provider",
            name="provider_scheme_known",
        ),
        migrations.AddField(
            model_name="provider",
            name="amount_pointer",
            field=models.CharField(
                blank=True, default="", db_default="", help_text="Where the amount stands.", max_length=200
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="amount_unit",
            field=models.CharField(
                blank=True,
                choices=[
                    ("major", "units, such as 12.50"),
                    ("minor", "minor units of the currency, such as 1250"),
                    ("hundredths", "hundredths, whatever the currency"),
                ],
                default="",
                db_default="",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="credited_types",
            field=models.CharField(
                blank=True,
                default="",
                db_default="",
                help_text="The types that credit, separated by spaces. All others are answered, and ignored.",
                max_length=500,
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="currency_pointer",
            field=models.CharField(
                blank=True,
                default="",
                db_default="",
                help_text="Where the currency's code stands. Empty: always the provider's currency.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="event_type_pointer",
            field=models.CharField(
                blank=True,
                default="",
                db_default="",
                help_text="Where the type of the event stands. Empty: every event is a payment.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="signature_algorithm",
            field=models.CharField(
                blank=True,
                choices=[("sha256", "HMAC-SHA-256"), ("sha512", "HMAC-SHA-512")],
                default="",
                db_default="",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="signature_encoding",
            field=models.CharField(
                blank=True,
                choices=[("hex", "hexadecimal"), ("base64", "base64")],
                default="",
                db_default="",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="signature_header",
            field=models.CharField(
                blank=True,
                default="",
                db_default="",
                help_text="The header that has the signature, such as x-paystack-signature.",
                max_length=50,
                validators=[
                    django.core.validators.RegexValidator(
                        "^[a-z0-9][a-z0-9-]*\\Z", "A header's name in lower case: letters, digits, hyphens."
                    )
                ],
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="signature_prefix",
            field=models.CharField(
                blank=True,
                default="",
                db_default="",
                help_text="What stands before the signature in its header, such as sha256=.",
                max_length=20,
                validators=[django.core.validators.RegexValidator("^[!-~]*\\Z", "Visible ASCII characters.")],
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="transaction_id_pointer",
            field=models.CharField(
                blank=True,
                default="",
                db_default="",
                help_text="Where the payment's own id stands: /data/object/id.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="user_pointer",
            field=models.CharField(
                blank=True,
                default="",
                db_default="",
                help_text="Where our user's id stands, as a number or text.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="wallet_pointer",
            field=models.CharField(
                blank=True,
                default="",
                db_default="",
                help_text="Where our wallet's id stands. Empty: the user's first wallet in the currency.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="body",
            field=models.TextField(blank=True, help_text="The notice as it came.", null=True),
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="currency",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="Of a notice with a field map. Else null: the provider's.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.currency",
            ),
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="headers",
            field=models.TextField(blank=True, help_text="Those that matter, a line each: never a secret.", null=True),
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="wallet_id",
            field=models.BigIntegerField(
                blank=True, help_text="What was credited, if the notice names none.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="provider",
            name="max_amount",
            field=models.DecimalField(
                blank=True,
                decimal_places=10,
                help_text="Refuse a single notice above this amount. It is of the provider's currency: with a limit, no other is taken.",
                max_digits=38,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="provider",
            name="scheme",
            field=models.CharField(
                choices=[
                    ("sha1_colon", "SHA-1 over fields joined by colons"),
                    ("sha256_concat", "SHA-256 over fields glued together"),
                    ("standard_webhooks", "Standard Webhooks (HMAC-SHA256 over the body)"),
                    ("stripe", "Stripe (HMAC-SHA256 over time and body)"),
                    ("hmac_body", "HMAC over the body, in a header"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="webhookevent",
            name="account_id",
            field=models.BigIntegerField(
                help_text="As the notice says; no such wallet need exist. 0: the user's first wallet in the currency."
            ),
        ),
        migrations.AddConstraint(
            model_name="provider",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("scheme__in", ["sha1_colon", "sha256_concat", "standard_webhooks", "stripe", "hmac_body"])
                ),
                name="provider_scheme_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="provider",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("scheme", "hmac_body"),
                        ("signature_algorithm__in", ["sha256", "sha512"]),
                        ("signature_encoding__in", ["hex", "base64"]),
                        ("signature_header__regex", "^[a-z0-9][a-z0-9-]*$"),
                    ),
                    models.Q(
                        models.Q(("scheme", "hmac_body"), _negated=True),
                        ("signature_algorithm", ""),
                        ("signature_encoding", ""),
                        ("signature_header", ""),
                        ("signature_prefix", ""),
                    ),
                    _connector="OR",
                ),
                name="provider_signature_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="provider",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("amount_pointer__startswith", "/"),
                        ("amount_unit__in", ["major", "minor", "hundredths"]),
                        ("scheme__in", ["stripe", "hmac_body"]),
                        ("transaction_id_pointer__startswith", "/"),
                        ("user_pointer__startswith", "/"),
                    ),
                    models.Q(
                        models.Q(("scheme__in", ["stripe", "hmac_body"]), _negated=True),
                        ("amount_pointer", ""),
                        ("transaction_id_pointer", ""),
                        ("user_pointer", ""),
                        ("wallet_pointer", ""),
                        ("amount_unit", ""),
                        ("credited_types", ""),
                        ("currency_pointer", ""),
                        ("event_type_pointer", ""),
                    ),
                    _connector="OR",
                ),
                name="provider_map_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="provider",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("credited_types", ""), ("event_type_pointer", "")),
                    models.Q(
                        models.Q(("event_type_pointer", ""), _negated=True),
                        models.Q(("credited_types", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="provider_types_have_pointer",
            ),
        ),
        migrations.RunSQL((SQL / f"{NAME}.sql").read_text(), LOCK + (SQL / f"{NAME}_reverse.sql").read_text()),
    ]
