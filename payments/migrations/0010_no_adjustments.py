from django.db import migrations

# NOT VALID: what an operator booked by hand stays, and check_ledger names it.
_WITHOUT = """
ALTER DOMAIN till_transaction_kind DROP CONSTRAINT transaction_kind_known;
ALTER DOMAIN till_transaction_kind ADD CONSTRAINT transaction_kind_known CHECK (VALUE IN (
    'deposit', 'withdrawal', 'transfer', 'exchange', 'purchase', 'refund', 'reversal')) NOT VALID;
"""
_WITH = """
ALTER DOMAIN till_transaction_kind DROP CONSTRAINT transaction_kind_known;
ALTER DOMAIN till_transaction_kind ADD CONSTRAINT transaction_kind_known CHECK (VALUE IN (
    'deposit', 'withdrawal', 'transfer', 'exchange', 'purchase', 'refund', 'reversal', 'adjustment')) NOT VALID;
"""


class Migration(migrations.Migration):
    """PostgreSQL refuses adjustments: no service books them, so whoever does has no document to show for it."""

    dependencies = [("payments", "0009_settlement_scopes")]

    operations = [migrations.RunSQL(_WITHOUT, _WITH)]
