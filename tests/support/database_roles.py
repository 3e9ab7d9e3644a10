"""A role of the service's on the test's database, and a way to be it for a while."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from django.core.management import call_command
from django.db import connection
from psycopg import sql


class Login(NamedTuple):
    role: str
    password: str


def make_service_role() -> Login:
    """Make a role as docs/operations.md says, beside whatever roles there are, and give it its rights."""
    login = Login(f"service_of_{connection.settings_dict['NAME']}"[:63], secrets.token_urlsafe(16))
    drop_role(login.role)
    with connection.cursor() as cursor:
        statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        cursor.execute(statement.format(sql.Identifier(login.role), sql.Literal(login.password)))
    call_command("grant_service_role", login.role, verbosity=0)
    connection.close()
    return login


def drop_role(role: str) -> None:
    """Remove the role and its rights, where there is such a role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if cursor.fetchone():
            cursor.execute(sql.SQL("DROP OWNED BY {role}; DROP ROLE {role}").format(role=sql.Identifier(role)))
    connection.close()


@contextmanager
def connected_as(login: Login) -> Iterator[None]:
    """Every new connection of this process, in any thread, is the role's: by its password, not by SET ROLE."""
    settings = connection.settings_dict
    before = {name: settings[name] for name in ("USER", "PASSWORD")}
    _forget_connections()
    settings |= {"USER": login.role, "PASSWORD": login.password}
    try:
        yield
    finally:
        _forget_connections()
        settings |= before


def _forget_connections() -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # of Django's backend for PostgreSQL
