"""Errors as RFC 9457 problems: the one table, the answers made from it, and the handlers."""

from config.problems.handlers import ProblemMiddleware, exception_handler
from config.problems.problem_types import Problem
from config.problems.responses import ProblemResponse, problem_body, problem_response, response_for
from config.problems.table import PROBLEMS, problem_for

__all__ = [
    "PROBLEMS",
    "Problem",
    "ProblemMiddleware",
    "ProblemResponse",
    "exception_handler",
    "problem_body",
    "problem_for",
    "problem_response",
    "response_for",
]
