"""CSV that is safe to open in a spreadsheet, and that loses nothing there."""

import csv
import io

import pytest

from api.csv_rows import BYTE_ORDER_MARK, csv_chunks, safe_cell


@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-", "--1", "-1e5", "-1.", "=HYPERLINK(1)"),
        *("\uff1d1+1", "\uff0b1", "\uff0dA1", "\uff20SUM(A1)", "\ufe661", "\u2212A1"),  # in full width, and their like
        *(" =1+1", "\u00a0=1", "\u3000\uff1d1", "\u200b=1", "\ufeff=1", "\x00=1", "\x0b=1", " \n +1"),
    ],
)
def test_what_a_spreadsheet_would_run_becomes_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text",
    [
        *("9000000000000001", "-9000000000000001", "123456789012345.67", "0.1234567890123456"),  # over fifteen digits
        *("007", "1e5", "1,000", "1.5E+3", "0x".replace("x", "0"), " 12 ", "1."),  # what would be another number
    ],
)
def test_what_a_spreadsheet_would_round_becomes_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "Coffee",
            "-12.50",
            "12.50",
            "-3",
            "0",
            "alice@example.com",
            "a=b",
            "Fish & chips",
            "2026-01-31T12:00:00Z",
        ),
        *("123456789012345", "-1234567890123.45", "0.0000000001", "1000.0000000001", "0.00000123456789012345"[:17]),
    ],
)
def test_names_and_numbers_that_it_keeps_stay_as_they_are(text: str) -> None:
    assert safe_cell(text) == text


@pytest.mark.parametrize("text", ["'quoted'", "9000000000000001", "=1+1", "'", "''", "plain"])
def test_a_program_gets_back_what_was_written(text: str) -> None:
    """By the one rule of the docs: drop one apostrophe at the beginning."""
    assert safe_cell(text).removeprefix("'") == text


def test_each_row_comes_back_as_it_was_written() -> None:
    rows = [["id", "note"], ["1", 'say "hi", twice'], ["2", "two\nlines"]]
    chunks = list(csv_chunks(rows, lines=2))
    assert len(chunks) == 2
    text = "".join(chunks).removeprefix(BYTE_ORDER_MARK)
    assert list(csv.reader(io.StringIO(text, newline=""))) == rows


def test_a_csv_file_begins_with_the_mark_of_its_encoding_once() -> None:
    text = "".join(csv_chunks([["\u00fc"], ["b"]], lines=1))
    assert (text[0], text.count(BYTE_ORDER_MARK)) == (BYTE_ORDER_MARK, 1)


def test_nothing_is_read_ahead() -> None:
    rows = iter([["first"], ["second"], ["third"]])
    next(csv_chunks(rows, lines=2))
    assert list(rows) == [["third"]]


def test_an_absent_value_is_an_empty_cell() -> None:
    assert list(csv_chunks([[None, 0]], lines=9)) == [f"{BYTE_ORDER_MARK},0\r\n"]
