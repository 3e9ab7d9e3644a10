"""Random requests of the addresses that the event loop may answer: good, refused, malformed, repeated, of anybody."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import jwt
from django.conf import settings
from django.utils import timezone

from accounts import tokens
from accounts.models import User
from api.fields import MAX_ID
from config.server.api_requests import PREFIX, ROUTES, recognise
from payments.ledger.services.wallets import open_wallet
from payments.models import Transaction
from payments.orders import services as orders
from tests.support import recipes
from tests.support.exchanges import store_rate
from tests.support.ledger import clearing_wallet, wallet_of
from tests.support.provider import Delivery
from tests.support.purchases import a_product

#: Nobody's.
MISSING = 987_654_321
ORDERS_OF_ONE = 20
#: Its pages may read the answers.
ORIGIN = "https://shop.example.com"
GOOD_AMOUNTS: tuple[Any, ...] = ("1.00", "0.01", "3", 2, 1.5, "0.50", "19.99", "7.10", 40)
#: Refused, or not even an amount.
ODD_AMOUNTS: tuple[Any, ...] = (
    *("99999999", "1.001", "0", 0, "-1.00", "1e2", " 5", "٣", "1_0", "+5", "007", "1000000000000000000.01", 1e300),
    *(0.1 + 0.2, None, True, [], {}, "", "NaN", 10**30),
)
ODD_IDS: tuple[Any, ...] = (0, -1, MISSING, MAX_ID, MAX_ID + 1, 1.0, True, None, "", "7", "x", [], 10**40)
ODD_NOTES: tuple[Any, ...] = (
    "",
    " padded ",
    "line\nbreak",
    "nul\0",
    "é" * 140,
    "x" * 141,
    "x" * 5000,
    7,
    None,
    "\u202e",
    "👍",
)
ODD_METADATA: tuple[Any, ...] = (
    *({}, {"order": ""}, {"order": " 7\n"}, {"order": "\u202e"}, {"a.B-9_": "x" * 500, "ü": "y"}, {"k" * 41: "x"}),
    *({"k": "x" * 501}, {"k": 7}, {"k": None}, {"k": {}}, {"": "x"}, {f"k{n}": "v" for n in range(21)}, [], None, "k"),
)
ODD_KEYS = ("", " ", "a b", "é", "k" * 255, "k" * 256, "!", "~", "\t", '"quoted"')
Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class RandomRequest:
    method: str
    path: str
    headers: Headers
    body: bytes

    def as_bytes(self) -> bytes:
        named = [*self.headers, ("content-length", str(len(self.body)))]
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in named)]
        return "\r\n".join([*lines, "", ""]).encode() + self.body

    def delivery(self) -> Delivery:
        """As tests.support.load_client sends it. Of two headers of a name it has the last."""
        return Delivery(self.path, self.body, dict(self.headers), self.method)

    @property
    def address(self) -> str:
        """The path as ROUTES has it."""
        parts = self.path.partition("?")[0].removeprefix(PREFIX).split("/")
        return "/".join([parts[0], "{id}", *parts[2:]] if len(parts) > 1 else parts)

    def is_recognised(self) -> bool:
        """Tell whether the event loop takes it."""
        path, _, query = self.path.partition("?")
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers]
        return recognise(self.method, path, query.encode(), headers, "http", self.body) is not None


class Owner:
    """A user with what they own, and a token for each state that a login may be in."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.dollars = [wallet_of(user, holding="2000"), wallet_of(user, holding="20")]
        self.euros = wallet_of(user, "EUR", holding="500")
        self.yen = open_wallet(owner_id=user.pk, currency="JPY").pk
        self.bank = int(recipes.bank_account.make(owner=user).pk)
        self.token = tokens.open_family(user=user).access
        self.keys: list[str] = []

    @property
    def wallets(self) -> list[int]:
        return [*self.dollars, self.euros, self.yen]

    def orders(self) -> tuple[list[int], list[int]]:
        """Request deposits and withdrawals, and return their ids."""
        terms: dict[str, Any] = {"user_id": self.user.pk, "wallet_id": self.dollars[0], "amount": Decimal(5)}
        times = range(ORDERS_OF_ONE)
        deposits = [orders.request_deposit(**terms).pk for _ in times]
        return deposits, [orders.request_withdrawal(**terms, external_wallet_id=self.bank).pk for _ in times]


@dataclass
class RandomRequests:
    """Makes the cast, and then one request after another. The same `seed` makes the same requests."""

    seed: int
    _sent: list[RandomRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.owners = [Owner(user) for user in recipes.user.make(_quantity=3)]
        self.deposits, self.withdrawals = [], []
        for owner in self.owners:
            deposits, withdrawals = owner.orders()
            self.deposits += deposits
            self.withdrawals += withdrawals
        self.service, limited = recipes.service.make(_quantity=2)
        recipes.settlement_scope.make(service=self.service)
        recipes.settlement_scope.make(service=limited, everything=False, currency_id="EUR")
        self.others = [recipes.admin.make(), limited]
        in_a_day = timezone.now() + timedelta(days=1)
        self.quotes = [
            recipes.expired_quote.make(user=owner.user, expires_at=expires_at).pk
            for owner in self.owners
            for expires_at in [in_a_day] * 8 + [timezone.now() - timedelta(minutes=1)]
        ]
        self.products = [a_product(stock=40).pk, a_product(price="1.00").pk, a_product(is_active=False).pk]
        self.products.append(a_product(price="3", currency_id="EUR").pk)
        for operation in ("deposit", "withdrawal", "transfer", "exchange"):
            recipes.commission_rule.make(operation=operation, percent=1)
        store_rate("USD", "EUR", "0.9")
        store_rate("EUR", "USD", "1.1")
        self.transactions = [*Transaction.objects.order_by("pk").values_list("pk", flat=True)]
        self.service_token = tokens.open_family(user=self.service).access
        self.tokens_of_others = [tokens.open_family(user=user).access for user in self.others]
        self.dead_tokens = [_expired(), _foreign(), _ended(), _disabled(), _raised_epoch(), "rubbish", "a.b.c", ""]
        #: Of an address in ROUTES: from whoever asks to the ids in the path, and the body.
        self.makers: dict[tuple[str, str], Callable[[Owner], tuple[int, Any]]] = {
            ("POST", "transfers"): lambda me: (0, self._transfer(me)),
            ("POST", "purchases"): lambda me: (0, self._purchase(me)),
            ("POST", "exchanges"): lambda me: (0, self._exchange(me)),
            ("POST", "deposits"): lambda me: (0, self._order(me)),
            ("POST", "withdrawals"): lambda me: (0, self._withdrawal(me)),
            ("PUT", "deposits/{id}/status"): lambda _: (self.dice.choice(self.deposits), self._settlement()),
            ("PUT", "withdrawals/{id}/status"): lambda _: (self.dice.choice(self.withdrawals), self._settlement()),
            ("GET", "wallets"): lambda _: (0, None),
            ("GET", "wallets/{id}"): lambda me: (self._path_id(me.wallets), None),
            ("GET", "transactions"): lambda _: (0, None),
            ("GET", "transactions/{id}"): lambda _: (self._path_id(self.transactions), None),
        }

    def one(self) -> RandomRequest:
        """Return a new request, or one that was sent before."""
        if self._sent and self._chance(0.06):
            return self.dice.choice(self._sent[-40:])
        request = self._new()
        self._sent.append(request)
        return request

    def _new(self) -> RandomRequest:
        address = self.dice.choice([*ROUTES]) if self._chance(0.85) else self.dice.choice([*self.makers])
        me = self.dice.choice(self.owners)
        number, members = self.makers[address](me)
        method, path = address[0], address[1].replace("{id}", str(number))
        token = self.service_token if path.endswith("status") else me.token
        if self._chance(0.08):
            token = self.dice.choice([*self.tokens_of_others, *self.dead_tokens, self.service_token, me.token])
        body = b"" if members is None else self._written(members)
        request = self._request(method, path, token, body, self._key(me) if method == "POST" else None)
        return self._oddly_asked(request) if self._chance(0.25) else request

    def _request(self, method: str, path: str, token: str, body: bytes, key: str | None) -> RandomRequest:
        headers = [("host", "127.0.0.1"), ("authorization", f"Bearer {token}")]
        if body or method != "GET":
            headers.append(("content-type", "application/json"))
        if key is not None:
            headers.append(("idempotency-key", key))
        return RandomRequest(method, PREFIX + path, headers, body)

    # --- members ---

    def _chance(self, share: float) -> bool:
        return self.dice.random() < share

    def _key(self, me: Owner) -> str:
        """Mostly a new one, else one that this user has sent, or any."""
        known = [*me.keys[-10:], *self.owners[0].keys[-2:]]
        if known and self._chance(0.1):
            return self.dice.choice(known)
        me.keys.append(f"key-{self.dice.getrandbits(64):x}")
        return me.keys[-1]

    def _wallet(self, me: Owner, usual: int | None = None) -> Any:
        """Mostly one of the user's own, else another user's, the house's, a missing one, or no id at all."""
        if self._chance(0.75):
            return usual or me.dollars[0] if self._chance(0.8) else self.dice.choice(me.wallets)
        stranger = self.dice.choice(self.owners)
        return self.dice.choice([*stranger.wallets, clearing_wallet(), MISSING, self.dice.choice(ODD_IDS)])

    def _amount(self, members: dict[str, Any]) -> dict[str, Any]:
        return members | {"amount": self.dice.choice(GOOD_AMOUNTS if self._chance(0.8) else ODD_AMOUNTS)}

    def _attaching(self, members: dict[str, Any]) -> dict[str, Any]:
        if self._chance(0.3):
            members["reference"] = self.dice.choice(["order 7", "ü" * 255, "x" * 256, *ODD_NOTES])
        if self._chance(0.3):
            good = {"order": "7", "shop": 'Köln \\ "x" 👍'}
            members["metadata"] = good if self._chance(0.5) else self.dice.choice(ODD_METADATA)
        return members

    def _pair(self, me: Owner, destination: int) -> dict[str, Any]:
        return self._amount({"source": self._wallet(me), "destination": self._wallet(me, destination)})

    def _exchange(self, me: Owner) -> dict[str, Any]:
        members = self._attaching(self._pair(me, me.euros))
        if self._chance(0.3):
            members["quote"] = self.dice.choice([*self.quotes, self.dice.choice(ODD_IDS)])
            if self._chance(0.9):
                del members["amount"]
        return members

    def _order(self, me: Owner) -> dict[str, Any]:
        members = self._attaching(self._amount({"wallet": self._wallet(me)}))
        if self._chance(0.2):
            members["provider"] = self.dice.choice(["sha1_colon", "nobody", "", "Ä", None, 7, "x" * 300])
        return members

    def _transfer(self, me: Owner) -> dict[str, Any]:
        other = self.dice.choice(self.owners)
        members = self._attaching(self._pair(me, other.dollars[0]))
        if self._chance(0.1):
            del members["destination"]
            members["recipient"] = other.user.email
        return members | ({"note": self.dice.choice(["thanks", *ODD_NOTES])} if self._chance(0.3) else {})

    def _purchase(self, me: Owner) -> dict[str, Any]:
        product = self.dice.choice([*self.products, self.products[0], self.dice.choice(ODD_IDS)])
        members = self._attaching({"product": product, "wallet": self._wallet(me)})
        if self._chance(0.4):
            members["quantity"] = self.dice.choice([1, 2, 3, 0, -1, "2", 1.0, None, 10**9, True])
        if self._chance(0.2):
            members["expected_price"] = self.dice.choice(["25.00", "1.00", "25", 25, "x", None])
        return members

    def _withdrawal(self, me: Owner) -> dict[str, Any]:
        bank = me.bank if self._chance(0.8) else self.dice.choice([self.owners[0].bank, *ODD_IDS])
        return self._order(me) | {"external_wallet": bank}

    def _settlement(self) -> dict[str, Any]:
        status = self.dice.choice(["paid", "rejected", "paid", "rejected", "pending", "cancelled", "", None, 1])
        reasons = {} if self._chance(0.7) else {"reason": self.dice.choice(["wrong bank", *ODD_NOTES])}
        return {"status": status, **reasons}

    def _path_id(self, own: list[int]) -> Any:
        if self._chance(0.7):
            return self.dice.choice(own)
        strangers = [wallet for owner in self.owners for wallet in owner.wallets]
        return self.dice.choice([*strangers, MISSING, MAX_ID, MAX_ID + 1, 10**30, 0, "01", "x", "٣", "-1", ""])

    # --- how it is written and asked ---

    def _written(self, members: dict[str, Any]) -> bytes:
        if self._chance(0.05):
            members = {**members, self.dice.choice(["dry_run", "extra", "Amount", "source "]): True}
        if self._chance(0.05):
            members.pop(self.dice.choice([*members]))
        text = json.dumps(members, ensure_ascii=self._chance(0.5))
        if self._chance(0.92):
            return text.encode()
        odd = [
            text[:-1],
            text + " x",
            f"[{text}]",
            "\ufeff" + text,
            text[:-1] + ', "amount": "1"}',
            "",
            "null",
            "{}",
            "7",
        ]
        odd += [
            f" {text}\r\n",
            text.replace(":", ": NaN, ", 1),
            "[" * 4000,
            '{"a":' * 500,
            text + " " * 5000,
            '"\\ud800"',
        ]
        return self.dice.choice(odd).encode()

    def _oddly_asked(self, request: RandomRequest) -> RandomRequest:
        path, method, headers = request.path, request.method, [*request.headers]
        if method == "GET" and self._chance(0.4):
            return replace(request, path=f"{path}?{self.dice.choice(_QUERIES)}")
        if self._chance(0.3):
            path += self.dice.choice(
                ["?dry_run=true", "?dry_run=yes", "?", "?limit=2", "/", "?limit=0", "?format=json"]
            )
        elif self._chance(0.1):
            method = self.dice.choice(["HEAD", "OPTIONS", "DELETE", "PATCH", "GET", "POST"])
        else:
            name, value = self.dice.choice(_ODD_HEADERS + [("idempotency-key", key) for key in ODD_KEYS])
            if self._chance(0.7):  # instead of the usual one; else beside it
                headers = [header for header in headers if header[0] != name]
            if value is not None:
                headers.append((name, value))
        return RandomRequest(method, path, headers, request.body)


_QUERIES = (
    *(
        "limit=1",
        "limit=2",
        "limit=50",
        "limit=100",
        "limit=101",
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=01",
        "limit=",
    ),
    *(
        "limit=2&limit=3",
        "limit=%32",
        "limit=2&cursor=",
        "cursor=x",
        "limit=+2",
        "limit=2&kind=transfer",
        "Limit=2",
        "%00",
    ),
)
_ODD_HEADERS: list[tuple[str, str | None]] = [
    *[(name, None) for name in ("authorization", "content-type", "idempotency-key", "host")],
    *[("accept", value) for value in ("*/*", "application/json", "text/html", "application/xml", "")],
    *[("accept", value) for value in ("application/json;q=0.5", "text/html, */*", "application/*", "*", "x" * 300)],
    *[
        ("content-type", value)
        for value in ("text/plain", "application/json; charset=utf-8", "", "multipart/form-data")
    ],
    *[("content-type", value) for value in ("application/json; charset=utf-16", "APPLICATION/JSON", "application/xml")],
    *[("authorization", value) for value in ("Basic eDp5", "bearer x", "Bearer", "Bearer a b", "Token x", "é")],
    *[("host", value) for value in ("example.com", "localhost:80", "127.0.0.1:99999", "[::1]", "", "a b", "LOCALHOST")],
    *[("x-request-id", value) for value in ("my-own-id-0001", "short", "x" * 65, "id with spaces here", "é" * 8)],
    *[("x-forwarded-proto", value) for value in ("https", "http", "https, http")],
    *[("origin", ORIGIN)] * 6,
    *[("origin", "null"), ("x-forwarded-for", "1.2.3.4")],
    *[("x-http-method-override", "DELETE"), ("if-none-match", "*"), ("accept-language", "de"), ("cookie", "a=b")],
    *[("accept-encoding", "gzip"), ("range", "bytes=0-1"), ("te", "trailers"), ("connection", "close")],
]


# --- tokens that are no longer good, or never were ------------------------------------------------------------


def _claims(user: User) -> dict[str, Any]:
    access = tokens.open_family(user=user).access
    return dict(jwt.decode(access, options={"verify_signature": False}))


def _expired() -> str:
    claims = _claims(recipes.user.make())
    return jwt.encode(claims | {"exp": claims["iat"] - 60}, settings.TILL_JWT_KEY, "HS256")


def _foreign() -> str:
    return jwt.encode(_claims(recipes.user.make()), "a key of somebody else, long enough to be one", "HS256")


def _ended() -> str:
    pair = tokens.open_family(user=recipes.user.make())
    tokens.end_family(refresh=pair.refresh)
    return pair.access


def _disabled() -> str:
    user = recipes.user.make()
    access = tokens.open_family(user=user).access
    User.objects.filter(pk=user.pk).update(is_active=False)
    return access


def _raised_epoch() -> str:
    user = recipes.user.make()
    access = tokens.open_family(user=user).access
    User.objects.filter(pk=user.pk).update(token_epoch=user.token_epoch + 1)
    return access
