"""Questions: what many callers ask PostgreSQL at the same time, one statement for each kind of question."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from postgres.parameters import BIGINT, Column, RowsStatement
from postgres.pipeline import Pipeline
from postgres.pipeline_connection import Rows


class LockOrder(IntEnum):
    """The order in which a pipeline takes its locks, so that nobody waits in a circle. Wallets come after all these.

    One question locks all rows of a kind that plans may lock: two would not be in order among each other.
    """

    QUOTES = 1
    DEPOSITS = 2
    WITHDRAWALS = 3
    USERS = 4
    EXTERNAL_WALLETS = 5
    PRODUCTS = 6
    PURCHASES = 7
    RULES = 8


class Question:
    """A question with parameters, such as "which user owns wallet $1".

    In the statement, `{rows}` is a FROM item with the columns n, and then the parameters'. Its first result is n.
    With `order` it locks rows, by ascending id. Without, it sees what was committed while others held the locks.
    """

    def __init__(self, statement: str, *columns: Column, order: LockOrder | None = None) -> None:
        self.statement = RowsStatement(statement, BIGINT, *columns)
        self.order = order


class QuestionBatch:
    """What a batch asks. The same question with the same parameters is asked once."""

    def __init__(self) -> None:
        self._answers: dict[Question, dict[tuple[Any, ...], Rows]] = {}
        self._anew = 0

    def ask(self, question: Question, *parameters: Any) -> Rows:
        """Return a list that has the rows, without n, once the pipeline was run."""
        return self._answers.setdefault(question, {}).setdefault(parameters, [])

    def ask_anew(self, question: Question) -> Rows:
        """Ask something that has another answer each time, such as a new id. It gets a number as its parameter."""
        self._anew += 1
        return self.ask(question, self._anew)

    def queue_locking(self, pipeline: Pipeline) -> Callable[[], None]:
        """Queue the questions that lock rows, in LockOrder. Returns a function that fills the lists after the run."""
        locking = [question for question in self._answers if question.order is not None]
        return self._queue(sorted(locking, key=lambda question: question.order or 0), pipeline)

    def queue_reading(self, pipeline: Pipeline) -> Callable[[], None]:
        """Queue the other questions: after all locks. Returns a function that fills the lists after the run."""
        return self._queue([question for question in self._answers if question.order is None], pipeline)

    def _queue(self, questions: list[Question], pipeline: Pipeline) -> Callable[[], None]:
        queued = []
        for question in questions:
            answers = self._answers[question]
            rows = [(number, *parameters) for number, parameters in enumerate(answers)]
            queued.append(([*answers.values()], pipeline.execute_rows(rows, question.statement)))

        def fill() -> None:
            for lists, read in queued:
                for row in read():
                    lists[row[0]].append(row[1:])

        return fill
