"""Where a request comes from, and what that counts as."""

import ipaddress
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest

if TYPE_CHECKING:  # rest_framework.request loads the authentication, which loads this module.
    from rest_framework.request import Request


def client_address(request: "HttpRequest | Request") -> str | None:
    """Return the caller's IP address, or None when there is none (a unix socket).

    X-Forwarded-For counts only as far as our own proxies wrote it: TILL_TRUSTED_PROXIES entries from the end.
    """
    trusted: int = settings.TILL_TRUSTED_PROXIES
    forwarded = [part for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    named = forwarded[-min(trusted, len(forwarded))] if trusted and forwarded else ""
    return _parsed_address(named) or _parsed_address(request.META.get("REMOTE_ADDR", ""))


def _parsed_address(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address).partition("%")[0]


def caller_network(request: "HttpRequest | Request") -> str:
    """Return what a stranger is counted by: an IPv4 address, or an IPv6 network."""
    address = client_address(request)
    if address and ":" in address:  # Whoever has one IPv6 address has the 2^64 beside it too.
        return str(ipaddress.ip_network(f"{address}/64", strict=False))
    return address or "unknown"


def login_address(request: HttpRequest) -> str | None:
    """Return the address that failed logins count under (for axes): of IPv6 the first of the caller's network."""
    network = caller_network(request)
    return None if network == "unknown" else network.partition("/")[0]


def client_network(request: HttpRequest) -> str | None:
    """Return the network that the request came from: enough to see a pattern, too little to name a person."""
    address = client_address(request)
    if address is None:
        return None
    length = 64 if ":" in address else 24
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))
