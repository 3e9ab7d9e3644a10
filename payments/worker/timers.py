"""What has to be done from time to time, by whichever worker comes first.

A timer's row says when it is due next. Who runs it moves that an hour ahead first, so a worker that dies under it
delays it by an hour at most.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.utils import timezone

from payments.audit import audit
from payments.audit.results import remember
from payments.deliveries import queue
from payments.exchange import services as exchange
from payments.idempotency import service as idempotency
from payments.ledger import booking
from payments.orders import services as orders
from payments.worker import metrics
from payments.worker.models import BackgroundTimer

logger = logging.getLogger("till.timers")

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LEASE = HOUR
RETRY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Timer:
    name: str
    period: timedelta
    run: Callable[[], object]


def timers() -> Iterator[Timer]:
    yield Timer("expire_orders", HOUR, _expire_orders)
    yield Timer("checkpoint_house", HOUR, booking.checkpoint)
    yield Timer("prune_idempotency_keys", DAY, lambda: idempotency.prune(older_than_days=30))
    yield Timer("prune_quotes", DAY, lambda: exchange.prune_quotes(older_than_hours=24))
    yield Timer("prune_deliveries", DAY, lambda: queue.prune(older_than=settings.TILL_EVENT_DELIVERY_AGE))
    yield Timer("check_ledger", DAY, _check_ledger)
    if settings.TILL_RATES:
        yield Timer("load_rates", 6 * HOUR, lambda: call_command("load_rates", settings.TILL_RATES, stdout=StringIO()))


def run_due_timers() -> list[str]:
    """Run each timer that is due and that no other worker runs; return their names. Raises Django's Error."""
    return [timer.name for timer in timers() if _take(timer.name) and _run(timer)]


def _take(name: str) -> bool:
    """Move the timer's next run ahead, in one statement: of several workers one succeeds."""
    BackgroundTimer.objects.bulk_create([BackgroundTimer(name=name)], ignore_conflicts=True)
    due = BackgroundTimer.objects.filter(name=name, due_at__lte=Now())
    return bool(due.update(due_at=Now() + LEASE, started_at=Now()))


def _run(timer: Timer) -> bool:
    """What one timer meets keeps no other from running, except for a database that is away: then Error is raised."""
    begun = time.monotonic()
    try:
        timer.run()
    except Exception as error:
        connection.close()  # it may be of no use any more
        logger.error("timer %s failed: %s", timer.name, error, exc_info=not isinstance(error, OperationalError))
        metrics.timer_failures.labels(timer.name).inc()
        _finish(timer.name, min(timer.period, RETRY), str(error) or type(error).__name__)
    else:
        logger.debug("timer %s took %.1f s", timer.name, time.monotonic() - begun)
        metrics.timer_success.labels(timer.name).set_to_current_time()
        _finish(timer.name, timer.period, "")
    return True


def _finish(name: str, pause: timedelta, error: str) -> None:
    BackgroundTimer.objects.filter(name=name).update(
        due_at=Now() + pause, finished_at=timezone.now(), error=error.replace("\0", "")[:200]
    )


def _expire_orders() -> None:
    for _ in orders.expire_orders(older_than=timedelta(hours=settings.TILL_ORDER_EXPIRY_HOURS)):
        pass


def _check_ledger() -> None:
    """Keep the result for /admin. That it differs is an error of the ledger, and no failure of the timer."""
    report = audit()
    check = remember(report)
    metrics.ledger_differences.set(check.differences)
    if not report.is_sound:
        logger.error("the ledger does not balance: %s differences (manage.py check_ledger)", check.differences)
