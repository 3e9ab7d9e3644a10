"""Rows as CSV that is safe to open: streamed, quoted, and no cell that a spreadsheet would run."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

# What spreadsheet programs read as the beginning of a formula (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def safe_cell(value: object) -> str:
    """Return the value as text that no spreadsheet takes for a formula. Negative numbers stay as they are."""
    text = "" if value is None else str(value)
    if text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def csv_lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield each row as one CSV record (RFC 4180: quoted where needed, CRLF), never holding more than one."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow([safe_cell(value) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
