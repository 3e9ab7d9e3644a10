"""Loading a sheet of rates: every pair of currencies in use that it knows, all of them or none."""

import http.client
import time as clock
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from urllib import request as url_request
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from payments.exchange.conversion import MAX_RATE, MAX_RATE_LOSS, cross_rate, cross_rate_loss, gains, moves_far
from payments.exchange.models import ExchangeRate
from payments.exchange.services.ecb_files import MalformedSheet, RateSheet
from payments.ledger.models import Currency

#: The form in which the European Central Bank's file ships with Till; its figures are made up.
SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "eurofxref-daily.xml"
ORIGIN, SAMPLE_ORIGIN = "ECB", "ECB sample"
#: The daily file has 2 KB, all days since 1999 have some hundreds.
MAX_BYTES = 1024 * 1024
ANSWER_SECONDS = 10
WHOLE_SECONDS = 30
#: Rates are published around 16:00 CET, which is this in UTC.
PUBLISHED = time(15, tzinfo=UTC)

Pair = tuple[str, str]


class Unreachable(Exception):
    """The rates could not be fetched: no such file, no answer, too slow or too large."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of each pair.

    `moving` would move by more than 10 %, so nothing was set. `gaining` are pairs where there and back
    would gain. Both are for staff to look at.
    `imprecise` are left out: pairs of whose rate ten decimals would cut off more than MAX_RATE_LOSS, with the share.
    """

    as_of: datetime
    set: list[ExchangeRate] = field(default_factory=list)
    newer: list[ExchangeRate] = field(default_factory=list)
    moving: list[tuple[ExchangeRate, Decimal]] = field(default_factory=list)
    out_of_range: list[Pair] = field(default_factory=list)
    imprecise: list[tuple[Pair, Decimal]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    gaining: list[Pair] = field(default_factory=list)


def fetch(place: str) -> bytes:
    """Return what stands at an http(s) address or in a file, at most MAX_BYTES. Raises Unreachable."""
    try:
        content = _download(place) if "://" in place else _read(Path(place))
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreachable(f"{place} cannot be read: {error}") from None
    if len(content) > MAX_BYTES:
        raise Unreachable(f"{place} holds more than {MAX_BYTES} bytes, which rates do not need.")
    return content


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _download(url: str) -> bytes:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("only http and https are spoken")
    deadline, content = clock.monotonic() + WHOLE_SECONDS, bytearray()
    with _opener().open(url, timeout=ANSWER_SECONDS) as answer:
        while len(content) <= MAX_BYTES and (part := answer.read1(65536)):
            content += part
            if clock.monotonic() > deadline:
                raise TimeoutError(f"not done after {WHOLE_SECONDS} seconds")
    return bytes(content)


def _opener() -> url_request.OpenerDirector:
    """What speaks http and https only, also when it is redirected."""
    opener = url_request.OpenerDirector()
    for handler in (
        *(url_request.ProxyHandler, url_request.UnknownHandler, url_request.HTTPHandler, url_request.HTTPSHandler),
        *(url_request.HTTPDefaultErrorHandler, url_request.HTTPRedirectHandler, url_request.HTTPErrorProcessor),
    ):
        opener.add_handler(handler())
    return opener


def published_at(sheet: RateSheet) -> datetime:
    """Return when the sheet was published: its day at 15:00 UTC (16:00 CET), but never later than now.

    Raises MalformedSheet for a day that has not come yet.
    """
    now = timezone.now()
    if sheet.day > now.date():
        raise MalformedSheet(f"The rates are of {sheet.day}, which is to come.")
    return min(now, datetime.combine(sheet.day, PUBLISHED))


@transaction.atomic
def load_rates(
    sheet: RateSheet,
    *,
    as_of: datetime | None = None,
    origin: str = ORIGIN,
    force: bool = False,
    confirm: bool = False,
    only: Iterable[Pair] | None = None,
) -> Loaded:
    """Set the rate of every ordered pair of currencies in use that the sheet knows, rounded down to ten decimals.

    A rate that is newer than the sheet stays, unless forced. So does one that is too small to be said in ten decimals,
    until it is too old. Where one would move by more than 10 %, nothing is set, unless confirmed: rates of two days
    side by side would let chains gain. `only` names the pairs to set, when not all. Safe to repeat. Locks the rates'
    rows by ascending id. Raises MalformedSheet.
    """
    active = set(Currency.objects.filter(is_active=True).values_list("pk", flat=True))
    loaded = Loaded(as_of or published_at(sheet), missing=sorted(active - sheet.prices.keys()))
    rates = ExchangeRate.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
    known = {(rate.source_currency_id, rate.target_currency_id): rate for rate in rates}
    wanted = set(permutations(sorted(active & sheet.prices.keys()), 2))
    wanted = wanted if only is None else wanted & set(only)
    for pair, rate in _rates(sheet, sorted(wanted)):
        stands = known.get(pair)
        if not 0 < rate <= MAX_RATE:
            loaded.out_of_range.append(pair)
        elif (loss := _loss(sheet, pair)) > MAX_RATE_LOSS:
            loaded.imprecise.append((pair, loss))
        elif stands and stands.as_of > loaded.as_of and not force:
            loaded.newer.append(stands)
        elif stands and not confirm and moves_far(stands.rate, rate):
            loaded.moving.append((stands, rate))
        else:
            loaded.set.append(_row(pair, rate, origin, loaded.as_of))
    if loaded.moving:
        loaded.set.clear()
    _store(loaded.set)
    loaded.gaining.extend(_gaining({**known, **{_pair(rate): rate for rate in loaded.set}}, loaded.set))
    return loaded


def _rates(sheet: RateSheet, pairs: Iterable[Pair]) -> Iterator[tuple[Pair, Decimal]]:
    for source, target in pairs:
        yield (source, target), cross_rate(sheet.prices[source], sheet.prices[target])


def _loss(sheet: RateSheet, pair: Pair) -> Decimal:
    source, target = pair
    return cross_rate_loss(sheet.prices[source], sheet.prices[target])


def _row(pair: Pair, rate: Decimal, origin: str, as_of: datetime) -> ExchangeRate:
    source, target = pair
    return ExchangeRate(source_currency_id=source, target_currency_id=target, rate=rate, origin=origin, as_of=as_of)


def _pair(rate: ExchangeRate) -> Pair:
    return rate.source_currency_id, rate.target_currency_id


def _store(rates: list[ExchangeRate]) -> None:
    ExchangeRate.objects.bulk_create(
        rates,
        update_conflicts=True,
        unique_fields=["source_currency", "target_currency"],
        update_fields=["rate", "origin", "as_of", "updated_at"],
    )


def _gaining(standing: dict[Pair, ExchangeRate], changed: list[ExchangeRate]) -> list[Pair]:
    """Return the pairs, each once, where a changed rate and the one back would gain."""
    pairs = set()
    for rate in changed:
        there = _pair(rate)
        back = standing.get((there[1], there[0]))
        if back and gains(rate.rate, back.rate):
            pairs.add(min(there, there[::-1]))
    return sorted(pairs)
