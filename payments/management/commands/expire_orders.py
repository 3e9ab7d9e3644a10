"""manage.py expire_orders"""

from argparse import ArgumentParser
from collections import Counter
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from payments.orders import services as orders


class Command(BaseCommand):
    help = (
        "Reject deposits and withdrawals that nobody settled in time, and give back what they hold. "
        "Safe to repeat and to run twice at once; meant for an hourly timer."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        default = settings.TILL_ORDER_EXPIRY_HOURS
        help_ = f"default: {default} (TILL_ORDER_EXPIRY_HOURS)"
        parser.add_argument("--older-than-hours", type=int, default=default, metavar="N", help=help_)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        hours = options["older_than_hours"]
        if not 1 <= hours <= 876_000:
            raise CommandError("--older-than-hours must be from 1 to 876000.")
        expired: Counter[str] = Counter(deposits=0, withdrawals=0)
        for kind, number in orders.expire_orders(older_than=timedelta(hours=hours)):
            expired[f"{kind._meta.model_name}s"] += number
            if options["verbosity"] > 1:
                self.stdout.write(f"… {expired['deposits']} deposits, {expired['withdrawals']} withdrawals")
        self.stdout.write(f"{expired['deposits']} deposits and {expired['withdrawals']} withdrawals expired")
