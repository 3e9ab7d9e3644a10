"""manage.py seed_products"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from catalog.services.demo import add_demo_products
from payments.ledger.services.currencies import CurrencyUnavailable


class Command(BaseCommand):
    help = "Add the demo's products (development mode only). Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        if not settings.TILL_DEBUG:
            raise CommandError("A real shop has no use for the demo's products: only with TILL_DEBUG=1.")
        try:
            added = add_demo_products()
        except CurrencyUnavailable as error:
            raise CommandError("The demo's currencies are missing: run seed_currencies first.") from error
        self.stdout.write(f"{added} products added")
