"""The metrics of webhooks. Slugs of providers and stable codes are the only labels: they are few and ours."""

from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import Counter, Histogram


class BatchHistogram(Histogram):
    """A histogram that many values are added to at once: each single addition asks the kernel for the process's id."""

    def observe_all(self, values: Iterable[float]) -> None:
        values = list(values)
        self._sum.inc(sum(values))
        for bucket, number in Tally(bisect_left(self._upper_bounds, value) for value in values).items():
            self._buckets[bucket].inc(number)


credited = Counter("till_webhook_credits_total", "Notices that credited a wallet.", ["provider"])
duplicates = Counter("till_webhook_duplicates_total", "Notices that had been credited before.", ["provider"])
conflicts = Counter("till_webhook_conflicts_total", "Other content under a known transaction id.", ["provider"])
unmatched = Counter("till_webhook_unmatched_total", "Authentic notices kept for staff.", ["provider", "reason"])
ignored = Counter("till_webhook_ignored_total", "Authentic events of types that credit nobody.", ["provider"])
bad_signatures = Counter("till_webhook_bad_signatures_total", "Notices without a valid signature.")
refused = Counter("till_webhook_refused_total", "Authentic notices refused and not kept.", ["provider", "code"])
malformed = Counter("till_webhook_malformed_total", "Bodies that are no notice.")
seconds = BatchHistogram(
    "till_webhook_seconds",
    "Time from the parsed request to the durable answer.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
batch_size = BatchHistogram(
    "till_webhook_batch_size", "Notices that shared one commit.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
