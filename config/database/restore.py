"""Prepares a database that was restored to an earlier moment, once, before the service starts on it.

Owners, providers and tokens still have the numbers that were given out after that moment. Nobody else may get one.
"""

from collections.abc import Sequence
from typing import NamedTuple

from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection, transaction

from accounts import tokens
from accounts.models import User
from payments.events import relay
from staff import history

OUR_APPS = ("accounts", "payments", "catalog")
#: Far more than any sequence has given out since the moment that was restored.
GAP = 10_000_000

_SEQUENCES = """
SELECT sequence.seqrelid::regclass::text, sequence.seqmax
FROM pg_sequence sequence
JOIN pg_depend owned ON owned.objid = sequence.seqrelid AND owned.classid = 'pg_class'::regclass
    AND owned.refclassid = 'pg_class'::regclass AND owned.deptype IN ('a', 'i')
WHERE owned.refobjid::regclass::text = ANY(%s)
ORDER BY 1
"""


class NoRoom(Exception):
    """A sequence would end before the gap does."""


class RestoreResult(NamedTuple):
    sequences: int
    logins: int
    sessions: int


def after_restore(*, by: User, gap: int = GAP) -> RestoreResult:
    """Move all sequences and the events' positions on by the gap; end every login; note it under `by` in the staff log.

    Stop the service first, because it keeps what it has read. Repeating this moves on once more, and does no harm.
    Raises NoRoom.
    """
    with transaction.atomic():
        logins = tokens.end_all_of_everybody()
        sessions, _ = Session.objects.all().delete()
        moved = move_sequences(gap)
        relay.leap(gap)
        text = f"After a restore: {len(moved)} sequences moved on by {gap}, {logins} logins and all sessions ended."
        history.record(about=by, staff=by, text=text)
    return RestoreResult(len(moved), logins, sessions)


def move_sequences(gap: int) -> Sequence[str]:
    """Move the next id of each of our tables on by the gap. Returns the sequences' names. Raises NoRoom."""
    tables = [
        model._meta.db_table
        for app in OUR_APPS
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCES, [tables])
        sequences = cursor.fetchall()
        for name, greatest in sequences:
            cursor.execute("SELECT nextval(%s)", [name])
            number = cursor.fetchone()[0] + gap
            if number >= greatest:
                raise NoRoom(f"{name} ends at {greatest}, before {number}.")
            cursor.execute("SELECT setval(%s, %s)", [name, number])
    return [name for name, _ in sequences]
