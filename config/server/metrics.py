"""What is counted of requests, webhooks apart. /metrics shows it: config/server/metrics_page.py."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter("till_http_requests", "Requests, webhooks apart.", ["method", "route", "status"])
SECONDS = Histogram(
    "till_http_request_seconds",
    "Seconds to answer, webhooks apart.",
    ["route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count by the route's pattern, never by the path: a stranger must not be able to invent labels.

    The staff site is one route: its hundred pages would be most of the metrics, and few are used.
    """
    method = method if method in METHODS else "other"
    route = "admin/" if route.startswith("admin/") else route
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(route).observe(seconds)
