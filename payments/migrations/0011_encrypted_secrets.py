"""Providers' secrets are encrypted from here on; needs TILL_ENCRYPTION_KEYS."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import migrations

import payments.models.fields
from payments.encryption import decrypt, encrypt

COLUMNS = ("secret", "previous_secret")


def _rewritten(change: Callable[[str, Any], str]) -> Callable[[Any, Any], None]:
    """Past the model: its field would take what stands there for encrypted."""

    def run(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT id, secret, previous_secret FROM payments_provider ORDER BY id FOR UPDATE")
            for key, *texts in cursor.fetchall():
                changed = [change(text, settings.TILL_ENCRYPTION_KEYS) if text else text for text in texts]
                cursor.execute(
                    "UPDATE payments_provider SET secret = %s, previous_secret = %s WHERE id = %s", [*changed, key]
                )

    return run


class Migration(migrations.Migration):
    dependencies = [("payments", "0010_no_adjustments")]

    operations = [
        migrations.AlterField(
            "provider",
            "secret",
            payments.models.fields.EncryptedField(max_length=255, help_text="The active secret. Never shown again."),
        ),
        migrations.AlterField(
            "provider",
            "previous_secret",
            payments.models.fields.EncryptedField(
                max_length=255, blank=True, help_text="Accepted as well while a secret is being rotated."
            ),
        ),
        migrations.RunPython(_rewritten(encrypt), _rewritten(decrypt)),
    ]
