"""Pipelines: what is sent together is answered together, and a failure leaves the session usable."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import (
    DataError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)

from payments.models import Currency, Transaction
from postgres import pipeline_connection
from postgres.parameters import (
    BIGINT,
    DOCUMENT,
    NUMERIC,
    SEPARATOR,
    TEXT,
    RowsStatement,
    decimals,
    integers,
    texts,
)
from postgres.pipeline import Pipeline
from tests.support.sessions import end_sessions

PLANS = ("plan_cache_mode", "enable_seqscan", "enable_hashjoin", "enable_mergejoin")
BREAK = "SELECT 1 / $1::int"


def execute(statement: str, *parameters: str) -> list[tuple[Any, ...]]:
    """Run a pipeline of one statement."""
    pipeline = Pipeline()
    answer = pipeline.execute(statement, *parameters)
    pipeline.run()
    return answer()


def setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])


# --- arrays -------------------------------------------------------------------------------------------------

TEXTS = ["", "a", 'a"b', "a\\b", "{}", ",", "NULL", "null", " ", "\n\t\r", "ä€😀", "a','b", '\\"', "\\\\", "{a,b}"]


@pytest.mark.parametrize("given", [TEXTS, [], [""], ["", ""], *([text] for text in TEXTS)], ids=repr)
def test_texts_arrive_as_they_are(db: None, given: list[str]) -> None:
    with transaction.atomic():
        assert [row[0] for row in execute("SELECT unnest($1::text[])", texts(given))] == given


def test_choices_are_texts(db: None) -> None:
    with transaction.atomic():
        choices = texts([Transaction.Kind.DEPOSIT, "a b", Transaction.Kind.REFUND])
        assert execute("SELECT unnest($1::text[])", choices) == [("deposit",), ("a b",), ("refund",)]


@pytest.mark.parametrize("given", [[1, -2, None, 2**63 - 1], [None], [None, None], [0], []], ids=repr)
def test_numbers_and_their_absence_arrive_as_they_are(db: None, given: list[int | None]) -> None:
    with transaction.atomic():
        assert [row[0] for row in execute("SELECT unnest($1::bigint[])", integers(given))] == given


AMOUNTS = [Decimal("1E+2"), Decimal("-0.0000000001"), None, Decimal("9" * 28 + ".0123456789"), Decimal(0)]


def test_amounts_arrive_as_they_are(db: None) -> None:
    with transaction.atomic():
        assert [row[0] for row in execute("SELECT unnest($1::numeric[])", decimals(AMOUNTS))] == AMOUNTS


@pytest.mark.parametrize(
    "values", [["a\0b"], ["a", "\0"], ["\0"], ["a", None], [None, "a"], ["a", 1], [1, "a", None], [1]], ids=repr
)
def test_what_is_no_array_of_texts_is_refused(values: list[Any]) -> None:
    with pytest.raises(DataError):
        texts(values)


# --- rows ---------------------------------------------------------------------------------------------------

ECHO = RowsStatement("SELECT r.*, $4::int FROM {rows} AS r", BIGINT, TEXT, NUMERIC)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(2**63 - 1, "", Decimal("1E+2"))],
        [(None, "", None)],
        *([(7, text, Decimal("-0.0000000001"))] for text in TEXTS),
        [(1, "a", None), (None, "NULL", Decimal(0))],
    ],
    ids=repr,
)
def test_rows_arrive_as_they_are_however_many(db: None, rows: list[tuple[Any, ...]]) -> None:
    with transaction.atomic():
        pipeline = Pipeline()
        echoed = pipeline.execute_rows(rows, ECHO, "5")
        pipeline.run()
        assert echoed() == [(*row, 5) for row in rows]


@pytest.mark.parametrize("bad", ["a\0b", None, 5, b"x"], ids=repr)
@pytest.mark.parametrize("more", [[], [(2, "b", None)]], ids=["alone", "among others"])
def test_rows_that_cannot_be_kept_are_refused(bad: Any, more: list[tuple[Any, ...]]) -> None:
    with pytest.raises(DataError):
        ECHO.with_rows([(1, bad, None), *more])


DOCUMENTS = RowsStatement("SELECT * FROM {rows} AS r", BIGINT, DOCUMENT)


@pytest.mark.parametrize("given", [TEXTS, [], [""], ["", ""], ["x", ""], *([text] for text in TEXTS)], ids=repr)
def test_documents_arrive_as_they_are(db: None, given: list[str]) -> None:
    rows = [*enumerate(given)]
    with transaction.atomic():
        pipeline = Pipeline()
        echoed = pipeline.execute_rows(rows, DOCUMENTS)
        pipeline.run()
        assert echoed() == rows


@pytest.mark.parametrize("bad", ["a\0b", f"a{SEPARATOR}b", None, 5, b"x"], ids=repr)
def test_documents_that_could_not_be_told_apart_are_refused(bad: Any) -> None:
    with pytest.raises(DataError):
        DOCUMENTS.with_rows([(1, bad), (2, "b")])


# --- pipelines ----------------------------------------------------------------------------------------------


def test_statements_are_answered_in_their_order_and_one_twice(db: None) -> None:
    with transaction.atomic():
        pipeline = Pipeline()
        answers = [pipeline.execute("SELECT $1::int + 1", str(number)) for number in range(3)]
        empty = pipeline.execute("SELECT 1 WHERE false")
        pipeline.run()
        assert [answer() for answer in answers] == [[(1,)], [(2,)], [(3,)]]
        assert empty() == []


def test_more_than_fits_a_socket_arrives_and_comes_back(db: None) -> None:
    given = ["x" * 1000 + str(number) for number in range(20_000)]
    with transaction.atomic():
        pipeline = Pipeline()
        first, second = (pipeline.execute("SELECT unnest($1::text[])", texts(given)) for _ in range(2))
        pipeline.run()
        assert [row[0] for row in first()] == [row[0] for row in second()] == given


def test_a_pipeline_is_run_inside_an_atomic_block(committed_db: None) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        execute("SELECT 1")


def insert_currency(pipeline: Pipeline, code: str) -> None:
    pipeline.execute(
        "INSERT INTO payments_currency (code, name, decimal_places, is_active) VALUES ($1, 'X', 2, true)", code
    )


def test_a_failure_stops_what_follows_and_the_session_goes_on(committed_db: None) -> None:
    for _ in range(2):  # prepared in the first, known in the second
        pipeline = Pipeline(commit=True)
        insert_currency(pipeline, "XXA")
        pipeline.execute(BREAK, "0")
        insert_currency(pipeline, "XXB")
        with pytest.raises(DataError), transaction.atomic():
            pipeline.run()
        assert not Currency.objects.filter(code__startswith="XX").exists()
    with transaction.atomic():
        assert execute(BREAK, "1") == [(1,)]


def test_a_statement_that_cannot_be_prepared_is_named_and_tried_again(committed_db: None) -> None:
    for _ in range(2):
        with pytest.raises(ProgrammingError, match="nowhere"), transaction.atomic():
            execute("SELECT * FROM nowhere")
    with transaction.atomic():
        assert execute("SELECT 7") == [(7,)]


def test_a_broken_block_is_not_gone_on_with(db: None) -> None:
    with transaction.atomic():
        with pytest.raises(DataError), transaction.atomic(savepoint=False):
            execute(BREAK, "0")
        with pytest.raises(transaction.TransactionManagementError):
            execute("SELECT 1")
        transaction.set_rollback(True)


def test_the_commit_goes_along_and_only_from_the_outermost_block(committed_db: None) -> None:
    inner, outer = Pipeline(commit=True), Pipeline(commit=True)
    with transaction.atomic():
        with transaction.atomic():
            inner.execute("SELECT 1")
            inner.run()
        assert connection.connection.info.transaction_status.name == "INTRANS"
        outer.execute("SELECT 1")
        outer.run()
        assert connection.connection.info.transaction_status.name == "IDLE"
    assert connection.get_autocommit()


def test_a_pipeline_is_run_once(db: None) -> None:
    with transaction.atomic():
        pipeline = Pipeline()
        pipeline.execute("SELECT 1")
        pipeline.run()
        with pytest.raises(transaction.TransactionManagementError):
            pipeline.run()


def test_an_error_at_the_commit_is_the_pipelines(committed_db: None, alice: Any) -> None:
    pipeline = Pipeline(commit=True)
    pipeline.execute(
        "INSERT INTO payments_wallet (id, owner_id, currency_id, balance, held, sequence, created_at, may_overdraw)"
        " VALUES (5, $1::bigint, 'ZZZ', 0, 0, 0, now(), false)",
        str(alice.pk),
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        pipeline.run()
    assert connection.get_autocommit()


def test_plans_are_kept_for_the_block_only(committed_db: None) -> None:
    before = [setting(name) for name in PLANS]
    with transaction.atomic():
        execute("SELECT 1")
        assert [setting(name) for name in PLANS] == ["force_generic_plan", "off", "off", "off"]
    assert [setting(name) for name in PLANS] == before


def test_they_are_kept_in_a_block_that_began_otherwise_as_well(committed_db: None) -> None:
    """A statement has one plan in a session, whoever asks."""
    with transaction.atomic():
        assert setting("enable_seqscan") == "on"
        for _ in range(2):
            execute("SELECT 1")
            assert [setting(name) for name in PLANS] == ["force_generic_plan", "off", "off", "off"]


def test_a_table_that_a_migration_has_changed_is_read_again(committed_db: None) -> None:
    """PostgreSQL refuses the old plan: the session ends, and the next one makes a new one."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE changing (a varchar(5))")
    try:
        with transaction.atomic():
            execute("SELECT a FROM changing")
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE changing ALTER a TYPE varchar(6)")
        with pytest.raises(NotSupportedError), transaction.atomic():
            execute("SELECT a FROM changing")
        connection.close()
        with transaction.atomic():
            assert execute("SELECT a FROM changing") == []
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE changing")


def test_plans_that_somebody_has_discarded_are_made_again(committed_db: None) -> None:
    with transaction.atomic():
        execute("SELECT 1")
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    with pytest.raises(ProgrammingError), transaction.atomic():
        execute("SELECT 1")
    connection.close()
    with transaction.atomic():
        assert execute("SELECT 1") == [(1,)]


def test_a_lost_connection_is_told_and_the_next_one_works(committed_db: None) -> None:
    with transaction.atomic():
        execute("SELECT 1")
    with pytest.raises(OperationalError, match="administrator command"), transaction.atomic():
        execute("SELECT pg_terminate_backend(pg_backend_pid())")
    connection.close()
    with transaction.atomic():
        assert execute("SELECT 1") == [(1,)]
    end_sessions()


def test_an_interrupted_pipeline_leaves_no_results_to_the_next(
    committed_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_connection: pipeline_connection.PipelineConnection) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pipeline_connection.PipelineConnection, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt), transaction.atomic():
            execute("SELECT 1")
    connection.close()
    with transaction.atomic():
        assert execute("SELECT 2") == [(2,)]
