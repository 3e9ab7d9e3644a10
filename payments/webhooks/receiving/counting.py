"""Count the outcomes of notices."""

import logging
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from prometheus_client import Counter as PrometheusCounter

from payments.webhooks import metrics
from payments.webhooks.receiving.outcomes import (
    Credited,
    Ignored,
    Notice,
    Outcome,
    TransactionIdConflict,
    WebhookRefused,
)

logger = logging.getLogger("till.webhooks")


def count(notices: Sequence[Notice], outcomes: Sequence[Outcome | Exception]) -> None:
    """Add the outcomes to the metrics, once for each counter, because an addition costs more than counting here.

    The notices are durable by now, so an error of a metric is only logged.
    """
    counted = Counter((notice.provider.slug, _name(outcome)) for notice, outcome in zip(notices, outcomes, strict=True))
    try:
        for (slug, name), number in counted.items():
            if name:
                _counter(slug, name).inc(number)
    except Exception:
        logger.exception("Notices were not counted")


def count_ignored(ignored: Ignored) -> Ignored:
    """Add it to the metrics, which are all that is left of it."""
    metrics.ignored.labels(ignored.slug).inc()
    return ignored


@lru_cache(maxsize=1024)
def _counter(slug: str, name: str) -> PrometheusCounter:
    """Return one provider's counter of this outcome. Finding it by its labels costs more than adding to it."""
    known = {
        "credited": metrics.credited,
        "duplicate": metrics.duplicates,
        TransactionIdConflict.code: metrics.conflicts,
    }
    return known[name].labels(slug) if name in known else metrics.unmatched.labels(slug, name)


def _name(outcome: Outcome | Exception) -> str:
    if isinstance(outcome, Credited):
        return "duplicate" if outcome.duplicate else "credited"
    return outcome.code if isinstance(outcome, WebhookRefused) else ""
