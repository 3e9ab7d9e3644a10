"""The backend itself (ENGINE "config.database")."""

from functools import partial
from typing import Any

from django.db import OperationalError
from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper
from psycopg import ServerCursor
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

from config.database import idle_connections


class FirstStatementCursor(CursorWrapper):
    """Repeats the first statement of a connection from the pool over another one, if that one was lost meanwhile.

    Only where nothing can happen twice: a SELECT, or what begins an atomic block.
    """

    db: "DatabaseWrapper"
    cursor: Any

    def _execute(self, sql: Any, params: Any, *ignored: Any) -> Any:
        if not self.db.is_untried:
            return super()._execute(sql, params, *ignored)  # type: ignore[misc]  # not in the stubs
        self.db.is_untried = False
        is_repeatable = self.db.is_repeatable(sql)
        try:
            return super()._execute(sql, params, *ignored)  # type: ignore[misc]
        except OperationalError as error:
            if not is_repeatable or not idle_connections.is_lost(self.db.connection, error):
                raise
        self.db.replace_lost_connection()
        self.cursor = self.db.create_cursor()
        return super()._execute(sql, params, *ignored)  # type: ignore[misc]


class DatabaseWrapper(base.DatabaseWrapper):
    """`SESSION` in the entry of DATABASES names settings that each session is given.

    None: a pooler gives each transaction another session, so nothing is set in it.
    """

    #: The connection is the pool's, and has executed nothing since it was taken.
    is_untried = False

    @property
    def pool(self) -> Any:
        pool = super().pool
        if pool and pool._check is ConnectionPool.check_connection:  # Django gives no other choice
            pool._check = partial(idle_connections.ask_if_idle, pool)
        return pool

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        self.is_untried = self.pool is not None
        return connection

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        if self.is_untried and not isinstance(cursor, ServerCursor):
            return FirstStatementCursor(cursor, self)
        return super().make_cursor(cursor)

    def is_repeatable(self, sql: Any) -> bool:
        """Tell whether this statement could be executed a second time if its connection were lost now."""
        if self.connection.info.transaction_status != TransactionStatus.IDLE:
            return False  # there is an open transaction already, such as a pipeline's
        return not self.autocommit or (isinstance(sql, str) and sql.startswith("SELECT "))

    def replace_lost_connection(self) -> None:
        """Take another connection from the pool, without those that were lost with this one. The block stays open."""
        lost, self.connection = self.connection, None
        lost.close()
        self.pool.putconn(lost)
        self.pool.check()
        try:
            with self.wrap_database_errors:
                self.connection = self.get_new_connection(self.get_connection_params())
                self.connection.autocommit = self.autocommit
        except OperationalError:
            self.closed_in_transaction = self.needs_rollback = self.in_atomic_block
            raise
        self.is_untried = self.errors_occurred = False

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
