"""manage.py rotate_secrets"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import services as accounts
from api.encryption import Undecryptable
from payments.deliveries import services as deliveries
from payments.webhooks import services


class Command(BaseCommand):
    help = (
        "Encrypt the secrets of providers, endpoints and second factors anew with the first of TILL_ENCRYPTION_KEYS. "
        "Safe to repeat. Afterwards the older keys can be taken out of the list."
    )

    def handle(self, **_options: Any) -> None:
        try:
            with transaction.atomic():
                providers, endpoints = services.reencrypt_secrets(), deliveries.reencrypt_secrets()
                users = accounts.reencrypt_second_factors()
        except Undecryptable:
            raise CommandError("No key of TILL_ENCRYPTION_KEYS decrypts one of the secrets. Nothing changed.") from None
        self.stdout.write(
            f"The secrets of {providers} providers, {endpoints} endpoints and {users} second factors are encrypted with"
            " the first key."
        )
