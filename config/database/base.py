"""The backend itself (ENGINE "config.database")."""

from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """`SESSION` in the entry of DATABASES names settings that each session is given.

    None: a pooler gives each transaction another session, so nothing is set in it.
    """

    def _configure_connection(self, connection: Any) -> bool:
        """Set the session's settings when it is new: PgBouncer refuses a client that asks for them as it connects."""
        has_begun = super()._configure_connection(connection)  # type: ignore[misc]  # not in the stubs
        session = self.settings_dict.get("SESSION")
        if not session:
            return bool(has_begun)
        calls = ", ".join(["set_config(%s, %s, false)"] * len(session))
        connection.execute(f"SELECT {calls}", [part for pair in session.items() for part in pair])
        return True

    def chunked_cursor(self) -> Any:
        """Outside a block, a cursor of the server's would be in another session by its next fetch."""
        if self.settings_dict.get("SESSION", {}) is None and not self.in_atomic_block:
            return self.cursor()
        return super().chunked_cursor()
