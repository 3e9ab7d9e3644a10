"""Where a request comes from, and what that counts as."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.http import HttpRequest

#: Characters of an IPv6 address with its zone, and a little space. What is kept of addresses must not fill the memory.
MAX_ADDRESS_LENGTH = 80

#: This machine, by address and by name.
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

if TYPE_CHECKING:  # rest_framework.request loads the authentication, which loads this module.
    from rest_framework.request import Request


def client_address(request: "HttpRequest | Request") -> str | None:
    """Return the caller's IP address, or None when there is none (a unix socket).

    X-Forwarded-For counts only as far as our own proxies wrote it: TILL_TRUSTED_PROXIES entries from the end.
    """
    return _address(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""))


def _address(remote: str, forwarded: str) -> str | None:
    trusted: int = settings.TILL_TRUSTED_PROXIES
    names = [part for part in forwarded.split(",") if part.strip()] if trusted else []
    named = names[-min(trusted, len(names))] if names else ""
    return _parsed_address(named) or _parsed_address(remote)


def _parsed_address(text: str) -> str | None:
    return _known_address(text) if len(text) <= MAX_ADDRESS_LENGTH else None


@lru_cache(4096)
def _known_address(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address).partition("%")[0]


class Caller(NamedTuple):
    """Who signs in, as a user recognises their own devices: an address, and what the program calls itself."""

    address: str | None = None
    user_agent: str = ""


def caller(request: "HttpRequest | Request", *, max_length: int = 200) -> Caller:
    """Return where the request comes from. Of the program's name, what can be printed of its beginning."""
    text = request.META.get("HTTP_USER_AGENT", "")[:max_length]
    return Caller(client_address(request), "".join(letter for letter in text if letter.isprintable()))


def caller_network(request: "HttpRequest | Request") -> str:
    """Return what a stranger is counted by: an IPv4 address, or an IPv6 network."""
    return network_of(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""))


def network_of(remote: str, forwarded: str) -> str:
    """Return the same, by the address of the connection and the header X-Forwarded-For."""
    return _network_of(_address(remote, forwarded))


@lru_cache(4096)
def _network_of(address: str | None) -> str:
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


def is_within(address: str | None, networks: Iterable[str]) -> bool:
    """Tell whether the address, as `client_address` returns it, is of one of the CIDR blocks."""
    return address is not None and any(ipaddress.ip_address(address) in _block(text) for text in networks)


@lru_cache(1024)
def _block(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text)
