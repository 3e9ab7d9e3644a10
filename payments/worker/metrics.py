"""The metrics of a background worker, which it shows by itself: /metrics is of the processes that answer requests."""

from prometheus_client import Counter, Gauge, Histogram

attempts = Counter("till_event_attempts_total", "Attempts to deliver an event.", ["outcome"])
attempt_seconds = Histogram(
    "till_event_attempt_seconds",
    "Seconds until the endpoint had answered, or had not.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
open_deliveries = Gauge("till_event_deliveries_open", "Deliveries that wait for an attempt.")
oldest_open_seconds = Gauge("till_event_oldest_open_seconds", "Age of the oldest delivery that waits; 0 without one.")
timer_failures = Counter("till_timer_failures_total", "Timers that failed.", ["timer"])
timer_success = Gauge("till_timer_success_timestamp_seconds", "When a timer last succeeded here.", ["timer"])
ledger_differences = Gauge("till_ledger_differences", "What check_ledger found last; 0 when the ledger is sound.")
