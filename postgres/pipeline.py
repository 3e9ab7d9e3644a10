"""Pipelines: statements that are sent together and answered together. Each is prepared once in a session.

Django sends one statement at a time with its parameters written into it, so PostgreSQL parses and plans it anew. That
is most of the cost of a batch of webhooks (docs/decisions/0011). Everything else uses Django.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction

from postgres.parameters import RowsStatement, text
from postgres.pipeline_connection import PipelineConnection, Rows, Statement

Result = TypeVar("Result")
#: A generator that yields one pipeline after another. Either a thread runs them (`run`) or an event loop
#: (`EventLoopConnection`). All pipelines are one atomic block. One with `commit` ends it, and the next begins another.
PipelineSteps = Generator["Pipeline", None, Result]

# PostgreSQL would plan most of these statements anew each time, which costs as much as executing them. So it keeps one
# plan. A plan that was made for small tables must suit large ones too, so it always uses the indexes.
KEEP_PLANS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
KEEP_PLANS_IN_THIS_BLOCK = "SELECT " + ", ".join(  # our own words
    f"set_config('{name}', '{value}', true)" for name, value in KEEP_PLANS.items()
)

_pipeline_connections: WeakKeyDictionary[psycopg.Connection[Any], PipelineConnection] = WeakKeyDictionary()
#: For each session, the atomic block in which it has the settings of KEEP_PLANS.
_blocks_with_plans: WeakKeyDictionary[psycopg.Connection[Any], object] = WeakKeyDictionary()


def pipeline_connection_of(connection: psycopg.Connection[Any]) -> PipelineConnection:
    """Return the one PipelineConnection of a connection. It knows which statements the session has prepared."""
    pipeline_connection = _pipeline_connections.get(connection)
    if pipeline_connection is None:
        prepares = settings.TILL_POOLER != "transaction"
        pipeline_connection = _pipeline_connections[connection] = PipelineConnection(
            connection.pgconn, prepares=prepares
        )
    return pipeline_connection


class Pipeline:
    """Statements for one session, in an atomic block. Each sees what was committed while earlier ones waited for locks.

    With `commit`, the block's COMMIT is sent too, unless the block is an inner one. The next pipeline begins another
    block. With `flush_early`, PostgreSQL executes the statements while the steps go on, and nobody reads their results.
    """

    __slots__ = ("commit", "flush_early", "results", "statements")

    def __init__(self, *, commit: bool = False, flush_early: bool = False) -> None:
        if commit and flush_early:
            raise ValueError("a COMMIT is waited for")
        self.flush_early = flush_early
        self.statements: list[Statement] = []
        self.results: Sequence[Rows] | None = None
        self.commit = commit

    def execute(self, statement: str, *parameters: str) -> Callable[[], Rows]:
        """Queue a statement with its parameters $1, $2, … as text.

        Returns a function that reads its rows after the run. Raises DataError for what PostgreSQL cannot store.
        """
        return self._queue((statement, [*map(text, parameters)]))

    def execute_rows(
        self, rows: Sequence[tuple[Any, ...]], statement: RowsStatement, *others: str
    ) -> Callable[[], Rows]:
        """Queue a statement about rows, as `execute` does. Raises DataError for what PostgreSQL cannot store."""
        return self._queue(statement.with_rows(rows, *others))

    def _queue(self, statement: Statement) -> Callable[[], Rows]:
        number = len(self.statements)
        self.statements.append(statement)
        return lambda: (self.results or ())[number]

    def run(self, early: Sequence[Statement] = ()) -> None:
        """Run the `early` statements and then the pipeline in this thread's session, and wait for all results.

        Raises Django's database errors. Statements after the failed one were not executed then.
        """
        database: Any = connections[DEFAULT_DB_ALIAS]
        if not database.in_atomic_block or self.results is not None:
            raise transaction.TransactionManagementError("a pipeline runs once, inside an atomic block")
        database.validate_no_broken_transaction()
        database.ensure_connection()
        if database.queries_logged:
            database.queries_log.extend({"sql": statement, "time": ""} for statement, _ in (*early, *self.statements))
        connection, block = database.connection, database.atomic_blocks[0]
        has_plans = _blocks_with_plans.get(connection) is block
        before = [*early] if has_plans else [(KEEP_PLANS_IN_THIS_BLOCK, ()), *early]
        commits = self.commit and not database.savepoint_ids
        if commits:
            _blocks_with_plans.pop(connection, None)
        else:
            _blocks_with_plans[connection] = block
        with database.wrap_database_errors:
            results = pipeline_connection_of(connection).exchange([*before, *self.statements], commit=commits)
        self.results = results[len(before) :]


def run(steps: PipelineSteps[Result]) -> Result:
    """Run the steps' pipelines in this thread's session, in an atomic block. Returns the steps' result."""
    with transaction.atomic():
        early: list[Statement] = []
        while True:
            try:
                pipeline = next(steps)
            except StopIteration as end:
                if early:
                    Pipeline().run(early)
                result: Result = end.value
                return result
            if pipeline.flush_early:
                early += pipeline.statements
            else:
                pipeline.run(early)
                early = []
