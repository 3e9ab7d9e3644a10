"""What happens at Till is an event when it is committed, and its body is as docs/events.md shows it, each time."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from accounts import links
from accounts import services as accounts
from accounts.models import User
from catalog import services as shop
from payments.events import queries, relay, rendering
from payments.events.types import TYPES
from payments.exchange import services as exchange
from payments.ledger.services.reversals import reverse
from payments.models import Event, Provider, WebhookEvent
from payments.orders import services as orders
from payments.transfers.services import transfer
from payments.users import services as users
from payments.webhooks.receiving.replay import replay_event
from tests.support import recipes
from tests.support.every_operation import OwnedObjects
from tests.support.ledger import wallet_of
from tests.support.notices import NOBODY, credit, refused_notice
from tests.support.purchases import a_product

pytestmark = pytest.mark.postgres

TEN = Decimal("10.00")
Story = Callable[[], dict[str, Any]]


def bodies() -> dict[int, bytes]:
    while relay.sequence():
        pass
    return rendering.bodies(queries.page(0, limit=1000).events)


@pytest.fixture
def news(db: None) -> Story:
    """The data of what happened since the last call, by type."""
    position = 0

    def call() -> dict[str, Any]:
        nonlocal position
        events = [json.loads(body) for at, body in bodies().items() if at > position]
        position = queries.last_position()
        return {event["type"]: event["data"] for event in events}

    return call


# --- what is told -------------------------------------------------------------------------------------------


def test_a_user_who_needs_no_link_is_told_of_as_registered_and_activated(news: Story, settings: Any) -> None:
    settings.TILL_ACTIVATION = "none"
    user, link = accounts.register(email="carol@example.com", password="correct horse 42")
    who = {"user": user.pk, "role": "user"}
    events = news()
    assert (link, events["user.registered"], events["user.activated"]) == ("", who, who)


def test_a_users_life_is_told_without_a_name(news: Story, admin: User) -> None:
    user, _ = accounts.register(email="carol@example.com", password="correct horse 42", base_url="http://till")
    who = {"user": user.pk, "role": "user"}
    assert news()["user.registered"] == who
    accounts.activate(token=links.activation_token(user=user))
    assert news() == {"user.activated": who}
    users.disable_user(user_id=user.pk, staff=admin)
    assert news() == {"user.disabled": who}
    users.enable_user(user_id=user.pk, staff=admin)
    assert news() == {"user.enabled": who}
    credit(user, 7)
    news()
    users.delete_user(user_id=user.pk, staff=admin, force=True)
    assert news() == {"user.deleted": who}
    assert not [body for body in bodies().values() if b"carol" in body.lower()]


def test_a_user_whose_row_goes_is_told_of(news: Story, alice: User, admin: User) -> None:
    alice_id = alice.pk
    news()
    users.delete_user(user_id=alice_id, staff=admin)
    assert not User.objects.filter(pk=alice_id).exists()
    assert news() == {"user.deleted": {"user": alice_id, "role": "user"}}


def test_what_nobody_outside_has_to_know_is_no_event(news: Story, alice: User) -> None:
    rate = recipes.exchange_rate.make()
    news()
    alice.full_name = "Alice Example"
    alice.save()
    rate.save()
    assert news() == {}


def test_a_credit_tells_balance_and_sequence(news: Story, alice: User) -> None:
    credit(alice, 123456, "75")
    news()
    credited = credit(alice, 123456, "100", external_id="1234567")
    credit_data = news()["wallet.credited"]
    assert credit_data == {
        "wallet": 123456,
        "user": alice.pk,
        "currency": "USD",
        "amount": "100.00",
        "balance": "175.00",
        "sequence": 2,
        "transaction": credited.transaction_id,
        "kind": "deposit",
        "reference": "sha1_colon 1234567",
        "created_at": credit_data["created_at"],
    }


def test_a_transfer_tells_both_sides(news: Story, alice: User, bob: User) -> None:
    source, destination = wallet_of(alice, holding="25"), wallet_of(bob)
    news()
    sent = transfer(user_id=alice.pk, source_id=source, destination_id=destination, amount=TEN, note="Lunch")
    events = news()
    assert list(events) == ["wallet.debited", "wallet.credited", "transfer.booked"]
    assert (events["wallet.debited"]["wallet"], events["wallet.debited"]["balance"]) == (source, "15.00")
    assert (events["wallet.credited"]["wallet"], events["wallet.credited"]["balance"]) == (destination, "10.00")
    assert events["transfer.booked"]["id"] == sent.pk
    assert (events["transfer.booked"]["user"], events["transfer.booked"]["recipient"]) == (alice.pk, bob.pk)


def test_an_expired_order_is_not_told_as_rejected(news: Story, alice: User, service: User) -> None:
    wallet = wallet_of(alice)
    rejected, _ = (orders.request_deposit(user_id=alice.pk, wallet_id=wallet, amount=TEN) for _ in range(2))
    orders.settle_deposit(deposit_id=rejected.pk, settlement="rejected", by=service, reason="expired")
    assert "deposit.rejected" in news()
    assert [*orders.expire_orders(older_than=timedelta(0))]
    events = news()
    assert list(events) == ["deposit.expired"]
    assert (events["deposit.expired"]["status"], events["deposit.expired"]["reason"]) == ("rejected", "expired")


def test_what_is_rolled_back_is_no_event(news: Story, alice: User) -> None:
    news()
    with transaction.atomic():
        credit(alice, 7)
        transaction.set_rollback(True)
    assert news() == {}


# --- the same each time -------------------------------------------------------------------------------------


def test_a_body_is_the_same_bytes_after_what_it_tells_of_has_changed(
    news: Story, alice: User, admin: User, service: User
) -> None:
    wallet = wallet_of(alice, holding="100")
    deposit = orders.request_deposit(user_id=alice.pk, wallet_id=wallet, amount=TEN, provider="sha1_colon")
    unmatched = refused_notice(user_id=NOBODY, account=7)
    product = a_product()
    bought = shop.buy(user_id=alice.pk, product_id=product.pk, wallet_id=wallet)
    before = bodies()

    orders.settle_deposit(deposit_id=deposit.pk, settlement="paid", by=service)
    recipes.user.make(pk=NOBODY, email="late@example.com")
    replay_event(event=unmatched, staff=admin)
    shop.refund(purchase_id=bought.pk, by=admin, amount=TEN)
    Provider.objects.filter(slug="sha1_colon").update(slug="renamed", currency_id="JPY")
    after = bodies()
    assert len(after) > len(before)
    assert {at: after[at] for at in before} == before
    assert WebhookEvent.objects.get(pk=unmatched.pk).verdict == "credited"


# --- every type ---------------------------------------------------------------------------------------------


def everything_happens(admin: User, service: User) -> None:
    """Each type of event at least once, all by services."""
    user, _ = accounts.register(email="carol@example.com", password="correct horse 42", base_url="http://till")
    accounts.activate(token=links.activation_token(user=user))
    carol = OwnedObjects(user)
    for settlement in ("paid", "rejected"):
        orders.settle_deposit(deposit_id=carol.deposit, settlement=settlement, by=service)
        orders.settle_withdrawal(withdrawal_id=carol.withdrawal, settlement=settlement, by=service)
        del carol.deposit, carol.withdrawal
    orders.cancel_deposit(deposit_id=carol.deposit, user_id=user.pk)
    orders.cancel_withdrawal(withdrawal_id=carol.withdrawal, user_id=user.pk)
    del carol.deposit, carol.withdrawal
    assert carol.deposit
    assert carol.withdrawal
    assert [*orders.expire_orders(older_than=timedelta(0))]
    assert carol.exchange
    exchange.set_rate(source="USD", target="EUR", rate=Decimal("0.91"), staff=admin)
    shop.refund(purchase_id=carol.purchase, by=admin, amount=TEN)
    credited = credit(user, 7, external_id="1")
    refused_notice(user_id=user.pk, account=7, amount="11", external_id="1")
    refused_notice(user_id=NOBODY, account=8)
    assert carol.transfer
    reverse(transaction_id=credited.transaction_id, reason="Sent twice.", staff=admin)
    users.disable_user(user_id=user.pk, staff=admin)
    users.enable_user(user_id=user.pk, staff=admin)
    users.delete_user(user_id=user.pk, staff=admin, force=True)


def form(value: Any) -> Any:
    """A value's type, and of a text whether it is an amount or a time."""
    if isinstance(value, str):
        return next((name for name, pattern in _TEXTS.items() if re.fullmatch(pattern, value)), "text")
    return type(value).__name__


_TEXTS = {"amount": r"-?\d+\.\d+", "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"}


def test_every_type_is_told_with_the_members_that_its_example_has(db: None, admin: User, service: User) -> None:
    everything_happens(admin, service)
    seen = set()
    for event in map(json.loads, bodies().values()):
        assert list(event) == ["id", "position", "type", "timestamp", "data"]
        assert event["id"] == f"evt_{event['position']}"
        assert form(event["timestamp"]) == "time"
        example = TYPES[event["type"]].example
        assert set(event["data"]) == set(example)
        for name, value in event["data"].items():
            if value is not None and example[name] is not None:
                assert (name, form(value)) == (name, form(example[name]))
        seen.add(event["type"])
    assert seen == set(TYPES)


def test_every_posting_side_of_a_user_is_one_event(db: None, admin: User, service: User) -> None:
    everything_happens(admin, service)
    wallets = [json.loads(body)["data"] for body in bodies().values() if b'"type":"wallet.' in body]
    sequences: dict[int, list[int]] = {}
    for data in wallets:
        sequences.setdefault(data["wallet"], []).append(data.get("sequence", 0))
    assert all(numbers == list(range(len(numbers))) for numbers in sequences.values())
    assert Event.objects.count() == len(bodies())


# --- the page -----------------------------------------------------------------------------------------------

PAGE = (settings.BASE_DIR / "docs" / "events.md").read_text()


def test_the_page_lists_every_type() -> None:
    listed = dict(re.findall(r"^\| `([a-z]+\.[a-z]+)` \| (.*) \|$", PAGE, re.MULTILINE))
    assert listed == {name: event_type.description for name, event_type in TYPES.items()}


def test_the_page_shows_a_body_of_every_form() -> None:
    examples = {
        name: json.loads(body)
        for name, body in re.findall(r"^`([a-z.]+)`:\n\n```json\n(.*?)```$", PAGE, re.DOTALL | re.MULTILINE)
    }
    assert examples == {name: dict(TYPES[name].example) for name in examples}
    forms = {frozenset(example) for example in examples.values()}
    assert forms == {frozenset(event_type.example) for event_type in TYPES.values()}
