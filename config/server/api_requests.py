"""Which requests of the API the event loop may answer: those that are plainly well formed.

Everything else, and whatever looks odd, goes to its view, which gives the same answers.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from rest_framework.exceptions import APIException

from accounts.api_keys import BEGINNING
from accounts.tokens import AccessClaims, InvalidToken, claims_of_access
from api.fields import MAX_ID
from api.languages import language_of
from api.pagination import MAX_LIMIT, LimitedCursorPagination
from api.parsers import MAX_CONTENT_TYPE_LENGTH, parse_object, refuse_other_media
from catalog import fast_path as purchases
from payments.exchange import fast_path as exchange
from payments.idempotency.service import VISIBLE_ASCII, canonical, fingerprint_of
from payments.operations import ledger_reads
from payments.operations.fast_operation import FastOperation
from payments.operations.fast_read import FastRead, ReadRequest
from payments.operations.requests import MoneyRequest
from payments.orders import fast_path as orders
from payments.transfers import fast_path as transfers

#: A longer body is not plainly well formed.
MAX_BODY: Final = 4096
PREFIX: Final = "/api/v1/"
#: Headers that decide how a request is understood. One that is repeated is for the view.
_READ_HEADERS: Final = frozenset(
    {
        *(b"authorization", b"host", b"accept", b"accept-language"),
        *(b"content-type", b"idempotency-key", b"x-forwarded-proto", b"x-request-id"),
    }
)
#: A page of another origin needs headers that only Django adds.
_FOR_THE_VIEW: Final = b"origin"
_JSON_RANGES: Final = (b"*/*", b"application/json")
#: The queries that a list understands here, and how many results each asks for.
_LIMITS: Final = {
    b"": LimitedCursorPagination.page_size,
    **{b"limit=%d" % limit: limit for limit in range(1, MAX_LIMIT + 1)},
}
#: A longer value of a header is not plain.
_MAX_VALUE: Final = 200


class Route(NamedTuple):
    """An address and method of the API. `route` is Django's name for it, which metrics have."""

    route: str
    allow: str
    serves: FastOperation | FastRead
    #: A list in pages understands `limit`. Others understand no query.
    is_list: bool = False


#: The methods of a list that one may add to.
_LIST: Final = "GET, POST, HEAD, OPTIONS"
ROUTES: Final[Mapping[tuple[str, str], Route]] = {
    ("POST", "transfers"): Route("api/v1/transfers$", _LIST, transfers.SEND),
    ("POST", "purchases"): Route("api/v1/purchases$", _LIST, purchases.BUY),
    ("POST", "exchanges"): Route("api/v1/exchanges$", _LIST, exchange.EXCHANGE),
    ("POST", "deposits"): Route("api/v1/deposits$", _LIST, orders.REQUEST_DEPOSIT),
    ("POST", "withdrawals"): Route("api/v1/withdrawals$", _LIST, orders.REQUEST_WITHDRAWAL),
    ("PUT", "deposits/{id}/status"): Route(
        "api/v1/deposits/(?P<pk>[1-9][0-9]{0,18})/status$", "PUT, OPTIONS", orders.SETTLE_DEPOSIT
    ),
    ("PUT", "withdrawals/{id}/status"): Route(
        "api/v1/withdrawals/(?P<pk>[1-9][0-9]{0,18})/status$", "PUT, OPTIONS", orders.SETTLE_WITHDRAWAL
    ),
    ("GET", "transactions"): Route(
        "api/v1/transactions$", "GET, HEAD, OPTIONS", ledger_reads.FIRST_TRANSACTIONS, is_list=True
    ),
    ("GET", "transactions/{id}"): Route(
        "api/v1/transactions/(?P<pk>[1-9][0-9]{0,18})$", "GET, HEAD, OPTIONS", ledger_reads.ONE_TRANSACTION
    ),
    ("GET", "wallets"): Route("api/v1/wallets$", _LIST, ledger_reads.FIRST_WALLETS, is_list=True),
    ("GET", "wallets/{id}"): Route(
        "api/v1/wallets/(?P<pk>[1-9][0-9]{0,18})$", "GET, PATCH, HEAD, OPTIONS", ledger_reads.ONE_WALLET
    ),
}


class ApiRequest(NamedTuple):
    """A request that the event loop takes."""

    method: str
    path: str
    route: Route
    claims: AccessClaims
    item: MoneyRequest | ReadRequest
    is_secure: bool
    #: The id that the client has given the request, or "".
    offered_id: str
    #: Of a refusal. What is done has no language.
    language: str


def recognise(
    method: str, path: str, query: bytes, headers: Sequence[tuple[bytes, bytes]], scheme: str, body: bytes
) -> ApiRequest | None:
    """Return the request, if it is plainly well formed and its token may be valid. None: it is for the view.

    Asks nobody. `headers` have lower-case names.
    """
    match = _route(method, path)
    if match is None or len(body) > MAX_BODY:
        return None
    route, number = match
    if route.is_list and query in _LIMITS:
        number = _LIMITS[query]
    elif route.is_list or query:
        return None
    read = _read_headers(headers)
    if read is None or not _is_asked_rightly(read):
        return None
    is_secure = _is_secure(scheme, read)
    claims = _claims(read)
    if claims is None or (settings.SECURE_SSL_REDIRECT and not is_secure):
        return None
    language = language_of(read.get(b"accept-language", b"").decode("latin-1"))
    item: MoneyRequest | ReadRequest | None
    if isinstance(route.serves, FastRead):
        url = _url(is_secure, read, path, query)
        item = None if body else ReadRequest(claims, route.serves, number, url)
    else:
        item = _money_request(route.serves, method, path, claims, number, read, body, language)
    offered_id = read.get(b"x-request-id", b"").decode("latin-1")
    return None if item is None else ApiRequest(method, path, route, claims, item, is_secure, offered_id, language)


def may_be_fast(method: str, path: str) -> bool:
    """Tell whether the event loop answers requests to this address."""
    return settings.TILL_API_FAST_PATH and _route(method, path) is not None


def _route(method: str, path: str) -> tuple[Route, int] | None:
    """Return the route, and the id in the path or 0."""
    if not path.startswith(PREFIX):
        return None
    parts = path[len(PREFIX) :].split("/")
    number = 0
    if len(parts) > 1:
        if (id_ := _id(parts[1])) is None:
            return None
        number, parts[1] = id_, "{id}"
    route = ROUTES.get((method, "/".join(parts)))
    return None if route is None else (route, number)


def _id(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) < 20) or text[0] == "0":
        return None
    return number if (number := int(text)) <= MAX_ID else None


def _read_headers(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes] | None:
    """Return the headers that count. None: one is repeated, or only the view knows what it means."""
    read: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _READ_HEADERS:
            if name in read:
                return None
            read[name] = value
        elif name == _FOR_THE_VIEW:
            return None
    return read


def _is_asked_rightly(read: Mapping[bytes, bytes]) -> bool:
    host, accept = read.get(b"host", b"").decode("latin-1"), read.get(b"accept", b"*/*")
    return accepts_json(accept[: _MAX_VALUE + 1]) and is_allowed_host(host, tuple(settings.ALLOWED_HOSTS))


@lru_cache(maxsize=64)
def accepts_json(accept: bytes) -> bool:
    return len(accept) <= _MAX_VALUE and any(part.strip() in _JSON_RANGES for part in accept.split(b","))


@lru_cache(maxsize=64)
def is_json(content_type: bytes) -> bool:
    try:
        refuse_other_media(content_type.decode("latin-1"))
    except APIException:
        return False
    return True


@lru_cache(maxsize=64)
def is_allowed_host(host: str, allowed: tuple[str, ...]) -> bool:
    """Tell whether Django would answer a request to this host. It stays the judge of every odd one."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def _is_secure(scheme: str, read: Mapping[bytes, bytes]) -> bool:
    """Tell whether the client speaks TLS, as Django does by SECURE_PROXY_SSL_HEADER."""
    forwarded = read.get(b"x-forwarded-proto")
    if settings.SECURE_PROXY_SSL_HEADER and forwarded is not None:
        return forwarded.partition(b",")[0].strip() == b"https"
    return scheme == "https"


def _claims(read: Mapping[bytes, bytes]) -> AccessClaims | None:
    kind, _, token = read.get(b"authorization", b"").partition(b" ")
    if kind != b"Bearer" or token.startswith(BEGINNING):  # the view reads API keys
        return None
    try:
        return claims_of_access(token.decode("ascii"))
    except (InvalidToken, UnicodeDecodeError):
        return None


def _url(is_secure: bool, read: Mapping[bytes, bytes], path: str, query: bytes) -> str:
    """Return the address as Django's build_absolute_uri does: all of it is plain."""
    scheme = "https" if is_secure else "http"
    return f"{scheme}://{read[b'host'].decode()}{path}" + (f"?{query.decode()}" if query else "")


def _money_request(
    serves: FastOperation,
    method: str,
    path: str,
    claims: AccessClaims,
    number: int,
    read: Mapping[bytes, bytes],
    body: bytes,
    language: str,
) -> MoneyRequest | None:
    data = _object(body) if is_json(read.get(b"content-type", b"")[: MAX_CONTENT_TYPE_LENGTH + 1]) else None
    key = read.get(b"idempotency-key", b"").decode("latin-1")
    if data is None or (serves.is_keyed and not VISIBLE_ASCII.fullmatch(key)):
        return None
    plan = serves.plan(claims.user_id, data, number or None)
    if plan is None:
        return None
    return MoneyRequest(
        claims=claims,
        operation=serves,
        plan=plan,
        key=key if serves.is_keyed else None,
        fingerprint=fingerprint_of(canonical(method, path, data)),
        language=language,
    )


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        return parse_object(body)
    except APIException:
        return None


def from_scope(scope: MutableMapping[str, Any], body: bytes) -> ApiRequest | None:
    """Recognise an ASGI request whose body was gathered."""
    if not may_be_fast(scope["method"], scope["path"]):
        return None
    return recognise(scope["method"], scope["path"], scope["query_string"], scope["headers"], scope["scheme"], body)
