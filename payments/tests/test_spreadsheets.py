"""CSV that is safe to open in a spreadsheet."""

import csv
import io

import pytest

from payments.spreadsheets import csv_lines, safe_cell


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-", "--1", "-1e5", "-1.", "=HYPERLINK(1)"]
)
def test_what_a_spreadsheet_would_run_becomes_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Coffee", "-12.50", "12.50", "-3", "alice@example.com", "a=b"])
def test_names_and_numbers_stay_as_they_are(text: str) -> None:
    assert safe_cell(text) == text


def test_each_row_comes_back_as_it_was_written() -> None:
    rows = [["id", "note"], ["1", 'say "hi", twice'], ["2", "two\nlines"]]
    lines = list(csv_lines(rows))
    assert len(lines) == len(rows)
    assert list(csv.reader(io.StringIO("".join(lines), newline=""))) == rows


def test_nothing_is_read_ahead() -> None:
    rows = iter([["first"], ["second"]])
    next(csv_lines(rows))
    assert list(rows) == [["second"]]


def test_an_absent_value_is_an_empty_cell() -> None:
    assert list(csv_lines([[None, 0]])) == [",0\r\n"]
