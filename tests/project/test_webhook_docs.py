"""The table of answers in docs/webhooks.md is that of the code."""

import re
from pathlib import Path

from config.problems.table import PROBLEMS, every_problem
from payments.webhooks.receiving.outcomes import WebhookRefused

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text()


def documented_codes() -> set[tuple[int, str]]:
    rows = re.findall(r"^\| (\d{3}) \| ([^|]*) \|", PAGE, re.MULTILINE)
    return {(int(status), code) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}


def test_every_documented_answer_is_in_the_table_of_errors() -> None:
    known = {(problem.status, problem.code) for problem in every_problem()}
    assert documented_codes()
    assert documented_codes() <= known


def test_every_refusal_of_a_notice_is_documented() -> None:
    refusals = set(WebhookRefused.__subclasses__())
    assert {PROBLEMS[refusal].code for refusal in refusals} == {refusal.code for refusal in refusals}
    assert {(PROBLEMS[refusal].status, refusal.code) for refusal in refusals} <= documented_codes()
