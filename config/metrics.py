"""/metrics for Prometheus: what every module counts, summed over the worker processes."""

import os

from django.http import HttpRequest, HttpResponse
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

REQUESTS = Counter("till_http_requests", "Requests, webhooks apart.", ["method", "route", "status"])
SECONDS = Histogram("till_http_request_seconds", "Seconds to answer, webhooks apart.", ["method", "route"])
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count by the route's pattern, never by the path: a stranger must not be able to invent labels."""
    method = method if method in METHODS else "other"
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)


def metrics(request: HttpRequest) -> HttpResponse:
    """Several processes share what they count through files in PROMETHEUS_MULTIPROC_DIR."""
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry(support_collectors_without_names=True)
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    encoder, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encoder(registry), headers={"Content-Type": content_type})
