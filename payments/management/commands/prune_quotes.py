"""manage.py prune_quotes"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments.exchange import services as exchange


class Command(BaseCommand):
    help = "Delete quotes that expired unused. Safe to repeat; meant for a daily timer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--older-than-hours", type=int, default=24, metavar="N", help="default: 24")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        hours = options["older_than_hours"]
        if not 1 <= hours <= 876_000:
            raise CommandError("--older-than-hours must be from 1 to 876000.")
        self.stdout.write(f"{exchange.prune_quotes(older_than_hours=hours)} quotes deleted")
