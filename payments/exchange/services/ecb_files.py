"""The European Central Bank's reference rates as it publishes them: XML or CSV, units of a currency for one euro.

Whoever wrote the file is not trusted: no document type (so no entities), no number that is not plain, no second
value for a currency. Of a file with many days the newest counts.
"""

import csv
import re
import xml.parsers.expat as expat
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from api.decimals import parse_decimal
from payments.exchange.conversion import MAX_RATE, RATE_DECIMAL_PLACES

BASE = "EUR"
_CUBE = "http://www.ecb.int/vocabulary/2002-08-01/eurofxref Cube"
_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NO_RATE = ("", "N/A")
_LEAST = Decimal(1).scaleb(-RATE_DECIMAL_PLACES)


class MalformedSheet(Exception):
    """The file is not what the European Central Bank publishes."""


@dataclass(frozen=True, slots=True)
class RateSheet:
    """`prices` are units of each currency for one euro, the euro itself included."""

    day: date
    prices: dict[str, Decimal]


def read_sheet(content: bytes) -> RateSheet:
    """Read XML or CSV, told apart by their first character. Raises MalformedSheet naming line and currency."""
    days = _read_xml(content) if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else _read_csv(content)
    if not any(days.values()):
        raise MalformedSheet("The file holds no rates.")
    newest = max(day for day, prices in days.items() if prices)
    return RateSheet(newest, {BASE: Decimal(1)} | days[newest])


_Days = dict[date, dict[str, Decimal]]


def _read_xml(content: bytes) -> _Days:
    cubes = _Cubes()
    try:
        cubes.parser.Parse(content, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter two: of an odd encoding
        raise MalformedSheet(f"Not well-formed XML: {error}.") from None
    return cubes.days


class _Cubes:
    """Takes the rates out of `<Cube time=…><Cube currency=… rate=…/></Cube>` as the parser goes."""

    def __init__(self) -> None:
        self.days: _Days = {}
        self._day: date | None = None
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.StartElementHandler = self._start

    def _refuse_doctype(self, *_: object) -> None:
        raise MalformedSheet("The file declares a document type, which rates do not need and bombs are made of.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name != _CUBE:
            return
        line = self.parser.CurrentLineNumber
        if "time" in attributes:
            self._day = _day(attributes["time"], line)
            self.days.setdefault(self._day, {})
        elif "currency" in attributes:
            if self._day is None:
                raise MalformedSheet(f"Line {line}: a rate without a day.")
            _add(self.days[self._day], attributes["currency"], attributes.get("rate", ""), line)


def _read_csv(content: bytes) -> _Days:
    """A line of currencies, then a line for each day; both end with a comma."""
    try:
        lines = list(csv.reader(content.decode("utf-8-sig").splitlines(), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise MalformedSheet(f"Neither XML nor CSV: {error}.") from None
    header, days = _cells(lines[0]) if lines else [], {}
    if header[:1] != ["Date"]:
        raise MalformedSheet("Neither XML nor CSV of the European Central Bank: the first line begins with Date.")
    for number, line in enumerate(lines[1:], 2):
        cells = _cells(line)
        if cells:
            day, prices = _read_line(header, cells, number)
            if day in days:
                raise MalformedSheet(f"Line {number}: the day {day} is there twice.")
            days[day] = prices
    return days


def _read_line(header: list[str], cells: list[str], number: int) -> tuple[date, dict[str, Decimal]]:
    if len(cells) != len(header):
        raise MalformedSheet(f"Line {number}: {len(cells)} columns under {len(header)} headings.")
    prices: dict[str, Decimal] = {}
    for currency, text in zip(header[1:], cells[1:], strict=True):
        if text not in _NO_RATE:
            _add(prices, currency, text, number)
    return _day(cells[0], number), prices


def _cells(line: list[str]) -> list[str]:
    cells = [cell.strip() for cell in line]
    return cells[:-1] if cells and not cells[-1] else cells


def _day(text: str, line: int) -> date:
    try:
        return date.fromisoformat(text) if _ISO_DAY.fullmatch(text) else _spelt_day(text)
    except ValueError:
        raise MalformedSheet(f"Line {line}: {text[:40]!r} is no day.") from None


def _spelt_day(text: str) -> date:
    """21 November 2025, as the daily CSV writes it."""
    return datetime.strptime(f"{text} +0000", "%d %B %Y %z").date()


def _add(prices: dict[str, Decimal], currency: str, text: str, line: int) -> None:
    if not _CODE.fullmatch(currency) or currency == BASE or currency in prices:
        raise MalformedSheet(f"Line {line}: {currency[:40]!r} is no currency, the euro itself, or there twice.")
    price = parse_decimal(text)
    if price is None or not _LEAST <= price <= MAX_RATE:
        raise MalformedSheet(f"Line {line}, {currency}: {text[:40]!r} is no rate.")
    prices[currency] = price
