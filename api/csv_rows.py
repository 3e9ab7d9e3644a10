"""Rows as CSV that is safe to open in a spreadsheet: quoted, no formula, no digit lost (docs/decisions/0020)."""

import csv
import io
import re
from collections.abc import Generator, Iterable, Sequence
from itertools import islice

#: Excel takes a file without it for the code page of the machine.
BYTE_ORDER_MARK = "\ufeff"
#: This mark makes a cell text. A program that reads the file has to drop one mark at the beginning of a cell.
TEXT_MARK = "'"
#: Significant digits that a spreadsheet keeps of a number.
KEPT_DIGITS = 15

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
#: The beginning of a formula (OWASP, CSV injection), also in full width, behind what is not seen; or the mark itself.
_FORMULA_OR_MARK = re.compile(
    r"[\t\r\n']|[\s\x00-\x1f\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff]*[=+@\-\uff1d\uff0b\uff20\uff0d"
    r"\ufe66\ufe62\ufe6b\ufe63\u2212\u2010-\u2015]"
)
#: What would be shown as another number: 007, 1e5, 1,000.
_LOOKS_LIKE_A_NUMBER = re.compile(r"\s*+[0-9.][0-9.,\s]*+(?:[eE][+-]?[0-9]+)?\s*", re.ASCII)


def safe_cell(value: object) -> str:
    """Return the value as text that no spreadsheet runs or rounds. Numbers that it keeps stay as they are."""
    text = "" if value is None else str(value)
    if _NUMBER.fullmatch(text):
        is_exact = len(text) <= KEPT_DIGITS or len(text.lstrip("-0.").replace(".", "")) <= KEPT_DIGITS
        return text if is_exact else TEXT_MARK + text
    if _FORMULA_OR_MARK.match(text) or _LOOKS_LIKE_A_NUMBER.fullmatch(text):
        return TEXT_MARK + text
    return text


def csv_chunks(rows: Iterable[Sequence[object]], *, lines: int) -> Generator[str]:
    """Yield the rows as CSV (RFC 4180: quoted where needed, CRLF), so many lines at a time: each chunk has its price.

    The first one begins with the byte order mark.
    """
    buffer = io.StringIO()
    buffer.write(BYTE_ORDER_MARK)
    writer = csv.writer(buffer)
    rows = iter(rows)
    while batch := list(islice(rows, lines)):
        writer.writerows([[safe_cell(value) for value in row] for row in batch])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
