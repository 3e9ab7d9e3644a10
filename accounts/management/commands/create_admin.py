"""Add the first staff member: `manage.py create_admin --email ops@example.com`."""

import getpass
import os
import sys
import warnings
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts import services
from accounts.models import Role


class Command(BaseCommand):
    help = "Add an active admin. The password comes from TILL_ADMIN_PASSWORD, from --password-stdin or a prompt."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--full-name", default="")
        parser.add_argument("--password-stdin", action="store_true", help="read one line from standard input")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        password = _password(from_stdin=options["password_stdin"])
        try:
            user = services.create_user(
                email=options["email"], password=password, full_name=options["full_name"], role=Role.ADMIN
            )
        except (services.EmailTaken, services.WeakPassword) as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Admin {user.email} has the id {user.pk}.")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if "TILL_ADMIN_PASSWORD" in os.environ:
        return os.environ["TILL_ADMIN_PASSWORD"]
    try:
        first, again = _prompt("Password: "), _prompt("Again: ")
    except (getpass.GetPassWarning, EOFError):
        message = "There is no terminal to ask for the password: set TILL_ADMIN_PASSWORD, or use --password-stdin."
        raise CommandError(message) from None
    if again != first:
        raise CommandError("The passwords differ.")
    return first


def _prompt(text: str) -> str:
    """Raise GetPassWarning where the password could be seen, and EOFError where none comes."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        return getpass.getpass(text)
