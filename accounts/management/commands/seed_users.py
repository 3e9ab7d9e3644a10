"""Add the demo's users: `manage.py seed_users`; with `--count 10000` also users for load tests."""

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.demo_users import DEMO_PASSWORD
from accounts.services.seeding import add_demo_users, add_load_users


class Command(BaseCommand):
    help = "Add the demo users (safe to repeat) and print their logins. Only where TILL_DEBUG is on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--count", type=int, default=0, metavar="N", help="add N more for load tests")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        if not settings.TILL_DEBUG:
            raise CommandError("The demo's password is public: users are added only with TILL_DEBUG=1.")
        if options["count"] < 0:
            raise CommandError("--count cannot be negative.")
        for user in add_demo_users():
            self.stdout.write(f"{user.role:<6} {user.email} / {DEMO_PASSWORD}  (id {user.pk})")
        self._add_load_users(options["count"])

    def _add_load_users(self, total: int) -> None:
        if not total:
            return
        done, started = 0, time.monotonic()
        for size in add_load_users(count=total):
            done += size
            if self.stderr.isatty():
                self._show_progress(done, total, time.monotonic() - started)
        if self.stderr.isatty():
            self.stderr.write("")
        self.stdout.write(f"Added {total} users load_user_<n>@example.com / {DEMO_PASSWORD}")

    def _show_progress(self, done: int, total: int, seconds: float) -> None:
        bar = "#" * (30 * done // total)
        rate = done / max(seconds, 0.001)
        self.stderr.write(
            f"\rusers {100 * done // total:3}%|{bar:<30}| {done}/{total} [{seconds:.0f} s, {rate:.0f}/s]",
            ending="",
        )
        self.stderr.flush()
