"""manage.py worker"""

import logging
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import uvloop
from django.core.management.base import BaseCommand, CommandError
from prometheus_client import start_http_server

from payments.worker.background import BackgroundWorker

#: Webhooks come first where both share a processor.
NICENESS = 5


class Command(BaseCommand):
    help = (
        "Deliver events to endpoints and run the timers, until SIGTERM. Several at once share the work. "
        "Survives a lost database, and being killed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--heartbeat", type=Path, metavar="FILE", help="Touch this file after each round.")
        parser.add_argument("--metrics", metavar="ADDRESS:PORT", help="Serve Prometheus metrics there.")
        parser.add_argument("--parent", type=int, metavar="PID", help="End when this parent process has ended.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        os.nice(NICENESS)
        if options["metrics"]:
            _serve_metrics(options["metrics"])
        worker = BackgroundWorker(heartbeat_file=options["heartbeat"], parent=options["parent"])
        uvloop.run(worker.run())
        # A thread that waits for a database that does not answer would hold up the end.
        logging.shutdown()
        os._exit(0)


def _serve_metrics(place: str) -> None:
    address, _, port = place.rpartition(":")
    try:
        start_http_server(int(port), address)
    except (OSError, ValueError, OverflowError) as error:
        raise CommandError(f"--metrics {place}: {error}") from None
