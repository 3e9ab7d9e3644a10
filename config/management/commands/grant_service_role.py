"""manage.py grant_service_role"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction

from config.database import service_role


class Command(BaseCommand):
    help = (
        "Give the role that the service connects as exactly the rights that it needs, and take others away. Run it as"
        " the tables' owner after each migrate. Safe to repeat, and while the service runs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", nargs="?", default="till", help="An existing role that owns nothing (till).")

    def handle(self, *_: Any, **options: Any) -> None:
        role = options["role"]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT rolname = current_user FROM pg_roles WHERE rolname = %s", [role])
            row = cursor.fetchone()
            if not row:
                raise CommandError(f"There is no role {role}. CREATE ROLE {role} LOGIN PASSWORD '…' makes it.")
            if row[0]:
                raise CommandError(f"You are {role} yourself: connect as the tables' owner.")
            service_role.grant(cursor, role)
        self.stdout.write(f"The role {role} has the rights of the service.")
