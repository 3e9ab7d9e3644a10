"""manage.py seed_currencies"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from payments.demo.data import open_demo_books
from payments.ledger.models import Currency
from payments.webhooks.models import Provider


class Command(BaseCommand):
    help = "Open the demo's currencies and webhook providers (development mode only). Safe to repeat."

    def handle(self, **_options: Any) -> None:
        if not settings.TILL_DEBUG:
            raise CommandError("The demo's providers sign with published secrets: only with TILL_DEBUG=1.")
        open_demo_books()
        self.stdout.write(f"{Currency.objects.count()} currencies, {Provider.objects.count()} providers")
