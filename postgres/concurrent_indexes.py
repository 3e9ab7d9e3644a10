"""How a migration builds an index while others write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.contrib.postgres.operations import AddIndexConcurrently

# RESET would not bring back what Till set after it connected.
_KEEP_TIMEOUTS: Final = """
SELECT set_config('till.' || name, current_setting(name), false)
FROM unnest(ARRAY['lock_timeout', 'statement_timeout']) AS name
"""
_LIFT_TIMEOUTS: Final = "SET lock_timeout = 0; SET statement_timeout = 0"
# Null resets: a pooler may have given another connection meanwhile, where nothing was kept and nothing lifted.
_RESTORE_TIMEOUTS: Final = """
SELECT set_config(name, current_setting('till.' || name, true), false)
FROM unnest(ARRAY['lock_timeout', 'statement_timeout']) AS name
"""


class AddIndexBesideWriters(AddIndexConcurrently):
    """Takes as long as it takes, and waits for older transactions: it holds up nobody.

    Safe to repeat: what an interrupted one left is dropped first.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        with _without_timeouts(schema_editor):
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {self.index.name}")
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        with _without_timeouts(schema_editor):
            super().database_backwards(app_label, schema_editor, from_state, to_state)


@contextmanager
def _without_timeouts(schema_editor: Any) -> Iterator[None]:
    schema_editor.execute(_KEEP_TIMEOUTS)
    schema_editor.execute(_LIFT_TIMEOUTS)
    yield
    schema_editor.execute(_RESTORE_TIMEOUTS)
