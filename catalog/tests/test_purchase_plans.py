"""Purchases that are decided in one batch: they share the stock of a product, its version and the wallet's money."""

from collections import Counter
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from catalog.models import Product, Purchase
from catalog.plans.purchases import OutOfStock, PriceChanged, PurchasePlan
from payments.ledger import booking
from payments.models import Wallet
from payments.money import InvalidAmount
from tests.support.ledger import balance_of, wallet_with
from tests.support.notices import NOBODY
from tests.support.plan_batches import run_batch
from tests.support.purchases import a_product
from tests.support.threads import at_once


def plan(wallet: Wallet, product: Product | int, quantity: int = 1, **more: Any) -> PurchasePlan:
    data: dict[str, Any] = {
        "product_id": getattr(product, "pk", product),
        "wallet_id": wallet.pk,
        "user_id": wallet.owner_id,
    }
    return PurchasePlan(**data | {"quantity": quantity} | more)


def stock_and_version(product: Product) -> tuple[int | None, int]:
    product.refresh_from_db()
    return product.stock, product.version


@pytest.fixture
def bobs(bob: Any) -> Wallet:
    return wallet_with(bob, "USD", "100")


def test_purchases_of_one_product_share_its_stock(wallet: Wallet, bobs: Wallet) -> None:
    product = a_product(stock=3)
    results = run_batch(plan(wallet, product, 2), plan(bobs, product, 2), plan(bobs, product), plan(wallet, NOBODY))
    assert [type(result) for result in results] == [Purchase, OutOfStock, Purchase, Product.DoesNotExist]
    assert results[1].extra == {"stock": 1}
    assert stock_and_version(product) == (0, 3)
    assert [*Purchase.objects.order_by("pk").values_list("user", "quantity")] == [
        (wallet.owner_id, 2), (bobs.owner_id, 1),
    ]  # fmt: skip
    assert (balance_of(wallet), balance_of(bobs)) == (50, 75)


def test_who_is_too_poor_leaves_the_stock_to_the_next(wallet: Wallet, bobs: Wallet) -> None:
    product = a_product(stock=5)
    results = run_batch(plan(wallet, product, 5), plan(bobs, product, 4), plan(wallet, product))
    assert [type(result) for result in results] == [booking.InsufficientFunds, Purchase, Purchase]
    assert stock_and_version(product) == (0, 3)
    assert (balance_of(wallet), balance_of(bobs)) == (75, 0)


def test_a_product_without_end_keeps_its_version(wallet: Wallet, pen: Product) -> None:
    results = run_batch(plan(wallet, pen), plan(wallet, pen), plan(wallet, pen, 3))
    assert [type(result) for result in results] == [Purchase, Purchase, booking.InsufficientFunds]
    assert (stock_and_version(pen), balance_of(wallet)) == ((None, 1), 50)


def test_each_purchase_has_its_own_id_and_transaction(wallet: Wallet, pen: Product) -> None:
    first, second = run_batch(plan(wallet, pen), plan(wallet, a_product(stock=2)))
    stored = {one.pk: one for one in Purchase.objects.select_related("transaction")}
    assert {*stored} == {first.pk, second.pk}
    for one in (first, second):
        assert stored[one.pk].transaction_id == one.transaction_id
        assert stored[one.pk].transaction.reference == f"purchase {one.pk}"
        assert stored[one.pk].created_at == one.created_at


def test_refusals_come_in_their_order(wallet: Wallet, bobs: Wallet) -> None:
    dear = a_product(price=Decimal(10) ** 18, stock=2, currency_id="EUR")
    strangers = {"user_id": wallet.owner_id, "expected_price": dear.price}
    plans = [
        plan(bobs, dear, 3, user_id=wallet.owner_id, expected_price=Decimal(1)),
        plan(bobs, dear, 3, **strangers),
        plan(bobs, dear, 2, **strangers),
        plan(bobs, dear, 1, **strangers),
        plan(wallet, dear, 1),
    ]
    assert [type(result) for result in run_batch(*plans)] == [
        PriceChanged, OutOfStock, InvalidAmount, booking.WalletNotFound, booking.CurrencyMismatch,
    ]  # fmt: skip
    assert stock_and_version(dear) == (2, 1)


@pytest.mark.slow
@pytest.mark.usefixtures("committed_db")
def test_batches_that_wait_for_each_other_sell_no_piece_twice(alice: Any) -> None:
    products = [a_product(stock=10), a_product(stock=11)]
    wallets = [wallet_with(alice, "USD", "1000") for _ in range(8)]

    def buy_both(wallet: Wallet, order: int) -> list[Any]:
        return run_batch(*[plan(wallet, product) for product in products[::order] * 2])

    batches = at_once(*[partial(buy_both, wallet, order) for wallet, order in zip(wallets, [1, -1] * 4, strict=True)])
    counts = Counter(type(result) for batch in batches for result in batch)
    assert counts == {Purchase: 21, OutOfStock: 11}
    assert [stock_and_version(product) for product in products] == [(0, 11), (0, 12)]
    assert sum(balance_of(wallet) for wallet in wallets) == 8000 - 21 * 25
