from django.db import migrations

from payments.database_guards import BOOKS_GUARDS

#: What a wallet's identity alone decides, and is checked when it is made from here on; and what follows from where its
#: sequence starts and that it never falls (BOOKS_GUARDS).
FIXED = (
    "wallet_owner_xor_house",
    "wallet_sequence_not_negative",
    "wallet_house_id",
    "wallet_id_positive",
    "wallet_house_known",
)


class Migration(migrations.Migration):
    """What a credit pays for: PostgreSQL refuses outdated books, and reads fewer rules to change a balance."""

    dependencies = [("payments", "0006_wallet_service_guards")]

    operations = [
        *(migrations.RunSQL(create, drop) for create, drop in BOOKS_GUARDS),
        *(migrations.RemoveConstraint("wallet", name) for name in FIXED),
    ]
