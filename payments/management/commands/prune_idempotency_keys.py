"""manage.py prune_idempotency_keys"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments.idempotency import service as idempotency


class Command(BaseCommand):
    help = "Forget old Idempotency-Keys and their stored answers. Safe to repeat; meant for a daily timer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--older-than-days", type=int, default=30, metavar="N", help="default: 30")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        days = options["older_than_days"]
        if not 1 <= days <= 36_500:
            raise CommandError("--older-than-days must be from 1 to 36500: a younger key may still be repeated.")
        self.stdout.write(f"{idempotency.prune(older_than_days=days)} idempotency keys forgotten")
