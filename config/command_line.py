"""What `manage.py` does around every command, ours and Django's: a database that is away is one line, as is Ctrl-C."""

import sys
from collections.abc import Sequence

from django.core.management import execute_from_command_line
from django.db import OperationalError, ProgrammingError, connections
from psycopg.errors import InsufficientPrivilege, UndefinedColumn, UndefinedFunction, UndefinedTable

INTERRUPTED = 130
#: It asks again and again, from several threads: a connection of its own each time cost more than what it asked.
WORKER = "worker"


def main(arguments: Sequence[str]) -> None:
    """Run a command. With --traceback whatever goes wrong is shown in full."""
    try:
        if list(arguments[1:2]) != [WORKER]:
            _use_no_pool()
        execute_from_command_line(list(arguments))
    except (KeyboardInterrupt, OperationalError, ProgrammingError) as error:
        if "--traceback" in arguments or (isinstance(error, ProgrammingError) and not _is_known(error)):
            raise
        sys.stderr.write(f"{_explained(error)}\n")
        sys.exit(INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1)


def _use_no_pool() -> None:
    """One connection is enough for a command, and says why it cannot be had, where a pool only says that it waited."""
    connections.settings["default"]["OPTIONS"].pop("pool", None)


def _is_known(error: ProgrammingError) -> bool:
    """Whether something is missing, or the role may not do this; any other mistake in SQL is one of ours."""
    return isinstance(error.__cause__, UndefinedTable | UndefinedColumn | UndefinedFunction | InsufficientPrivilege)


def _explained(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "Stopped."
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    if isinstance(error.__cause__, InsufficientPrivilege):
        return f"CommandError: The database role may not do this: {reason}: connect as the tables' owner."
    if isinstance(error, ProgrammingError):
        return f"CommandError: The database is not up to date: {reason}: run manage.py migrate."
    return f"CommandError: The database cannot be used: {reason}"
