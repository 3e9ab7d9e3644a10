"""Take away the second factor of somebody who lost it: `manage.py reset_second_factor ops@example.com`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import services
from accounts.models import User


class Command(BaseCommand):
    help = "Take away a user's second factor and end all their logins: for the last admin, whom no other can help."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        user = User.objects.with_email(options["email"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['email']}.")
        try:
            services.reset_second_factor(user_id=user.pk, by=None)
        except services.NoSecondFactor:
            raise CommandError(f"{user.email} has no second factor.") from None
        self.stdout.write(f"{user.email} signs in with the password alone now. All their logins have ended.")
