"""How many long answers one user may be sent at a time, in all processes together."""

from contextlib import ExitStack

from django.db import connection, transaction

#: At a time, each user.
MAX_EXPORTS = 2
# Stops at the first that is free. One statement: who is refused comes back soon.
_LOCK = (
    f"SELECT CASE {'WHEN pg_try_advisory_xact_lock(hashtextextended(%s, 0)) THEN true ' * MAX_EXPORTS}ELSE false END"
)


class TooManyExports(Exception):
    """Two of your exports are being sent: read or close one of them first."""

    retry_after = 5


class ExportPlace:
    """One of a user's places, and the transaction that reads for it; both end with `close`, or with the connection."""

    def __init__(self, *, user_id: int) -> None:
        """Begin a transaction and lock a place in it. Raises TooManyExports."""
        self._open = ExitStack()
        with ExitStack() as opened:
            opened.enter_context(transaction.atomic())
            _take_a_place(user_id)
            self._open = opened.pop_all()

    def close(self) -> None:
        """Safe to repeat; for the thread that opened it."""
        self._open.close()


def _take_a_place(user_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [f"export {user_id} {place}" for place in range(MAX_EXPORTS)])
        if not cursor.fetchone()[0]:
            raise TooManyExports
