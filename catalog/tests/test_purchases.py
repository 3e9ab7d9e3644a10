"""POST and GET purchases: one atomic block from the price to the money, and nobody else's business."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Role
from catalog.models import Product, Purchase
from payments.ledger import booking
from payments.models import Transaction, Wallet
from tests.support.ledger import clearing_wallet, hold_for_withdrawal, wallet_with
from tests.support.purchases import PURCHASES, a_product, bought, buy, refund, shown_balance
from tests.support.rest import ids, new_key, refused, signed_in


def sales(currency: str = "USD") -> Decimal:
    return next(
        house.balance for house in booking.house_balances() if (house.house, house.currency) == ("sales", currency)
    )


# --- buying ---
def test_a_purchase_takes_the_price_and_says_what_was_bought(alice: Any, pen: Product, wallet: Wallet) -> None:
    answer = buy(alice, pen, wallet, quantity=2)
    assert answer.status_code == 201
    body = answer.json()
    purchase = Purchase.objects.get()
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": purchase.pk, "user": alice.pk, "product": pen.pk, "title": "Pen", "wallet": wallet.pk, "quantity": 2,
        "unit_price": "25.00", "amount": "50.00", "currency": "USD", "refunded": "0.00", "status": "paid",
        "reference": "", "metadata": {}, "transaction": purchase.transaction_id,
    }  # fmt: skip
    assert shown_balance(wallet) == "50.00"


def test_a_purchase_books_one_transaction_from_the_wallet_to_the_houses_sales(
    alice: Any, pen: Product, wallet: Wallet
) -> None:
    before = sales()
    purchase = bought(alice, pen, wallet)
    booked = Transaction.objects.get(pk=purchase["transaction"])
    assert (booked.kind, booked.reference) == ("purchase", f"purchase {purchase['id']}")
    [posting] = booked.postings.all()
    assert (posting.source_id, posting.destination_id, posting.amount) == (
        wallet.pk, booking.house_wallet("sales", "USD"), 25,
    )  # fmt: skip
    assert sales() - before == 25
    body = signed_in(alice).get(f"/api/v1/transactions/{booked.pk}").json()
    assert (body["kind"], body["reference"]) == ("purchase", booked.reference)


def test_a_purchase_stores_price_and_title_as_they_were(alice: Any, pen: Product, wallet: Wallet) -> None:
    purchase = bought(alice, pen, wallet)
    Product.objects.filter(pk=pen.pk).update(price=99, title="Quill", version=2)
    body = signed_in(alice).get(f"{PURCHASES}/{purchase['id']}").json()
    assert (body["unit_price"], body["title"]) == ("25.00", "Pen")


def test_a_purchase_spends_the_last_cent(alice: Any, pen: Product, wallet: Wallet) -> None:
    bought(alice, pen, wallet, quantity=4)
    assert shown_balance(wallet) == "0.00"


def test_a_purchase_is_refused_to_who_is_too_poor(alice: Any, pen: Product, wallet: Wallet) -> None:
    refused(buy(alice, pen, wallet, quantity=5), 409, "insufficient_funds")
    assert shown_balance(wallet) == "100.00"
    assert not Purchase.objects.exists()


def test_a_purchase_does_not_spend_what_is_held(alice: Any, pen: Product, wallet: Wallet) -> None:
    hold_for_withdrawal(wallet.pk, "90")
    refused(buy(alice, pen, wallet), 409, "insufficient_funds")


@pytest.mark.parametrize("price", ["25.00", "25", 25])
def test_the_shop_sells_at_the_expected_price(alice: Any, pen: Product, wallet: Wallet, price: Any) -> None:
    assert bought(alice, pen, wallet, expected_price=price)["unit_price"] == "25.00"


@pytest.mark.parametrize("price", ["24.99", "25.01", "0", "25.001", "9" * 60])
def test_the_shop_does_not_sell_at_a_price_that_was_not_seen(
    alice: Any, pen: Product, wallet: Wallet, price: str
) -> None:
    body = refused(buy(alice, pen, wallet, expected_price=price), 409, "price_changed", "expected_price")
    assert body["price"] == "25.00"
    assert shown_balance(wallet) == "100.00"


def test_purchases_take_from_stock_until_there_is_nothing_left(alice: Any, wallet: Wallet) -> None:
    product = a_product(stock=3)
    bought(alice, product, wallet, quantity=2)
    assert refused(buy(alice, product, wallet, quantity=2), 409, "out_of_stock", "quantity")["stock"] == 1
    bought(alice, product, wallet)
    refused(buy(alice, product, wallet), 409, "out_of_stock")
    product.refresh_from_db()
    assert product.stock == 0


def test_a_refused_purchase_gives_the_stock_back(alice: Any, wallet: Wallet) -> None:
    product = a_product(stock=9)
    refused(buy(alice, product, wallet, quantity=5), 409, "insufficient_funds")
    product.refresh_from_db()
    assert (product.stock, product.version) == (9, 1)


def test_the_shop_sells_only_what_is_on_sale(alice: Any, admin: Any, wallet: Wallet) -> None:
    hidden = a_product(is_active=False)
    answers = [buy(alice, hidden, wallet), buy(alice, 2**62, wallet)]
    bodies = [refused(answer, 404, "product_not_found") for answer in answers]
    assert bodies[0] == bodies[1]
    refused(buy(admin, hidden, wallet_with(admin, "USD", "100")), 404, "product_not_found")


def test_a_purchase_wants_a_wallet_in_the_products_currency(alice: Any, wallet: Wallet) -> None:
    refused(buy(alice, a_product(currency_id="EUR"), wallet), 422, "currency_mismatch")
    assert shown_balance(wallet) == "100.00"


def test_mallory_cannot_pay_with_alices_wallet_nor_with_the_houses(
    alice: Any, mallory: Any, admin: Any, pen: Product, wallet: Wallet
) -> None:
    for user in (mallory, admin):
        answers = [
            buy(user, pen, foreign)
            for foreign in (wallet, 2**62, clearing_wallet(), booking.house_wallet("sales", "USD"))
        ]
        bodies = [refused(answer, 404, "wallet_not_found") for answer in answers]
        assert all(body == bodies[0] for body in bodies)
    assert shown_balance(wallet) == "100.00"
    assert not Purchase.objects.exists()


def test_a_service_buys_nothing(mallory: Any, pen: Product, wallet: Wallet) -> None:
    mallory.take_role(Role.SERVICE)
    refused(buy(mallory, pen, wallet), 403, "permission_denied")


def test_a_purchase_refuses_an_amount_that_is_too_large_altogether(alice: Any, wallet: Wallet) -> None:
    product = a_product(price=Decimal(10) ** 18)
    body = refused(buy(alice, product, wallet, quantity=2), 422, "invalid_amount", "quantity")
    assert body["errors"][0]["code"] == "amount_too_large"


@pytest.mark.parametrize("quantity", [0, -1, 1001, "2", 2.0, True, None, 10**30])
def test_a_purchase_refuses_an_odd_quantity(alice: Any, pen: Product, wallet: Wallet, quantity: Any) -> None:
    refused(buy(alice, pen, wallet, quantity=quantity), 400, "invalid_request", "quantity")


@pytest.mark.parametrize("field", ["product", "wallet"])
@pytest.mark.parametrize("value", [0, -1, "1", 1.0, True, None, 2**63, [], {}])
def test_a_purchase_refuses_what_is_no_id(alice: Any, pen: Product, wallet: Wallet, field: str, value: Any) -> None:
    data = {"product": pen.pk, "wallet": wallet.pk} | {field: value}
    refused(signed_in(alice).post(PURCHASES, data, headers=new_key()), 400, "invalid_request", field)


def test_a_purchase_refuses_what_is_not_for_the_client_to_set(
    alice: Any, bob: Any, pen: Product, wallet: Wallet
) -> None:
    data = {"product": pen.pk, "wallet": wallet.pk}
    plants = {"user": bob.pk, "id": 999, "transaction": 1, "title": "Free", "price": "0.01", "status": "refunded"}
    refused(signed_in(alice).post(PURCHASES, data | plants, headers=new_key()), 400, "invalid_request", *plants)
    assert shown_balance(wallet) == "100.00"


def test_a_price_spelt_otherwise_buys_nothing(alice: Any, pen: Product, wallet: Wallet) -> None:
    data = {"product": pen.pk, "wallet": wallet.pk, "expectedPrice": "1.00"}
    answer = signed_in(alice).post(PURCHASES, data, headers=new_key())
    refused(answer, 400, "invalid_request", "expectedPrice")
    assert "did you mean `expected_price`?" in answer.json()["detail"]
    assert shown_balance(wallet) == "100.00"


# --- Idempotency-Key ---
def test_a_purchase_requires_a_key(alice: Any, pen: Product, wallet: Wallet) -> None:
    answer = signed_in(alice).post(PURCHASES, {"product": pen.pk, "wallet": wallet.pk})
    refused(answer, 400, "idempotency_key_required")
    assert shown_balance(wallet) == "100.00"


def test_the_shop_sells_once_for_a_key(alice: Any, pen: Product, wallet: Wallet) -> None:
    key, data = new_key(), {"product": pen.pk, "wallet": wallet.pk}
    first, again = (signed_in(alice).post(PURCHASES, data, headers=key) for _ in range(2))
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    refused(signed_in(alice).post(PURCHASES, data | {"quantity": 2}, headers=key), 422, "idempotency_key_reused")
    assert shown_balance(wallet) == "75.00"


# --- reading ---
def test_a_user_lists_own_purchases_newest_first(alice: Any, pen: Product, wallet: Wallet) -> None:
    expected_ids = [bought(alice, pen, wallet)["id"] for _ in range(3)]
    first = signed_in(alice).get(PURCHASES, {"limit": 2}).json()
    assert [row["id"] for row in first["results"]] == expected_ids[:0:-1]
    assert ids(signed_in(alice).get(first["next"])) == expected_ids[:1]


def test_the_purchase_list_filters(alice: Any, pen: Product, wallet: Wallet) -> None:
    quill, second = a_product(title="Quill"), wallet_with(alice, "USD", "100")
    one, two = bought(alice, pen, wallet)["id"], bought(alice, quill, second)["id"]
    client, moment = signed_in(alice), Purchase.objects.get(pk=two).created_at.isoformat()
    assert ids(client.get(PURCHASES, {"product": pen.pk})) == [one]
    assert ids(client.get(PURCHASES, {"wallet": second.pk})) == [two]
    assert ids(client.get(PURCHASES, {"from": moment})) == [two]
    assert ids(client.get(PURCHASES, {"to": moment})) == [one]
    assert ids(client.get(PURCHASES, {"from": (timezone.now() + timedelta(days=1)).isoformat()})) == []


@pytest.mark.parametrize(
    ("name", "value"), [("user", "1"), ("product", "x"), ("wallet", "0"), ("from", "yesterday"), ("status", "paid")]
)
def test_the_purchase_list_refuses_what_it_does_not_understand(alice: Any, name: str, value: str) -> None:
    refused(signed_in(alice).get(PURCHASES, {name: value}), 400, "invalid_request", name)


def test_mallory_sees_no_purchase_of_alices(alice: Any, bob: Any, mallory: Any, pen: Product, wallet: Wallet) -> None:
    purchase = bought(alice, pen, wallet)["id"]
    for user in (bob, mallory):
        assert ids(signed_in(user).get(PURCHASES)) == []
        assert ids(signed_in(user).get(PURCHASES, {"wallet": wallet.pk})) == []
        for address in (f"{PURCHASES}/{purchase}", f"{PURCHASES}/{purchase}/refunds"):
            assert signed_in(user).get(address).status_code == 404
    for address in (PURCHASES, f"{PURCHASES}/{purchase}", f"{PURCHASES}/{purchase}/refunds"):
        refused(APIClient().get(address), 401, "not_authenticated")


def test_admins_see_everybodys_purchases(alice: Any, bob: Any, admin: Any, pen: Product, wallet: Wallet) -> None:
    hers = bought(alice, pen, wallet)["id"]
    his = bought(bob, pen, wallet_with(bob, "USD", "100"))["id"]
    assert ids(signed_in(admin).get(PURCHASES)) == [his, hers]
    assert ids(signed_in(admin).get(PURCHASES, {"user": alice.pk})) == [hers]
    assert signed_in(admin).get(f"{PURCHASES}/{hers}").json()["user"] == alice.pk


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_nobody_changes_a_purchase(alice: Any, admin: Any, pen: Product, wallet: Wallet, method: str) -> None:
    purchase = bought(alice, pen, wallet)["id"]
    for user in (alice, admin):
        answer = getattr(signed_in(user), method)(f"{PURCHASES}/{purchase}", {"amount": "0.01"})
        refused(answer, 405, "method_not_allowed")


# --- refunds are listed with it ---
def test_the_buyer_sees_the_refunds_of_a_purchase(alice: Any, admin: Any, pen: Product, wallet: Wallet) -> None:
    purchase = bought(alice, pen, wallet)["id"]
    expected_ids = [refund(admin, purchase, amount=amount).json()["id"] for amount in ("5", "6")]
    assert ids(signed_in(alice).get(f"{PURCHASES}/{purchase}/refunds")) == expected_ids[::-1]


# --- budgets ---
def test_a_purchase_takes_few_queries(alice: Any, wallet: Wallet, django_assert_max_num_queries: Any) -> None:
    product = a_product(stock=9)
    bought(alice, product, wallet)
    with django_assert_max_num_queries(18):  # of which six are savepoints, and the plan's ten go in two pipelines
        buy(alice, product, wallet)


@pytest.mark.parametrize("count", [1, 4])
def test_the_purchase_list_takes_one_query(
    alice: Any, pen: Product, wallet: Wallet, django_assert_num_queries: Any, count: int
) -> None:
    for _ in range(count):
        bought(alice, pen, wallet)
    client = signed_in(alice)
    with django_assert_num_queries(1):
        client.get(PURCHASES)


def test_a_dry_run_tells_what_would_be_bought_and_buys_nothing(alice: Any, wallet: Wallet) -> None:
    product = a_product(stock=1)
    data = {"product": product.pk, "wallet": wallet.pk}
    answer = signed_in(alice).post("/api/v1/purchases?dry_run=true", data)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["id"], answer.json()["transaction"], answer.json()["status"]) == (None, None, "paid")
    product.refresh_from_db()
    assert (product.stock, shown_balance(wallet), Purchase.objects.count()) == (1, "100.00", 0)
    refused(signed_in(alice).post("/api/v1/purchases?dry_run=yes", data), 400, "invalid_request", "dry_run")
