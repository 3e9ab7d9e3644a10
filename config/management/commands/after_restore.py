"""manage.py after_restore"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Role, User
from config.database.restore import GAP, NoRoom, after_restore

MOST = 10**12


class Command(BaseCommand):
    help = (
        "Make a database safe that was restored to an earlier moment: no number that was given out since then is given"
        " to somebody else, and every login ends. Run it before the service starts. To repeat it is harmless."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--staff", required=True, metavar="EMAIL", help="the admin who answers for it")
        parser.add_argument("--gap", type=int, default=GAP, metavar="N", help=f"how far to move on; default: {GAP}")
        parser.add_argument("--yes", action="store_true", help="do it: everybody has to log in again")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        if not 1 <= options["gap"] <= MOST:
            raise CommandError(f"--gap must be from 1 to {MOST}.")
        by = User.objects.with_email(options["staff"]).filter(role=Role.ADMIN, is_active=True).first()
        if by is None:
            raise CommandError("--staff must be the email of an active admin.")
        if not options["yes"]:
            raise CommandError("Everybody will have to log in again, and ids jump. Say --yes to do it.")
        try:
            done = after_restore(by=by, gap=options["gap"])
        except NoRoom as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{done.sequences} sequences moved on, {done.logins} logins and {done.sessions} sessions ended"
        )
