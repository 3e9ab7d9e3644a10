"""Where Till may send events: rules of addresses. No Django, no settings, and nobody is asked.

A name says nothing about where it leads, so the sender judges each address that it connects to by `is_allowed`.
"""

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from api.marked import marked

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_LENGTH = 500
#: Below 1024 other services listen, such as mail, that could take a request for theirs.
WEB_PORTS, FIRST_FREE_PORT = {80, 443}, 1024
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
#: The last label begins with a letter: `127.1` and `0x7f000001` are addresses in disguise.
_NAME = re.compile(rf"({_LABEL}\.)*[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?\.?", re.ASCII)

#: Addresses in them hold an IPv4 address, and lead where that one leads.
_MAPPED, _COMPATIBLE = ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("::/96")
_NAT64, _TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::ffff:0:0:0/96")
#: The only part of IPv6 that is given to the public; of it and of IPv4, what Python's own list leaves out.
_UNICAST = ipaddress.IPv6Network("2000::/3")
_NEVER_PUBLIC: tuple[Network, ...] = (
    ipaddress.IPv4Network("100.64.0.0/10"),  # shared by the customers of a carrier; a cloud's metadata
    ipaddress.IPv4Network("168.63.129.16/32"),  # a cloud's metadata
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv6Network("2001::/23"),  # with Teredo
    ipaddress.IPv6Network("2002::/16"),  # 6to4
    ipaddress.IPv6Network("3fff::/20"),
)


class InvalidUrl(ValueError):
    """Events are not sent to such an address."""

    field = "url"


def is_allowed(address: str, networks: Sequence[Network] = ()) -> bool:
    """Tell whether a request may go to this IP address: a public one, or one of the operator's `networks`."""
    try:
        given = ipaddress.ip_address(address)
    except ValueError:
        return False
    ip = _embedded_ipv4(given) or given
    return any(ip in network or given in network for network in networks) or _is_public(ip)


def _embedded_ipv4(ip: Address) -> Address | None:
    if isinstance(ip, ipaddress.IPv6Address) and any(
        ip in network for network in (_MAPPED, _COMPATIBLE, _NAT64, _TRANSLATED)
    ):
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return None


def _is_public(ip: Address) -> bool:
    if not ip.is_global or ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback or ip.is_link_local:
        return False
    return (ip.version == 4 or ip in _UNICAST) and not any(ip in network for network in _NEVER_PUBLIC)


def check_url(url: str, *, networks: Sequence[Network] = (), allow_http: bool = False) -> None:
    """Raise InvalidUrl if Till sends nothing there whatever the name resolves to. Asks no resolver."""
    if len(url) > MAX_LENGTH:
        raise InvalidUrl(marked("At most %(count)s characters.", count=MAX_LENGTH))
    if not re.fullmatch(r"[!-~]+", url):
        raise InvalidUrl(marked("An address has neither spaces nor other than ASCII characters: encode them."))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidUrl(marked("This is no address.")) from None
    _check_parts(parts, allow_http=allow_http)
    if port is not None and port not in WEB_PORTS and port < FIRST_FREE_PORT:
        raise InvalidUrl(marked("A port is 443, or 1024 or above."))
    _check_host(parts.hostname or "", networks)


def _check_parts(parts: SplitResult, *, allow_http: bool) -> None:
    if parts.scheme != "https" and not (allow_http and parts.scheme == "http"):
        raise InvalidUrl(marked("An address begins with https://."))
    if "@" in parts.netloc:
        raise InvalidUrl(marked("An address holds no user and no password: check the signature instead."))
    if parts.fragment or "\\" in parts.netloc:
        raise InvalidUrl(marked("An address has no fragment and no backslash."))


def _check_host(host: str, networks: Sequence[Network]) -> None:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not _NAME.fullmatch(host) or len(host) > 253:
            raise InvalidUrl(marked("The address names no host.")) from None
        return
    if not is_allowed(host, networks):
        raise InvalidUrl(marked("Events are sent to public addresses only."))
