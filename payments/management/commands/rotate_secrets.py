"""manage.py rotate_secrets"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments.webhooks import services
from payments.webhooks.encryption import Undecryptable


class Command(BaseCommand):
    help = (
        "Encrypt the providers' secrets anew with the first of TILL_ENCRYPTION_KEYS. Safe to repeat. Afterwards the "
        "older keys can be taken out of the list."
    )

    def handle(self, **_options: Any) -> None:
        try:
            count = services.reencrypt_secrets()
        except Undecryptable:
            raise CommandError("No key of TILL_ENCRYPTION_KEYS decrypts one of the secrets. Nothing changed.") from None
        self.stdout.write(f"The secrets of {count} providers are encrypted with the first key.")
