"""What a connection executes is what it was statements to, even if a pooler puts another client's session under it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from config.problems.problem_types import DATABASE_UNAVAILABLE
from config.problems.table import problem_for
from postgres.pipeline_connection import (
    BEGIN,
    COMMIT,
    ROLLBACK,
    PipelineConnection,
    is_stale_prepared_statement,
    name_of,
)

ONE, TWO = ("SELECT 1", ()), ("SELECT 2", ())


@pytest.fixture
def sessions(committed_db: None) -> Iterator[list[Any]]:
    """Two sessions of PostgreSQL."""
    parameters = connection.get_connection_params()
    opened = [psycopg.connect(**parameters, autocommit=True) for _ in range(2)]
    yield [session.pgconn for session in opened]
    for session in opened:
        session.close()


def client(session: Any, *order: Any) -> PipelineConnection:
    """Return a client that has prepared its statements in this order."""
    pipeline_connection = PipelineConnection(session)
    pipeline_connection.exchange(order, commit=True)
    return pipeline_connection


def swapped(one: PipelineConnection, other: PipelineConnection) -> None:
    """Do as a pooler in transaction mode: each gets the other's session for its next block."""
    one.libpq, other.libpq = other.libpq, one.libpq


def exchange_plainly(pipeline_connection: PipelineConnection, *statements: Any) -> None:
    """Send just this, and wait for the answers."""
    pipeline_connection.send(statements)
    pipeline_connection.wait()
    pipeline_connection.results()


def test_clients_that_prepared_in_another_order_execute_their_own_statements(sessions: list[Any]) -> None:
    """A COMMIT under another session's name for ROLLBACK would acknowledge what is not stored."""
    one, other = client(sessions[0], ONE, TWO), client(sessions[1], TWO, ONE)
    swapped(one, other)
    assert one.exchange([ONE, TWO], commit=True) == [[(1,)], [(2,)]]
    assert other.exchange([ONE, TWO], commit=True) == [[(1,)], [(2,)]]


def test_a_commit_is_never_another_clients_rollback(sessions: list[Any]) -> None:
    one, other = PipelineConnection(sessions[0]), PipelineConnection(sessions[1])
    for pipeline_connection, end in ((one, COMMIT), (other, ROLLBACK)):
        pipeline_connection.exchange([("CREATE TEMP TABLE kept AS SELECT 1 WHERE false", ())], commit=True)
        for statement in (BEGIN, ("INSERT INTO kept VALUES (1)", ()), end):
            exchange_plainly(pipeline_connection, statement)
    swapped(one, other)
    assert other.exchange([("SELECT count(*)::int FROM kept", ())], commit=True) == [[(1,)]]
    with pytest.raises(psycopg.errors.InvalidSqlStatementName):  # nobody has prepared a COMMIT there
        exchange_plainly(one, BEGIN, ("INSERT INTO kept VALUES (1)", ()), COMMIT)


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        ((ONE,), (TWO,), psycopg.errors.InvalidSqlStatementName),
        ((), (ONE,), psycopg.errors.DuplicatePreparedStatement),
    ],
    ids=["not there", "there already"],
)
def test_a_strange_session_ends_the_connection_and_the_answer_is_to_come_back(
    sessions: list[Any], here: Any, there: Any, expected: type[Exception]
) -> None:
    one, other = client(sessions[0], *here), client(sessions[1], *there)
    swapped(one, other)
    with pytest.raises(expected) as raised:
        one.exchange([ONE], commit=True)
    assert is_stale_prepared_statement(raised.value)
    assert problem_for(raised.value) is DATABASE_UNAVAILABLE
    with pytest.raises(psycopg.OperationalError):
        one.exchange([ONE], commit=True)


def test_without_names_nothing_is_left_in_a_session(sessions: list[Any]) -> None:
    one, other = PipelineConnection(sessions[0], prepares=False), PipelineConnection(sessions[1], prepares=False)
    statements = [("SELECT $1::int + $2::int", (b"1", None)), ("SELECT $1::text", (b"x",)), ONE, TWO, ONE]
    for _ in range(2):
        assert one.exchange(statements, commit=True) == [[(None,)], [("x",)], [(1,)], [(2,)], [(1,)]]
        swapped(one, other)
    [left] = one.exchange([("SELECT count(*)::int FROM pg_prepared_statements", ())], commit=True)
    assert left == [(0,)]


def test_names_follow_from_the_text_alone() -> None:
    assert name_of("SELECT 1") == name_of("SELECT 1")
    names = {name_of(statement) for statement in ("SELECT 1", "SELECT 2", "SELECT 1 ", COMMIT[0], ROLLBACK[0])}
    assert len(names) == 5
    assert all(name.startswith(b"till_") and len(name) == len(b"till_") + 16 for name in names)
