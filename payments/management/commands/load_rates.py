"""manage.py load_rates"""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from payments.exchange import services as exchange
from payments.exchange.services.rate_import import ORIGIN, SAMPLE_ORIGIN

#: Where the European Central Bank publishes the rates of the day.
ECB = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"


class Command(BaseCommand):
    help = (
        "Set the exchange rates between all currencies in use from the European Central Bank's file, XML or CSV. "
        "All of them or, when anything in the file is wrong, none. Newer rates stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "place",
            nargs="?",
            default=ECB,
            metavar="FILE|URL|sample",
            help=f"A file, an http(s) address (default: {ECB}), or sample: the one that ships with Till.",
        )
        parser.add_argument(
            "--as-of",
            choices=["file", "now"],
            default="file",
            help="When the rates are said to be from: the file's day at 15:00 UTC (default), or now, for a demo.",
        )
        parser.add_argument("--force", action="store_true", help="Replace rates that are newer than the file, too.")

        parser.add_argument(
            "--confirm", action="store_true", help="Set rates that move by more than 10 %% against the last ones, too."
        )

    def handle(self, *_: Any, place: str, **options: Any) -> None:
        is_sample = place == "sample"
        as_of = timezone.now() if options["as_of"] == "now" else None
        try:
            sheet = exchange.read_sheet(exchange.fetch(str(exchange.SAMPLE) if is_sample else place))
            loaded = exchange.load_rates(
                sheet,
                as_of=as_of,
                origin=SAMPLE_ORIGIN if is_sample else ORIGIN,
                force=options["force"],
                confirm=options["confirm"],
            )
        except (exchange.Unreachable, exchange.MalformedSheet) as error:
            raise CommandError(f"{error} Nothing was changed.") from None
        for line in summary(loaded):
            self.stdout.write(line)
        if loaded.moving:
            raise CommandError(
                f"{len(loaded.moving)} rates would move by more than 10 %. Nothing is set. --confirm sets all."
            )


def summary(loaded: exchange.Loaded) -> Iterator[str]:
    yield f"{len(loaded.set)} rates set, as of {loaded.as_of.isoformat()}."
    if loaded.set and exchange.is_stale(loaded.set[0]):
        yield "They are too old to be used: TILL_RATE_MAX_AGE_HOURS."
    for rate in loaded.newer:
        yield f"Kept {rate}: {rate.origin}, as of {rate.as_of.isoformat()}, is newer. --force replaces it."
    for rate, new in loaded.moving:
        yield f"{rate}: {rate.rate:f} would become {new:f}."
    if loaded.missing:
        yield f"Not in the file: {', '.join(loaded.missing)}."
    for source, target in loaded.out_of_range:
        yield f"Left out {source} to {target}: too small or too large for ten decimals."
    for (source, target), loss in loaded.imprecise:
        yield f"Left out {source} to {target}: ten decimals would cut off {loss:.2%} of the rate."
    for source, target in loaded.gaining:
        yield f"Careful: {source} to {target} and back gains, at the house's cost."
