"""What it takes to call any operation of the API: users and their things, made when asked for, and the request itself.

The requests are in tests/support/operation_table.py.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, cached_property
from itertools import count
from typing import Any
from uuid import UUID

from django.test import Client

from accounts import services, tokens
from accounts.models import User
from catalog.models import Product
from catalog.services import buy
from config.docs_pages import legacy_schema_document, schema_document
from payments.api_keys.services import NewKey, add_key
from payments.deliveries import services as deliveries
from payments.events import queries, relay
from payments.exchange import services as exchange
from payments.ledger.services.wallets import open_wallet
from payments.models import CommissionRule, EventEndpoint, Provider, SettlementScope, WebhookEvent
from payments.orders import services as orders
from payments.transfers import services as transfers
from tests.support import recipes
from tests.support.exchanges import store_rate
from tests.support.ledger import book_transfer, clearing_wallet, wallet_with
from tests.support.notices import NOBODY, refused_notice
from tests.support.orders import make_rule
from tests.support.provider import Form
from tests.support.purchases import a_product
from tests.support.shop_users import PASSWORD, password_hash

_keys = count(1)
TEN, PRODUCT = Decimal("10.00"), {"title": "Lamp", "price": "59.00", "currency": "USD"}


def new_user(name: str, role: str = "user", **fields: Any) -> User:
    user: User = recipes.USERS[role].make(email=f"{name}@example.com", password=password_hash(), **fields)
    return user


class OwnedObjects:
    """What somebody owns; `currency` is that of the orders and of all wallets but `other_currency`."""

    def __init__(self, owner: User, currency: str = "USD") -> None:
        self.owner = owner
        self.currency = currency
        self._other = "EUR" if currency == "USD" else "USD"

    def _wallet(self) -> int:
        return int(wallet_with(self.owner, self.currency, "1000").pk)

    @cached_property
    def wallet(self) -> int:
        return self._wallet()

    @cached_property
    def second_wallet(self) -> int:
        return self._wallet()

    @cached_property
    def other_currency(self) -> int:
        return int(open_wallet(owner_id=self.owner.pk, currency=self._other).pk)

    @cached_property
    def transaction(self) -> int:
        return book_transfer((clearing_wallet(self.currency), self.wallet, "5"), kind="deposit")

    @cached_property
    def external_wallet(self) -> int:
        return int(recipes.bank_account.make(owner=self.owner, currency_id=self.currency).pk)

    @cached_property
    def deposit(self) -> int:
        return int(orders.request_deposit(user_id=self.owner.pk, wallet_id=self.wallet, amount=TEN).pk)

    @cached_property
    def withdrawal(self) -> int:
        order = orders.request_withdrawal(
            user_id=self.owner.pk, wallet_id=self.wallet, external_wallet_id=self.external_wallet, amount=TEN
        )
        return int(order.pk)

    @cached_property
    def transfer(self) -> int:
        sent = transfers.transfer(
            user_id=self.owner.pk, source_id=self.wallet, destination_id=self.second_wallet, amount=TEN
        )
        return int(sent.pk)

    @cached_property
    def quote(self) -> int:
        store_rate(self.currency, self._other)
        pair = {"source": self.currency, "target": self._other}
        return int(exchange.quote(user_id=self.owner.pk, amount=TEN, **pair).pk)

    @cached_property
    def exchange(self) -> int:
        wallets: dict[str, Any] = {"source_id": self.wallet, "destination_id": self.other_currency}
        return int(exchange.exchange_quoted(user_id=self.owner.pk, quote_id=self.quote, **wallets).pk)

    @cached_property
    def purchase(self) -> int:
        product = a_product(currency_id=self.currency)
        return int(buy(user_id=self.owner.pk, product_id=product.pk, wallet_id=self.wallet).pk)


@dataclass
class OperationContext:
    """`the`: whose object the request is about. `my`: the caller's own things, for what else the request names."""

    the: OwnedObjects
    my: OwnedObjects

    @cached_property
    def staff(self) -> User:
        return new_user("staff", "admin")

    @cached_property
    def product(self) -> Product:
        return a_product()

    @cached_property
    def archived(self) -> Product:
        return a_product(is_active=False)

    @cached_property
    def newcomer(self) -> User:
        return services.register(email="newcomer@example.com", password=PASSWORD, base_url="http://till")[0]

    @cached_property
    def login(self) -> tokens.TokenPair:
        return tokens.open_family(user=self.the.owner)

    @cached_property
    def session(self) -> UUID:
        """The login of the owner that `login` has begun."""
        return tokens.claims_of_access(self.login.access).family_id

    @cached_property
    def scope(self) -> SettlementScope:
        return orders.add_scope(service_id=new_user("settler", "service").pk, staff=self.staff, currency="EUR")

    @cached_property
    def api_key(self) -> NewKey:
        return add_key(user_id=self.scope.service_id, name="A key", scopes=["deposits:read"], staff=self.staff)

    @cached_property
    def rule(self) -> CommissionRule:
        return make_rule(self.staff, "exchange", percent="1")

    @cached_property
    def provider(self) -> Provider:
        provider: Provider = recipes.provider.make(previous_secret="what the two of us knew before")
        return provider

    @cached_property
    def endpoint(self) -> EventEndpoint:
        return deliveries.add_endpoint(url="https://example.com/hook", staff=self.staff)

    @cached_property
    def position(self) -> int:
        """Of the newest event."""
        assert self.the.wallet
        relay.sequence()
        return queries.last_position()

    @cached_property
    def event(self) -> WebhookEvent:
        """A notice for a user who did not exist when it came, and exists now."""
        unmatched = refused_notice(user_id=NOBODY, account=7)
        new_user("late", pk=NOBODY)
        return unmatched


@dataclass(frozen=True)
class Call:
    """What is sent: a body, or one that the provider `form` signs, to the address with `where` filled in.

    `listed` is the id of the object that a list is looked through for.
    """

    body: dict[str, Any] | None = None
    where: dict[str, Any] = field(default_factory=dict)
    listed: int | str | None = None
    form: Form | None = None


def to(body: dict[str, Any] | None = None, **where: Any) -> Call:
    return Call(body, where)


def find(listed: int | str) -> Call:
    return Call(listed=listed)


def notice(form: Form, context: OperationContext, **where: Any) -> Call:
    fields = form.fields(user_id=context.the.owner.pk, account_id=77, amount=100)
    return Call({name: json.loads(literal) for name, literal in fields.items()}, where, form=form)


@dataclass(frozen=True)
class Operation:
    method: str
    address: str
    needs_key: bool
    writes: bool


@cache
def operations() -> dict[str, Operation]:
    """Every operation of the OpenAPI document by its id."""
    return dict(_described(schema_document()))


@cache
def legacy_operations() -> dict[str, Operation]:
    """Every operation of the old addresses by its id."""
    return dict(_described(legacy_schema_document()))


def _described(document: dict[str, Any]) -> Iterator[tuple[str, Operation]]:
    for address, methods in document["paths"].items():
        for method, described in methods.items():
            if method == "parameters":
                continue
            headers = {one["name"] for one in described.get("parameters", ()) if one["in"] == "header"}
            writes = method in ("post", "put", "patch")
            yield described["operationId"], Operation(method, address, "Idempotency-Key" in headers, writes)


@cache
def access_token(user: User) -> str:
    """One login for each user: another for every request would take a quarter of its time."""
    return tokens.open_family(user=user).access


@cache
def _client() -> Client:
    """One for all: each new one loads the middleware again."""
    return Client()


def perform(
    row: str, call: Call, caller: User | str | None, *, method: str = "", query: str = "", **besides: Any
) -> Any:
    """Send the call as the caller, with a token like everybody's; `besides` go into the body, below what it holds.

    `method` is another one than the operation's. A caller who is a text sends that API key.
    """
    name = row.partition(":")[0]
    operation = (legacy_operations() if name.startswith("legacy_") else operations())[name]
    body = {**besides, **(call.body or {})} if call.body or besides else None
    headers = {"Idempotency-Key": f"every-{next(_keys)}"} if operation.needs_key else {}
    if caller:
        token = caller if isinstance(caller, str) else access_token(caller)
        headers["Authorization"] = f"Bearer {token}"
    content = b"" if body is None else json.dumps(body).encode()
    if call.form:
        delivery = call.form.deliver({name: json.dumps(value) for name, value in (body or {}).items()})
        content, headers = delivery.body, headers | delivery.headers
    address = operation.address.format(**call.where) + query
    kind = headers.pop("content-type", "application/json")
    verb = (method or operation.method).upper()
    answer: Any = _client().generic(verb, address, content, content_type=kind, headers=headers)
    if answer.streaming:  # what is not read to its end keeps its transaction
        b"".join(answer.streaming_content)
    return answer


def outcome(call: Call, answer: Any) -> int:
    """The status; of a list 404 when the object that it was looked through for is not in it."""
    if answer.status_code == 200 and call.listed:
        body = answer.json()
        results = body if isinstance(body, list) else body["results"]
        return 200 if call.listed in [row["id"] for row in results] else 404
    return int(answer.status_code)
