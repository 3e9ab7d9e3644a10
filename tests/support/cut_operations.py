"""Each operation that moves or reserves money: its stage, the same each time, and how a repeat of it is answered."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cache, partial
from itertools import count
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.db import InterfaceError, OperationalError, connection
from django.test import RequestFactory

from accounts.models import Role, User
from accounts.tokens import open_family
from catalog import services as shop
from config.problems import response_for
from config.server.api_endpoint import ApiAnswer, answer_of
from payments.exchange.services import quote
from payments.ledger.booking.house import house_currencies
from payments.ledger.services.wallets import open_wallet
from payments.models import Wallet, Withdrawal
from payments.operations.batch import request_steps
from payments.operations.requests import MoneyRequest
from payments.orders import services as orders
from payments.webhooks import receiving
from postgres.event_loop_connection import EventLoopConnection, connect
from tests.support import recipes
from tests.support.ledger import house_wallet, wallet_with
from tests.support.notices import NOBODY, credit, notice, refused_notice
from tests.support.provider import SHA1_COLON, STANDARD, Delivery, Form
from tests.support.purchases import a_product
from tests.support.request_batches import transfer

API = "/api/v1"
KEY = "the-one-key"
_numbers = count(10**6)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


Act = Callable[[], Answer]
#: Asserts that this is how a repeat is answered; told whether the cut one had done its work.
Repeated = Callable[[Answer, bool], None]


@dataclass(frozen=True)
class Operation:
    """`stage` sets the same stage each time and returns the act, which repeats itself under the same key.

    `is_noted`: a repeat is written into the history as well, and moves nothing.
    """

    stage: Callable[[], Act]
    repeated: Repeated
    is_noted: bool = False


# --- how it is done -----------------------------------------------------------------------------------------


def new_user(name: str, role: Role = Role.USER, **fields: Any) -> User:
    user: User = recipes.USERS[role].make(email=f"{name}{next(_numbers)}@example.com", **fields)
    return user


def request(user: User, method: str, path: str, **body: Any) -> Act:
    headers = {
        "content-type": "application/json",
        "authorization": f"Bearer {open_family(user=user).access}",
        "idempotency-key": KEY,
    }
    return partial(deliver, Delivery(f"{API}/{path}", json.dumps(body).encode(), headers, method))


def deliver(delivery: Delivery) -> Answer:
    """Hand it to Django as a server does, from the first signal to the last: the connection is given back."""
    headers = dict(delivery.headers)
    content_type = headers.pop("content-type")
    request_ = RequestFactory().generic(
        delivery.method, delivery.path, delivery.body, content_type=content_type, headers=headers
    )
    started: list[tuple[str, dict[str, str]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        started.append((status, dict(headers)))
        return started.append  # type: ignore[return-value]  # nobody writes

    response = _django()(request_.environ, start_response)
    body = b"".join(response)
    response.close()
    [(status, received)] = started
    return Answer(int(status.split()[0]), received, json.loads(body))


@cache
def _django() -> WSGIHandler:
    return WSGIHandler()


def in_event_loop(user: User, source: int, destination: int) -> Act:
    """Send a transfer as the event loop does. What it would leave to the view is a 503, as if that were cut, too."""
    sent_request = transfer(open_family(user=user).access, source, destination, KEY, "30.00")

    async def run(raw: Any) -> ApiAnswer | None:
        session = EventLoopConnection(raw)
        try:
            assert isinstance(sent_request.item, MoneyRequest)
            [outcome] = await session.run(request_steps([sent_request.item], response_for))
        finally:
            session.close()
        return answer_of(sent_request, outcome)

    def act() -> Answer:
        try:
            answer = asyncio.run(run(connect()))
        except (OperationalError, InterfaceError):
            return Answer(503, {"Retry-After": "1"}, {"code": "database_unavailable"})
        assert answer is not None
        headers = {name.title(): value for name, value in answer.headers}
        return Answer(answer.status, headers, json.loads(answer.body))

    return act


def directly(work: Callable[[], Any]) -> Act:
    """Call a service without HTTP: a lost database is what would be a 503."""

    def act() -> Answer:
        try:
            return Answer(200, {}, work())
        except (OperationalError, InterfaceError):
            return Answer(503, {"Retry-After": "1"}, {"code": "database_unavailable"})
        finally:
            connection.close()

    return act


def keyed(answer: Answer, done: bool) -> None:
    assert answer.status == 201, answer
    assert (answer.headers.get("Idempotent-Replayed") == "true") is done


def settled(answer: Answer, done: bool) -> None:
    assert answer.status == 200, answer
    assert answer.body["status"] in ("paid", "rejected", "cancelled")


def noticed(answer: Answer, done: bool) -> None:
    assert answer.status == 200, answer
    assert answer.body["duplicate"] is done


def once(answer: Answer, done: bool) -> None:
    """Without a key: who is told that it was done before knows that it is done."""
    if done:
        assert (answer.status, answer.body["code"]) == (409, "already_reversed")
    else:
        assert answer.status == 201, answer


def silent(answer: Answer, done: bool) -> None:
    assert answer.status == 200, answer


# --- the operations -----------------------------------------------------------------------------------------


def deposit_asked_for() -> Act:
    alice = new_user("alice")
    wallet = open_wallet(owner_id=alice.pk, currency="USD")
    return request(alice, "POST", "deposits", wallet=wallet.pk, amount="100.00")


def settler() -> User:
    service = new_user("service", Role.SERVICE)
    recipes.settlement_scope.make(service=service)
    return service


def deposit_settled() -> Act:
    alice, service = new_user("alice"), settler()
    wallet = open_wallet(owner_id=alice.pk, currency="USD")
    order = orders.request_deposit(user_id=alice.pk, wallet_id=wallet.pk, amount=Decimal(100))
    return request(service, "PUT", f"deposits/{order.pk}/status", status="paid")


def withdrawal_asked_for() -> Act:
    alice = new_user("alice")
    wallet, bank = wallet_with(alice, "USD", "100"), recipes.bank_account.make(owner=alice)
    return request(alice, "POST", "withdrawals", wallet=wallet.pk, external_wallet=bank.pk, amount="40.00")


def withdrawal_settled(status: str) -> Act:
    order = a_withdrawal(new_user("alice"))
    return request(settler(), "PUT", f"withdrawals/{order.pk}/status", status=status)


def withdrawal_cancelled() -> Act:
    alice = new_user("alice")
    order = a_withdrawal(alice)
    return request(alice, "POST", f"withdrawals/{order.pk}/cancel")


def a_withdrawal(owner: User) -> Withdrawal:
    wallet, bank = wallet_with(owner, "USD", "100"), recipes.bank_account.make(owner=owner)
    return orders.request_withdrawal(
        user_id=owner.pk, wallet_id=wallet.pk, external_wallet_id=bank.pk, amount=Decimal(40)
    )


def transfer_between_own() -> Act:
    alice = new_user("alice")
    source, other = wallet_with(alice, "USD", "100"), open_wallet(owner_id=alice.pk, currency="USD")
    return request(alice, "POST", "transfers", source=source.pk, destination=other.pk, amount="30.00")


def transfer_in_event_loop() -> Act:
    alice, bob = new_user("alice"), new_user("bob")
    other = open_wallet(owner_id=bob.pk, currency="USD")
    house_currencies([house_wallet(Wallet.House.COMMISSION)])  # each process reads it once
    return in_event_loop(alice, wallet_with(alice, "USD", "100").pk, other.pk)


def transfer_to_another(*, has_wallet: bool) -> Act:
    alice, bob = new_user("alice"), new_user("bob")
    source = wallet_with(alice, "USD", "100")
    if has_wallet:
        open_wallet(owner_id=bob.pk, currency="USD")
    return request(alice, "POST", "transfers", source=source.pk, recipient=bob.email, amount="30.00", note="rent")


def exchange(*, quoted: bool) -> Act:
    alice = new_user("alice")
    wallets = {
        "source": wallet_with(alice, "USD", "100").pk,
        "destination": open_wallet(owner_id=alice.pk, currency="EUR").pk,
    }
    if not quoted:
        return request(alice, "POST", "exchanges", **wallets, amount="50.00")
    promised = quote(user_id=alice.pk, source="USD", target="EUR", amount=Decimal(50))
    return request(alice, "POST", "exchanges", **wallets, quote=promised.pk)


def purchase() -> Act:
    alice = new_user("alice")
    wallet = wallet_with(alice, "USD", "100")
    return request(alice, "POST", "purchases", product=a_product(stock=9).pk, wallet=wallet.pk, quantity=2)


def refund() -> Act:
    alice, admin = new_user("alice"), new_user("admin", Role.ADMIN)
    wallet = wallet_with(alice, "USD", "100")
    sold = shop.buy(user_id=alice.pk, product_id=a_product().pk, wallet_id=wallet.pk)
    return request(admin, "POST", f"purchases/{sold.pk}/refunds", amount="10.00")


def reversal() -> Act:
    booked = credit(new_user("alice"), next(_numbers), "100").transaction_id
    return request(new_user("admin", Role.ADMIN), "POST", f"transactions/{booked}/reverse", reason="disputed")


def webhook(form: Form, *, is_new: bool) -> Act:
    alice, account = new_user("alice"), next(_numbers)
    if not is_new:
        credit(alice, account)
    number = str(next(_numbers)) if form.account_field == "bill_id" else ""
    return partial(deliver, form.notice(user_id=alice.pk, account_id=account, amount="10.00", transaction_id=number))


def batch_of_notices() -> Act:
    alice, old, new = new_user("alice"), next(_numbers), next(_numbers)
    credit(alice, old)
    noted = [notice(user_id=alice.pk, account=account, external_id=f"{account}") for account in (old, new)]

    def work() -> dict[str, bool]:
        first, second = receiving.credit(noted)
        assert isinstance(first, receiving.Credited)
        assert isinstance(second, receiving.Credited)
        assert first.duplicate == second.duplicate
        return {"duplicate": first.duplicate}

    return directly(work)


def replay() -> Act:
    """The notice was too early: its user came only now."""
    absent = NOBODY - next(_numbers)
    event = refused_notice(user_id=absent, account=next(_numbers))
    new_user("alice", pk=absent)
    return request(new_user("admin", Role.ADMIN), "POST", f"webhook-events/{event.pk}/replay")


def expiry_of_deposits() -> Act:
    alice = new_user("alice")
    wallet = open_wallet(owner_id=alice.pk, currency="USD")
    for _ in range(2):
        orders.request_deposit(user_id=alice.pk, wallet_id=wallet.pk, amount=Decimal(100))
    return directly(expire)


def expiry_of_withdrawals() -> Act:
    for name in ("alice", "bob"):
        a_withdrawal(new_user(name))
    return directly(expire)


def expiry_of_both() -> Act:
    alice = new_user("alice")
    order = a_withdrawal(alice)
    orders.request_deposit(user_id=alice.pk, wallet_id=order.wallet_id, amount=Decimal(100))
    return directly(expire)


def expire() -> None:
    for _ in orders.expire_orders(older_than=timedelta(0)):
        pass


EXPIRY = Operation(expiry_of_both, silent)
OPERATIONS = {
    "a deposit asked for": Operation(deposit_asked_for, keyed),
    "a deposit paid": Operation(deposit_settled, settled),
    "a withdrawal asked for": Operation(withdrawal_asked_for, keyed),
    "a withdrawal paid": Operation(partial(withdrawal_settled, "paid"), settled),
    "a withdrawal rejected": Operation(partial(withdrawal_settled, "rejected"), settled),
    "a withdrawal cancelled": Operation(withdrawal_cancelled, settled),
    "a transfer between own wallets": Operation(transfer_between_own, keyed),
    "a transfer to another": Operation(partial(transfer_to_another, has_wallet=True), keyed),
    "a transfer that opens a wallet": Operation(partial(transfer_to_another, has_wallet=False), keyed),
    "a transfer in the event loop": Operation(transfer_in_event_loop, keyed),
    "an exchange": Operation(partial(exchange, quoted=False), keyed),
    "an exchange by quote": Operation(partial(exchange, quoted=True), keyed),
    "a purchase": Operation(purchase, keyed),
    "a refund": Operation(refund, keyed),
    "a reversal": Operation(reversal, once),
    **{
        f"a {form.name} webhook to {'a new' if is_new else 'an old'} wallet": Operation(
            partial(webhook, form, is_new=is_new), noticed
        )
        for form, is_new in ((SHA1_COLON, True), (SHA1_COLON, False), (STANDARD, False))
    },
    "a batch of notices": Operation(batch_of_notices, noticed),
    "a replayed notice": Operation(replay, noticed, is_noted=True),
    "the expiry of deposits": Operation(expiry_of_deposits, silent),
    "the expiry of withdrawals": Operation(expiry_of_withdrawals, silent),
}
