"""The metrics of the relay."""

from prometheus_client import Counter, Gauge

sequenced = Counter("till_events_sequenced_total", "Events that were given a position.")
#: Of several processes the latest counts.
last_position = Gauge("till_events_last_position", "The newest event's position.", multiprocess_mode="max")
last_pass = Gauge(
    "till_events_last_pass_timestamp_seconds", "When the relay last looked for events.", multiprocess_mode="max"
)
