"""Everybody buys at once: real HTTP, several processes, real PostgreSQL, and kill -9."""

import random
import socket
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

from catalog import services
from catalog.models import Product, Purchase, Refund
from payments.models import IdempotencyKey, Transaction, Wallet
from tests.support import shop_users
from tests.support.ledger import wallet_with
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.live import LiveTill
from tests.support.load_client import as_request, send_all
from tests.support.provider import SHA1_COLON, Delivery
from tests.support.waiting import someone_waits_for_a_lock, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[LiveTill]:
    """One Till for all races: a start for each would take longer than the race."""
    with django_db_blocker.unblock():
        till = LiveTill()
        till.start()
    yield till
    till.stop()


@pytest.fixture
def till(served: LiveTill, committed_db: None) -> Iterator[LiveTill]:
    yield served
    assert_ledger_balances()


def on_sale(price: str = "25", **fields: Any) -> int:
    product = services.create_product(title="Pen", price=Decimal(price), currency="USD", **fields)
    return int(product.pk)


def new_wallet(owner: Any, amount: str) -> int:
    return int(wallet_with(owner, "USD", amount).pk)


def balance(wallet: int) -> Decimal:
    return Decimal(Wallet.objects.get(pk=wallet).balance)


# --- money and stock ----------------------------------------------------------------------------------------


def test_twenty_purchases_with_money_for_two_are_two(till: LiveTill, alice: Any) -> None:
    product, wallet, token = on_sale("10"), new_wallet(alice, "29.99"), shop_users.sign_in(till, alice)
    replies = send_all(till.url, [shop_users.purchase(token, product, wallet) for _ in range(20)], connections=20)
    assert shop_users.outcomes(replies) == {(201, ""): 2, (409, "insufficient_funds"): 18}
    assert balance(wallet) == Decimal("9.99")
    assert Purchase.objects.count() == Transaction.objects.filter(kind="purchase").count() == 2


def test_twenty_purchases_without_a_bill_are_paid_by_two_wallets_to_their_last_cent(
    till: LiveTill, alice: Any, bob: Any
) -> None:
    """Money goes to and fro between the wallets meanwhile, so both orders of their locks would meet."""
    product, token = on_sale("10"), shop_users.sign_in(till, alice)
    wallets = [new_wallet(alice, amount) for amount in ("29.99", "15")]
    strangers = new_wallet(bob, "1000")
    buys = [shop_users.old_request(token, "/products/buy", {"product_id": product}) for _ in range(20)]
    moves = [
        shop_users.old_request(token, "/wallet/transfer", {"source": source, "target": target, "amount": 1})
        for source, target in (wallets, wallets[::-1]) * 5
    ]
    replies = send_all(till.url, random.sample(buys + moves, k=30), connections=20)
    assert {reply.status for reply in replies} <= {201, 409}
    assert {reply.body["code"] for reply in replies if reply.status == 409} <= {"insufficient_funds"}
    left, sold = [balance(wallet) for wallet in wallets], Purchase.objects.count()
    assert min(left) >= 0
    assert (sum(left), sold in {3, 4}) == (Decimal("44.99") - 10 * sold, True)
    assert balance(strangers) == 1000


def test_the_last_item_is_sold_to_one_of_twenty(till: LiveTill, alice: Any, bob: Any, mallory: Any, admin: Any) -> None:
    product, requests = on_sale(stock=1), []
    for buyer in (alice, bob, mallory, admin):
        token, wallet = shop_users.sign_in(till, buyer), new_wallet(buyer, "100")
        requests += [shop_users.purchase(token, product, wallet) for _ in range(5)]
    random.shuffle(requests)
    replies = send_all(till.url, requests, connections=20)
    assert shop_users.outcomes(replies) == {(201, ""): 1, (409, "out_of_stock"): 19}
    assert Product.objects.get().stock == 0
    spent = 400 - sum(Wallet.objects.filter(owner__isnull=False).values_list("balance", flat=True))
    assert (spent, Purchase.objects.count()) == (25, 1)


def test_what_is_left_in_stock_is_never_oversold(till: LiveTill, alice: Any, bob: Any) -> None:
    product = on_sale(stock=7)
    buyers = [(shop_users.sign_in(till, buyer), new_wallet(buyer, "1000")) for buyer in (alice, bob)]
    requests = [shop_users.purchase(token, product, wallet, quantity=2) for token, wallet in buyers * 10]
    replies = send_all(till.url, requests, connections=20)
    assert shop_users.outcomes(replies) == {(201, ""): 3, (409, "out_of_stock"): 17}
    assert Product.objects.get().stock == 1


def test_twenty_refunds_never_pay_back_more_than_was_paid(till: LiveTill, alice: Any, admin: Any) -> None:
    wallet = new_wallet(alice, "50")
    bought = services.buy(user_id=alice.pk, product_id=on_sale(), wallet_id=wallet, quantity=2)
    token = shop_users.sign_in(till, admin)
    replies = send_all(till.url, [shop_users.refund(token, bought.pk, amount="12") for _ in range(20)], connections=20)
    assert shop_users.outcomes(replies) == {(201, ""): 4, (409, "refund_exceeds_purchase"): 16}
    assert (balance(wallet), Refund.objects.count()) == (48, 4)
    wholes = send_all(till.url, [shop_users.refund(token, bought.pk) for _ in range(5)], connections=5)
    assert shop_users.outcomes(wholes) == {(201, ""): 1, (409, "refund_exceeds_purchase"): 4}
    assert balance(wallet) == 50


# --- staff among the buyers ---------------------------------------------------------------------------------


def test_a_product_that_is_deleted_while_it_is_bought_is_gone_or_archived(
    till: LiveTill, alice: Any, admin: Any
) -> None:
    buyer, staff, wallet = shop_users.sign_in(till, alice), shop_users.sign_in(till, admin), new_wallet(alice, "1000")
    for _ in range(15):
        product = on_sale()
        pair = [
            shop_users.purchase(buyer, product, wallet),
            shop_users.request(staff, "DELETE", f"products/{product}"),
        ]
        random.shuffle(pair)
        replies = {reply.status for reply in send_all(till.url, pair, connections=2)}
        left = Product.objects.filter(pk=product).first()
        if Purchase.objects.filter(product_id=product).exists():
            assert replies == {201, 204}
            assert left is not None
            assert not left.is_active
        else:
            assert replies == {404, 204}
            assert left is None


def test_everybody_pays_the_price_that_they_expected_or_nothing(till: LiveTill, alice: Any, admin: Any) -> None:
    buyer, staff, wallet = shop_users.sign_in(till, alice), shop_users.sign_in(till, admin), new_wallet(alice, "10000")
    product = on_sale("10.00")
    requests = [shop_users.purchase(buyer, product, wallet, expected_price=f"{10 + n % 3}.00") for n in range(30)]
    changes = [
        shop_users.request(staff, "PATCH", f"products/{product}", {"price": f"{10 + n % 3}.00"}) for n in range(15)
    ]
    deliveries = requests + changes
    random.shuffle(deliveries)
    replies = send_all(till.url, deliveries, connections=12)
    assert {reply.status for reply in replies} <= {200, 201, 409}
    for delivery, reply in zip(deliveries, replies, strict=True):
        if reply.status == 201:
            assert f'"expected_price": "{reply.body["unit_price"]}"'.encode() in delivery.body
    assert any(reply.status == 201 for reply in replies)


def test_nobody_waits_in_a_circle(till: LiveTill, alice: Any, bob: Any, admin: Any) -> None:
    """Purchases, refunds, changes of products and credits of the same wallets, all at once: no deadlock, no 5xx."""
    buyers = [(buyer, shop_users.sign_in(till, buyer), new_wallet(buyer, "10000")) for buyer in (alice, bob)]
    staff, products = shop_users.sign_in(till, admin), [on_sale(stock=500), on_sale("3.50")]
    sold = [
        services.buy(user_id=owner.pk, product_id=product, wallet_id=wallet, quantity=9).pk
        for owner, _, wallet in buyers
        for product in products
    ]
    makers: list[Callable[[], Delivery]] = [
        lambda: _purchase(random.choice(buyers), random.choice(products)),
        lambda: shop_users.refund(staff, random.choice(sold), amount="0.01"),
        lambda: shop_users.request(
            staff, "PATCH", f"products/{random.choice(products)}", {"stock": random.randint(90, 99)}
        ),
        lambda: _credit(random.choice(buyers)),
    ]
    deliveries = [random.choice(makers)() for _ in range(240)]
    replies = send_all(till.url, deliveries, connections=16)
    assert set(shop_users.outcomes(replies)) <= {(200, ""), (201, "")}


def _purchase(buyer: Any, product: int) -> Delivery:
    _, token, wallet = buyer
    return shop_users.purchase(token, product, wallet)


def _credit(buyer: Any) -> Delivery:
    owner, _, wallet = buyer
    return SHA1_COLON.notice(user_id=owner.pk, account_id=wallet, amount="1")


# --- the same request at once, and after a kill -9 ----------------------------------------------------------


def test_one_key_on_32_connections_is_one_purchase_and_32_equal_answers(till: LiveTill, alice: Any) -> None:
    product, wallet, token = on_sale(stock=50), new_wallet(alice, "1000"), shop_users.sign_in(till, alice)
    replies = send_all(till.url, [shop_users.purchase(token, product, wallet, key="once")] * 32, connections=32)
    assert shop_users.outcomes(replies) == {(201, ""): 32}
    assert len({reply.content for reply in replies}) == 1
    assert sum(reply.headers.get("idempotent-replayed") == "true" for reply in replies) == 31
    assert (Purchase.objects.count(), Product.objects.get().stock, balance(wallet)) == (1, 49, 975)


def test_one_key_for_32_different_requests_is_one_purchase(till: LiveTill, alice: Any) -> None:
    product, wallet, token = on_sale("1"), new_wallet(alice, "1000"), shop_users.sign_in(till, alice)
    requests = [shop_users.purchase(token, product, wallet, key="once", quantity=n) for n in range(1, 33)]
    replies = send_all(till.url, requests, connections=32)
    assert shop_users.outcomes(replies) == {(201, ""): 1, (422, "idempotency_key_reused"): 31}
    assert Purchase.objects.count() == 1


def send_and_hang_on(till: LiveTill, delivery: Delivery) -> socket.socket:
    """Send the request, and never read the answer."""
    client = socket.create_connection(("127.0.0.1", till.port), 10)
    client.sendall(as_request(delivery, "127.0.0.1"))
    return client


def test_a_kill_between_commit_and_answer_loses_nothing_and_repeats_nothing(till: LiveTill, alice: Any) -> None:
    kill_between_commit_and_answer(till, alice, rounds=1)


@pytest.mark.torture
def test_ten_kills_between_commit_and_answer_lose_nothing_and_repeat_nothing(till: LiveTill, alice: Any) -> None:
    kill_between_commit_and_answer(till, alice, rounds=10)


def kill_between_commit_and_answer(till: LiveTill, alice: Any, *, rounds: int) -> None:
    product, wallet, token = on_sale(), new_wallet(alice, "1000"), shop_users.sign_in(till, alice)
    for number in range(1, rounds + 1):
        request = shop_users.purchase(token, product, wallet, key=f"cut-{number}")
        with till.back_again(), send_and_hang_on(till, request):
            wait_until(lambda expected=number: Purchase.objects.count() == expected)  # type: ignore[misc]  # bound now
            till.kill()
        key = IdempotencyKey.objects.get(key=f"cut-{number}")
        replies = send_all(till.url, [request] * 3, connections=3)
        assert {(reply.status, reply.content.decode()) for reply in replies} == {(201, key.body)}
        assert all(reply.headers["idempotent-replayed"] == "true" for reply in replies)
        assert (Purchase.objects.count(), balance(wallet)) == (number, 1000 - 25 * number)


def test_a_kill_before_the_commit_leaves_nothing_and_the_repeat_buys(till: LiveTill, alice: Any) -> None:
    product, wallet, token = on_sale(stock=5), new_wallet(alice, "1000"), shop_users.sign_in(till, alice)
    request = shop_users.purchase(token, product, wallet, key="cut")
    with till.back_again(), transaction.atomic():
        Product.objects.select_for_update(no_key=True).get(pk=product)  # so that the purchase has to wait here
        with send_and_hang_on(till, request):
            wait_until(someone_waits_for_a_lock)
            till.kill()
    assert not Purchase.objects.exists()
    assert not IdempotencyKey.objects.exists()
    [reply] = send_all(till.url, [request], connections=1)
    assert reply.status == 201
    assert "idempotent-replayed" not in reply.headers
    assert (Purchase.objects.count(), balance(wallet), Product.objects.get().stock) == (1, 975, 4)
