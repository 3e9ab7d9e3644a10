"""check_ledger holds each purchase and refund against what was booked for it."""

from typing import Any

import pytest
from django.db import connection

from payments.audit import audit
from payments.models import Wallet
from tests.support import recipes
from tests.support.purchases import a_product, bought, refund

GUARDED = ("catalog_purchase", "catalog_refund", "payments_transaction")
#: What is done to the books, and what must be named at the least.
CORRUPTIONS: dict[str, tuple[str, set[str]]] = {
    "a purchase removed": ("DELETE FROM catalog_purchase WHERE id = {kept}", {"transaction_order"}),
    "a refund removed": ("DELETE FROM catalog_refund", {"transaction_order", "order_refunded"}),
    "a price changed": ("UPDATE catalog_purchase SET amount = 1 WHERE id = {kept}", {"order_postings"}),
    "a purchase of another wallet": (
        "UPDATE catalog_purchase SET wallet_id = {others} WHERE id = {kept}",
        {"order_postings", "order_owner"},
    ),
    "a purchase of somebody else": ("UPDATE catalog_purchase SET user_id = {bob} WHERE id = {kept}", {"order_owner"}),
    "a purchase that lost its transaction": (
        "UPDATE catalog_purchase SET transaction_id = 0 WHERE id = {kept}",
        {"order_transaction", "order_postings", "transaction_order"},
    ),
    "a purchase under another name": (
        "UPDATE payments_transaction SET reference = 'purchase 0' WHERE kind = 'purchase'",
        {"order_transaction"},
    ),
    "a refund forgotten": ("UPDATE catalog_purchase SET refunded = 0 WHERE id = {refunded}", {"order_refunded"}),
    "a refund's amount changed": ("UPDATE catalog_refund SET amount = 2", {"order_postings", "order_refunded"}),
    "a refund of another purchase": (
        "UPDATE catalog_refund SET purchase_id = {kept}",
        {"order_transaction", "order_refunded"},
    ),
    "a refund of no purchase": (
        "UPDATE catalog_refund SET purchase_id = 0",
        {"order_postings", "order_transaction", "order_refunded"},
    ),
    "a refund of another kind": (
        "UPDATE payments_transaction SET kind = 'transfer' WHERE kind = 'refund'",
        {"order_transaction", "transaction_order"},
    ),
}


@pytest.fixture
def ids(alice: Any, bob: Any, admin: Any, wallet: Wallet) -> dict[str, int]:
    """Alice has kept one pen, and got 5 of the 25 dollars back for another."""
    whole, refunded = (bought(alice, a_product(), wallet)["id"] for _ in range(2))
    assert refund(admin, refunded, amount="5").status_code == 201
    others = recipes.wallet.make(owner=bob)
    return {"kept": whole, "refunded": refunded, "others": others.pk, "bob": bob.pk}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_check_ledger_finds(ids: dict[str, int], corruption: str) -> None:
    report = audit()
    assert report.is_sound
    assert (report.checked["purchases"], report.checked["refunds"]) == (2, 1)
    statement, kinds = CORRUPTIONS[corruption]
    corrupt(statement.format(**ids))
    assert kinds <= audit().totals.keys()


def corrupt(statement: str) -> None:
    """Run raw SQL with the triggers and foreign keys of the shop's tables off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in GUARDED:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(
                "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'f'"
                " AND %s::regclass IN (conrelid, confrelid)",
                [table],
            )
            for refers, name in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {refers} DROP CONSTRAINT {name}")
        cursor.execute("ALTER TABLE catalog_purchase DROP CONSTRAINT purchase_adds_up")
        cursor.execute(statement)
        assert cursor.rowcount > 0
