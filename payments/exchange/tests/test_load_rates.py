"""manage.py load_rates: the European Central Bank's files, and hostile ones; all of it or nothing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.demo.data import seed_rates
from payments.exchange import services as exchange
from payments.exchange.services.rate_import import MAX_BYTES
from payments.models import Currency, ExchangeRate
from tests.support import recipes
from tests.support.exchanges import store_rate

XML = """<?xml version="1.0" encoding="UTF-8"?>{doctype}
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
 xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><Cube>{days}</Cube></gesmes:Envelope>"""
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
OUTSIDE = '<!DOCTYPE x SYSTEM "file:///etc/passwd">'
CSV = "Date, USD, JPY, \n31 January 2025, 1.25, 160, \n"
pytestmark = pytest.mark.django_db


def sheet(*prices: tuple[str, str], day: str = "2025-01-31", doctype: str = "") -> str:
    return XML.format(days=a_day(*prices, day=day), doctype=doctype)


def a_day(*prices: tuple[str, str], day: str = "2025-01-31") -> str:
    cubes = "".join(f"<Cube currency='{code}' rate='{price}'/>\n" for code, price in prices)
    return f"<Cube time='{day}'>\n{cubes}</Cube>"


HONEST = sheet(("USD", "1.25"), ("JPY", "160"), ("SEK", "11.5"))


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., str]:
    """Load a text as the command does; what it prints."""

    def run(content: str | bytes, *arguments: str) -> str:
        file = tmp_path / "rates"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        out = StringIO()
        call_command("load_rates", str(file), *arguments, stdout=out)
        return out.getvalue()

    return run


def stands(source: str, target: str) -> Decimal:
    rate: Decimal = ExchangeRate.objects.get(source_currency=source, target_currency=target).rate
    return rate


# --- what it sets ---
@pytest.mark.parametrize("content", [HONEST, CSV, "Date,USD,JPY\n2025-01-31,1.25,160\n", "\ufeff" + HONEST])
def test_load_rates_sets_each_direction_between_currencies_in_use(load: Callable[..., str], content: str) -> None:
    printed = load(content)
    assert ExchangeRate.objects.count() == 6
    assert (stands("EUR", "USD"), stands("USD", "EUR")) == (Decimal("1.25"), Decimal("0.8"))
    assert (stands("USD", "JPY"), stands("JPY", "USD")) == (128, Decimal("0.0078125"))
    assert printed.startswith("6 rates set, as of 2025-01-31T15:00:00+00:00.")
    assert "too old" in printed
    assert "Not in the file: BTC, GBP." in printed


def test_load_rates_rounds_down_so_that_no_pair_gains(load: Callable[..., str]) -> None:
    printed = load(sheet(("USD", "1.0000001"), ("JPY", "3"), ("GBP", "0.7")))
    assert stands("JPY", "EUR") == Decimal("0.3333333333")
    assert "gains" not in printed


def test_load_rates_knows_when_the_rates_were_published(load: Callable[..., str]) -> None:
    load(HONEST)
    rates = ExchangeRate.objects.all()
    assert {one.as_of for one in rates} == {datetime(2025, 1, 31, 15, tzinfo=UTC)}
    assert {one.origin for one in rates} == {"ECB"}


def test_rates_of_today_are_never_from_the_future(load: Callable[..., str]) -> None:
    load(sheet(("USD", "1.25"), day=timezone.now().date().isoformat()))
    assert ExchangeRate.objects.latest("as_of").as_of <= timezone.now()


def test_of_many_days_the_newest_counts(load: Callable[..., str]) -> None:
    load("Date,USD,GBP,\n2025-01-30,1.5,0.8,\n2025-01-31,1.25,N/A,\n2025-01-29,1.1,0.7,\n")
    assert (stands("EUR", "USD"), ExchangeRate.objects.count()) == (Decimal("1.25"), 2)
    days = a_day(("USD", "1.3"), day="2025-02-03") + a_day(("USD", "1.2"), day="2025-01-31")
    load(XML.format(days=days, doctype=""))
    assert stands("EUR", "USD") == Decimal("1.3")


def test_load_rates_leaves_out_currencies_that_are_not_in_use(load: Callable[..., str]) -> None:
    Currency.objects.filter(pk="JPY").update(is_active=False)
    load(HONEST)
    assert set(ExchangeRate.objects.values_list("source_currency", flat=True)) == {"EUR", "USD"}


def test_load_rates_leaves_out_what_ten_decimals_cannot_say(load: Callable[..., str]) -> None:
    printed = load(sheet(("USD", "0.000001"), ("JPY", "1000000")))
    assert "Left out JPY to USD" in printed
    assert not ExchangeRate.objects.filter(source_currency="JPY", target_currency="USD").exists()
    assert stands("USD", "JPY") == 10**12


def test_load_rates_names_and_leaves_out_a_pair_that_would_lose_more_than_a_ten_thousandth(
    load: Callable[..., str],
) -> None:
    """A dong for 0.000000000375 of a coin would be stored as 0.0000000003: a fifth would stay with the house."""
    printed = load(sheet(("USD", "27000"), ("JPY", "0.000010125")))
    assert "Left out USD to JPY: ten decimals would cut off 20.00% of the rate." in printed
    assert not ExchangeRate.objects.filter(source_currency="USD", target_currency="JPY").exists()
    assert stands("EUR", "JPY") == Decimal("0.000010125")


@pytest.mark.parametrize(
    ("price", "is_set"), [("0.00000099999", True), ("0.000000998", True), ("0.00000033344", False)]
)
def test_the_bound_is_a_ten_thousandth_of_the_rate(load: Callable[..., str], price: str, is_set: bool) -> None:
    load(sheet(("USD", "1"), ("JPY", "1")))
    load(sheet(("USD", "10000"), ("JPY", f"{Decimal(price) * 10000:f}"), day="2025-02-03"), "--confirm")
    assert (stands("USD", "JPY") != 1) is is_set


def test_loading_twice_changes_nothing(load: Callable[..., str]) -> None:
    load(HONEST)
    before = list(ExchangeRate.objects.values("pk", "rate", "as_of"))
    assert load(HONEST).startswith("6 rates set")
    assert list(ExchangeRate.objects.values("pk", "rate", "as_of")) == before


# --- what it keeps ---
def test_an_older_file_never_replaces_newer_rates_unless_forced(load: Callable[..., str]) -> None:
    store_rate("USD", "EUR", "0.7")
    printed = load(HONEST)
    assert printed.startswith("5 rates set")
    assert "Kept USD to EUR: test" in printed
    assert stands("USD", "EUR") == Decimal("0.7")
    assert load(HONEST, "--force", "--confirm").startswith("6 rates set")
    assert stands("USD", "EUR") == Decimal("0.8")


def test_where_a_rate_would_move_by_more_than_a_tenth_it_is_named_and_none_is_set(load: Callable[..., str]) -> None:
    store_rate("USD", "EUR", "0.7", hours_old=10**5)
    store_rate("EUR", "USD", "1.3", hours_old=10**5)
    with pytest.raises(CommandError, match="1 rates would move by more than 10 %"):
        load(HONEST)
    assert (stands("USD", "EUR"), stands("EUR", "USD")) == (Decimal("0.7"), Decimal("1.3"))
    assert ExchangeRate.objects.count() == 2
    assert load(HONEST, "--confirm").startswith("6 rates set")
    assert stands("USD", "EUR") == Decimal("0.8")


def test_load_rates_says_which_pair_would_gain(load: Callable[..., str]) -> None:
    store_rate("USD", "EUR", "0.9")
    assert "Careful: EUR to USD and back gains" in load(HONEST)


# --- hostile and broken files ---
MALFORMED = {
    "an entity bomb": (sheet(("USD", "1"), doctype=BOMB), "document type"),
    "an entity from outside": (sheet(("USD", "1"), doctype=OUTSIDE), "document type"),
    "a document type alone": (sheet(("USD", "1"), doctype="<!DOCTYPE x>"), "document type"),
    "no rates": (sheet(), "no rates"),
    "nothing": ("", "first line begins with Date"),
    "a web page": ("<html><body>Not found</body></html>", "no rates"),
    "XML that breaks off": (HONEST[:-20], "Not well-formed"),
    "an encoding of its own": ('<?xml version="1.0" encoding="x-odd"?><a/>', "Not well-formed"),
    "a rate without a day": (XML.format(days="<Cube currency='USD' rate='1'/>", doctype=""), "without a day"),
    "an unknown day": (sheet(("USD", "1"), day="2025-02-30"), "'2025-02-30' is no day"),
    "a day to come": (sheet(("USD", "1"), day="9999-01-01"), "to come"),
    "a currency twice": (sheet(("USD", "1"), ("USD", "2")), "Line 5: 'USD'"),
    "the euro itself": (sheet(("EUR", "2")), "'EUR'"),
    "no currency": (sheet(("usd", "2")), "'usd'"),
    "a day twice": ("Date,USD\n2025-01-31,1\n2025-01-31,2\n", "Line 3: the day 2025-01-31 is there twice"),
    "too few columns": ("Date,USD,JPY\n2025-01-31,1\n", "Line 2: 2 columns under 3 headings"),
    "another table": ("Name,Price\nPen,5\n", "first line begins with Date"),
    "bytes": (b"\xff\xfe\x00\x01", "Neither XML nor CSV"),
    "a quote that never ends": ('Date,USD\n2025-01-31,"1', "Neither XML nor CSV"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_load_rates_loads_nothing_of(load: Callable[..., str], kind: str) -> None:
    content, reason = MALFORMED[kind]
    with pytest.raises(CommandError, match=reason) as raised:
        load(content)
    assert str(raised.value).endswith("Nothing was changed.")
    assert not ExchangeRate.objects.exists()


@pytest.mark.parametrize("number", ["0", "-1", "NaN", "Infinity", "1e3", "1,25", "", "٣", "0.00000000001", "9" * 300])
def test_load_rates_names_line_and_currency_of_a_bad_number_and_loads_nothing(
    load: Callable[..., str], number: str
) -> None:
    with pytest.raises(CommandError, match=r"Line 5, SEK: .* is no rate"):
        load(sheet(("USD", "1.25"), ("SEK", number)))
    if number not in ("", "1,25"):  # in CSV the first is no rate, and the second is two cells
        with pytest.raises(CommandError, match=r"Line 2, SEK: .* is no rate"):
            load(f"Date,USD,SEK\n2025-01-31,1.25,{number}\n")
    assert not ExchangeRate.objects.exists()


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=100).map(lambda tail: HONEST.encode()[:-60] + tail)))
def test_whatever_the_bytes_it_is_a_sheet_or_a_refusal(content: bytes) -> None:
    with suppress(exchange.MalformedSheet):
        assert exchange.read_sheet(content).prices["EUR"] == 1


def test_load_rates_refuses_more_than_a_megabyte(load: Callable[..., str]) -> None:
    with pytest.raises(CommandError, match="more than 1048576 bytes"):
        load(HONEST + " " * MAX_BYTES)


# --- where it reads ---
class _Bank(BaseHTTPRequestHandler):
    """Answers /rates, sends /moved elsewhere, and never ends /endless."""

    elsewhere: ClassVar[str] = "/rates"

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", self.elsewhere)
            self.end_headers()
        elif self.path == "/missing":
            self.send_error(404)
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(HONEST.encode() if self.path == "/rates" else b" " * (2 * MAX_BYTES))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Keep quiet."""


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bank)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_load_rates_reads_from_an_address(bank: str) -> None:
    call_command("load_rates", f"{bank}/rates", stdout=StringIO())
    assert stands("EUR", "USD") == Decimal("1.25")
    assert exchange.fetch(f"{bank}/moved") == HONEST.encode()


def test_load_rates_does_not_follow_an_address_into_the_file_system(bank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for target in ("file:///etc/passwd", "ftp://127.0.0.1/rates"):
        monkeypatch.setattr(_Bank, "elsewhere", target)
        with pytest.raises(exchange.Unreachable):
            exchange.fetch(f"{bank}/moved")
    with pytest.raises(exchange.Unreachable, match="only http and https"):
        exchange.fetch("file:///etc/passwd")


@pytest.mark.parametrize("path", ["missing", "endless"])
def test_load_rates_says_why_an_address_gives_nothing(bank: str, path: str) -> None:
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("load_rates", f"{bank}/{path}")


def test_load_rates_says_that_a_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("load_rates", str(tmp_path / "nothing"))


# --- the sample and the demo ---
def test_the_sample_ships_in_both_layouts_with_the_same_figures() -> None:
    xml = exchange.read_sheet(exchange.SAMPLE.read_bytes())
    assert xml == exchange.read_sheet(exchange.SAMPLE.with_name("eurofxref.csv").read_bytes())
    assert {"EUR", "USD", "JPY", "GBP", "CHF", "SEK", "PLN"} <= xml.prices.keys()


def test_the_sample_can_be_said_to_be_of_now() -> None:
    out = StringIO()
    call_command("load_rates", "sample", "--as-of", "now", stdout=out)
    assert "too old" not in out.getvalue()
    assert not any(exchange.is_stale(one) for one in ExchangeRate.objects.all())
    assert {one.origin for one in ExchangeRate.objects.all()} == {"ECB sample"}


def test_a_demo_of_last_week_can_exchange_today_and_keeps_what_staff_set(admin: Any) -> None:
    assert len(seed_rates().set) == 16
    ExchangeRate.objects.update(as_of=timezone.now() - timedelta(days=7))
    exchange.set_rate(source="USD", target="EUR", rate=Decimal("0.5"), staff=admin, confirm=True)
    assert seed_rates().gaining == []
    assert not any(exchange.is_stale(one) for one in ExchangeRate.objects.all())
    assert (ExchangeRate.objects.count(), stands("USD", "EUR")) == (16, Decimal("0.5"))
    assert stands("BTC", "EUR") == 80_000


def test_load_rates_takes_few_queries_whatever_the_number_of_currencies(
    load: Callable[..., str], django_assert_max_num_queries: Any
) -> None:
    codes = [f"X{chr(65 + number // 26)}{chr(65 + number % 26)}" for number in range(28)]
    recipes.currency.make(code=iter(codes), _quantity=len(codes), _bulk_create=True)
    with django_assert_max_num_queries(6):
        assert load(sheet(("USD", "1.1"), *((code, "2") for code in codes))).startswith("870 rates set")
