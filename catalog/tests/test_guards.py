"""The rules of the shop that hold without Python: raw SQL breaks its teeth on each."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from catalog.models import Product, Purchase
from payments.models import Wallet
from tests.support.ledger import wallet_with
from tests.support.purchases import bought, refund


def run(sql: str, *parameters: Any) -> None:
    """Run it and check what is deferred, as the commit would."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def broken(name: str, sql: str, *parameters: Any) -> None:
    with pytest.raises(IntegrityError, match=name):
        run(sql, *parameters)


@pytest.fixture
def purchase(alice: Any, admin: Any, pen: Product, wallet: Wallet) -> Purchase:
    body = bought(alice, pen, wallet, quantity=2)
    refund(admin, body["id"], amount="10")
    run("SELECT 1")
    return Purchase.objects.get(pk=body["id"])


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("price = 0", "product_price_positive"),
        ("price = -1", "product_price_positive"),
        ("stock = -1", "stock"),
        ("title = ''", "product_title_present"),
        ("currency_id = 'XXX'", "currency_id"),
    ],
)
def test_a_product_keeps_its_rules(pen: Product, change: str, name: str) -> None:
    sql = f"UPDATE catalog_product SET version = version + 1, {change} WHERE id = %s"  # noqa: S608 - ours
    broken(name, sql, pen.pk)


@pytest.mark.parametrize("version", ["version", "version - 1"])
def test_a_product_does_not_change_behind_its_etag(pen: Product, version: str) -> None:
    sql = f"UPDATE catalog_product SET price = 1, version = {version}"  # noqa: S608 - ours
    broken("a change raises the version", sql)


def test_a_sold_product_stays_and_keeps_its_currency(purchase: Purchase) -> None:
    broken("purchase_product_currency", "DELETE FROM catalog_product WHERE id = %s", purchase.product_id)
    broken(
        "purchase_product_currency",
        "UPDATE catalog_product SET version = version + 1, currency_id = 'EUR' WHERE id = %s",
        purchase.product_id,
    )


@pytest.mark.parametrize(
    "change",
    ["amount = 1", "quantity = 1", "title = 'x'", "wallet_id = 1", "refunded = refunded - 1", "refunded = refunded"],
)
def test_a_purchase_stays_as_it_was(purchase: Purchase, change: str) -> None:
    sql = f"UPDATE catalog_purchase SET {change} WHERE id = %s"  # noqa: S608 - ours
    broken("a purchase stays as it was", sql, purchase.pk)


@pytest.mark.parametrize("table", ["catalog_purchase", "catalog_refund"])
@pytest.mark.parametrize("sql", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_purchases_and_refunds_are_kept_for_ever(purchase: Purchase, table: str, sql: str) -> None:
    broken("is refused", sql.format(table))
    assert Purchase.objects.filter(pk=purchase.pk).exists()


def test_a_refund_stays_as_it_was(purchase: Purchase) -> None:
    broken("is refused", "UPDATE catalog_refund SET amount = 1")


def test_a_purchase_is_never_paid_back_beyond_its_amount(purchase: Purchase) -> None:
    broken("purchase_refunded_in_range", "UPDATE catalog_purchase SET refunded = amount + 1")


def test_what_was_paid_back_is_the_sum_of_the_refunds(purchase: Purchase) -> None:
    broken("refunds do not add up", "UPDATE catalog_purchase SET refunded = refunded + 1")


def transaction_of_nobody(owner: Any) -> int:
    wallet_with(owner, "USD", "1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM payments_transaction")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize(("amount", "name"), [("1", "refunds do not add up"), ("0", "refund_amount_positive")])
def test_a_refund_counts(purchase: Purchase, bob: Any, amount: str, name: str) -> None:
    broken(
        name,
        "INSERT INTO catalog_refund (purchase_id, amount, reason, transaction_id) VALUES (%s, %s, '', %s)",
        *(purchase.pk, amount, transaction_of_nobody(bob)),
    )


INSERT = """
INSERT INTO catalog_purchase (user_id, product_id, title, wallet_id, quantity, unit_price, amount, currency_id,
    refunded, transaction_id)
SELECT user_id, product_id, title, {wallet_id}, {quantity}, {unit_price}, {amount}, {currency_id}, {refunded}, %s
FROM catalog_purchase
"""
COLUMNS = ("wallet_id", "quantity", "unit_price", "amount", "currency_id")
UNTOUCHED = {name: name for name in COLUMNS} | {"refunded": "0"}


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"quantity": "0", "amount": "0"}, "purchase_quantity_in_range"),
        ({"quantity": "1001", "amount": "25025"}, "purchase_quantity_in_range"),
        ({"unit_price": "0", "amount": "0"}, "purchase_price_positive"),
        ({"amount": "49.99"}, "purchase_adds_up"),
        ({"refunded": "-1"}, "purchase_refunded_in_range"),
        ({"refunded": "10"}, "refunds do not add up"),
        ({"currency_id": "'EUR'"}, "purchase_(product|wallet)_currency"),
        ({"wallet_id": "1"}, "purchase_wallet_currency"),
    ],
)
def test_a_purchase_keeps_its_rules(purchase: Purchase, bob: Any, changed: dict[str, str], name: str) -> None:
    broken(name, INSERT.format(**UNTOUCHED | changed), transaction_of_nobody(bob))
    run(INSERT.format(**UNTOUCHED), transaction_of_nobody(bob))


def test_a_transaction_pays_for_one_purchase(purchase: Purchase) -> None:
    broken("catalog_purchase_transaction_id", INSERT.format(**UNTOUCHED), purchase.transaction_id)
