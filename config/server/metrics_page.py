"""/metrics for Prometheus: what every module counts, summed over the worker processes, for who may read it."""

import ipaddress
import os
import threading
import time
from hmac import compare_digest

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from rest_framework.exceptions import NotAuthenticated

from config.problems import PROBLEMS, problem_response
from config.problems.problem_types import PERMISSION_DENIED

#: Seconds for which a sum is given again: a caller that asks often costs no more.
CACHE_SECONDS = 1.0
#: What a proxy adds. With one of them, who stands beside us is a proxy, and who asks is somebody else.
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via")


def metrics(request: HttpRequest) -> HttpResponse:
    """With TILL_METRICS_TOKEN for whoever has it; without one for this machine alone."""
    if settings.TILL_METRICS_TOKEN:
        if not _has_the_token(request):
            return problem_response(PROBLEMS[NotAuthenticated])
    elif not _asks_from_here(request):
        return problem_response(PERMISSION_DENIED, detail="Only from this machine, without a proxy, or with a token.")
    text, content_type = _exposition.text(request.headers.get("Accept", ""))
    return HttpResponse(text, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


def _has_the_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and compare_digest(token.strip().encode(), settings.TILL_METRICS_TOKEN.encode())


def _asks_from_here(request: HttpRequest) -> bool:
    """By the address of the connection: what a header says of it, anybody can write."""
    if settings.TILL_TRUSTED_PROXIES or any(name in request.headers for name in FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


class _CachedExposition:
    """What was summed up last, in each format. One thread sums up at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, bytes]] = {}

    def text(self, accept: str) -> tuple[bytes, str]:
        encoder, content_type = choose_encoder(accept)
        with self._lock:
            summed_at, text = self._known.get(content_type, (-CACHE_SECONDS, b""))
            if time.monotonic() - summed_at > CACHE_SECONDS:
                text = encoder(_registry())
                self._known[content_type] = (time.monotonic(), text)
        return text, content_type


_exposition = _CachedExposition()


def _registry() -> CollectorRegistry:
    """Several processes share what they count through files in PROMETHEUS_MULTIPROC_DIR."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return REGISTRY
    registry = CollectorRegistry(support_collectors_without_names=True)
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
