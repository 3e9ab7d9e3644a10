"""Play a provider against a Till on this machine: `manage.py send_webhook --user 1 --account 1 --amount 25`."""

import statistics
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.networks import LOOPBACK
from api.decimals import parse_decimal
from payments.webhooks import simulator
from payments.webhooks.models import Provider
from payments.webhooks.simulator import Delivery, DeliveryResult


class Command(BaseCommand):
    help = (
        "Send signed notices as a provider would, with the secret of its row, and sum up the answers. Ends with 1 when "
        "an answer is not the expected one: 200 and one credit for each notice, or 401 for tampered ones."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--url", default=f"http://127.0.0.1:{settings.PORT}", help="a Till on this machine (%(default)s)")
        add("--provider", default="sha256_concat", metavar="SLUG", help="who signs (%(default)s)")
        add("--user", type=int, default=1, metavar="ID", help="whom to credit (%(default)s)")
        add("--account", type=int, default=1, metavar="ID", help="the wallet (%(default)s)")
        add("--amount", default="100", help="as it shall stand in the notice (%(default)s)")
        add("--count", type=int, default=1, metavar="N", help="how many different notices (%(default)s)")
        add("--parallel", type=int, default=1, metavar="N", help="connections at once (%(default)s)")
        add("--duplicate", type=int, default=0, metavar="N", help="send each notice N times more, shuffled")
        add("--tamper", metavar="FIELD", help="change this field after signing: amount, user_id, signature, ...")
        add("--dry-run", action="store_true", help="print the curl command of each notice and send nothing")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        _refuse_nonsense(options)
        deliveries = _deliveries(options)
        if options["dry_run"]:
            for delivery in deliveries:
                self.stdout.write(simulator.curl(options["url"], delivery))
            return
        deliveries = simulator.repeated(deliveries, repeats=options["duplicate"])
        started = time.monotonic()
        answers = self._send(options, deliveries)
        self._sum_up(answers, time.monotonic() - started)
        expected = _expected(options)
        received = Counter((answer.status, answer.code) for answer in answers)
        if received != expected:
            raise CommandError(f"Expected {_listed(expected)}.")

    def _send(self, options: dict[str, Any], deliveries: Sequence[Delivery]) -> list[DeliveryResult]:
        answers: list[DeliveryResult] = []
        every = max(1, len(deliveries) // 100)
        try:
            # Closed when it is interrupted: otherwise the process would send the rest before it ends.
            with closing(simulator.send(options["url"], deliveries, parallel=options["parallel"])) as arriving:
                for answer in arriving:
                    answers.append(answer)
                    if self.stderr.isatty() and (len(answers) % every == 0 or len(answers) == len(deliveries)):
                        self.stderr.write(f"\rsent {len(answers)}/{len(deliveries)}", ending="")
                        self.stderr.flush()
        finally:
            if self.stderr.isatty():
                self.stderr.write("")
        return answers

    def _sum_up(self, answers: Sequence[DeliveryResult], seconds: float) -> None:
        self.stdout.write(f"{len(answers)} sent in {seconds:.2f} s, {len(answers) / seconds:.0f} a second")
        for (status, code), number in sorted(Counter((a.status, a.code) for a in answers).items()):
            self.stdout.write(f"{number:>8}  {status} {code}")
        times = [answer.seconds * 1000 for answer in answers]
        cuts = statistics.quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
        named = {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(times)}
        self.stdout.write("latency   " + "  ".join(f"{name} {value:.1f} ms" for name, value in named.items()))


def _refuse_nonsense(options: dict[str, Any]) -> None:
    address = urlsplit(options["url"])
    if address.scheme != "http" or address.hostname not in LOOPBACK or address.path not in ("", "/"):
        raise CommandError("--url must be a Till on this machine, such as http://127.0.0.1:8000")
    options["url"] = options["url"].rstrip("/")
    if parse_decimal(options["amount"]) is None:
        raise CommandError("--amount must be a plain decimal such as 100 or 12.50")
    if options["count"] < 1 or not 1 <= options["parallel"] <= 1000 or options["duplicate"] < 0:
        raise CommandError("--count and --parallel (up to 1000) are at least 1, --duplicate is not negative")


def _deliveries(options: dict[str, Any]) -> list[Delivery]:
    slug = options["provider"]
    provider = Provider.objects.filter(slug=slug).first()
    if provider is None:
        known = ", ".join(Provider.objects.values_list("slug", flat=True))
        raise CommandError(f"There is no provider {slug!r}; there are: {known or 'none'}.")
    notice = {"user_id": options["user"], "account_id": options["account"], "amount": options["amount"]}
    try:
        deliveries = [simulator.sign(provider, simulator.fields(provider, **notice)) for _ in range(options["count"])]
    except ValueError as error:
        raise CommandError(f"--amount: {error}.") from None
    if not options["tamper"]:
        return deliveries
    try:
        return [simulator.tamper(delivery, options["tamper"]) for delivery in deliveries]
    except KeyError:
        raise CommandError(f"This provider's notices have no field {options['tamper']!r}.") from None


def _expected(options: dict[str, Any]) -> Counter[tuple[int, str]]:
    count, repeats = options["count"], options["count"] * options["duplicate"]
    if options["tamper"]:
        return Counter({(401, "invalid_signature"): count + repeats})
    return +Counter({(200, "credited"): count, (200, "duplicate"): repeats})


def _listed(answers: Counter[tuple[int, str]]) -> str:
    return ", ".join(f"{number} times {status} {code}" for (status, code), number in sorted(answers.items()))
