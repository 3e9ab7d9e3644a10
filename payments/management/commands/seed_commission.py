"""manage.py seed_commission"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from payments.demo.data import seed_commission


class Command(BaseCommand):
    help = "Charge the demo's commission on deposits and withdrawals (development mode only). Safe to repeat."

    def handle(self, **_options: Any) -> None:
        if not settings.TILL_DEBUG:
            raise CommandError("Staff decide what a real Till charges: only with TILL_DEBUG=1.")
        self.stdout.write(f"{seed_commission()} commission rules added")
