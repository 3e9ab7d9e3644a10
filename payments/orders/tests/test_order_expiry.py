"""manage.py expire_orders: what nobody settles in time is rejected, and what it holds is given back."""

import io
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from payments.models import Deposit, Wallet, Withdrawal
from payments.orders import services as orders
from tests.support import recipes
from tests.support.ledger import wallet_with
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.orders import (
    balance_and_held,
    deposit,
    settle,
    stored_deposit,
    stored_withdrawal,
    withdraw,
)
from tests.support.rest import refused
from tests.support.threads import at_once, in_another_thread


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "1000")


def aged(kind: type[Any], order: dict[str, Any], hours: float) -> None:
    """Make an order older; its guard has to be switched off for it."""
    table = kind._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        kind.objects.filter(pk=order["id"]).update(created_at=timezone.now() - timedelta(hours=hours))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def expire(**options: Any) -> str:
    out = io.StringIO()
    call_command("expire_orders", stdout=out, **options)
    return out.getvalue()


def test_old_orders_expire_and_release_what_they_hold(alice: Any, service: Any, wallet: Wallet) -> None:
    bank = recipes.bank_account.make(owner=alice)
    old, young, paid = (withdraw(alice, wallet, bank, "100") for _ in range(3))
    stale = deposit(alice, wallet)
    settle(service, "withdrawals", paid)
    for kind, order, hours in ((Withdrawal, old, 169), (Withdrawal, young, 167), (Deposit, stale, 169)):
        aged(kind, order, hours)
    assert expire() == "1 deposits and 1 withdrawals expired\n"
    for expired in (stored_withdrawal(old), stored_deposit(stale)):
        assert (expired.status, expired.reason, expired.settled_by) == ("rejected", "expired", None)
        assert expired.settled_at is not None
    assert stored_withdrawal(young).status == "pending"
    assert stored_withdrawal(paid).status == "paid"
    assert balance_and_held(wallet) == ("900", "100")
    refused(settle(service, "withdrawals", old), 409, "already_settled")
    assert expire() == "0 deposits and 0 withdrawals expired\n"
    assert expire(older_than_hours=166) == "0 deposits and 1 withdrawals expired\n"
    assert balance_and_held(wallet) == ("900", "0")
    assert_ledger_balances()


@pytest.mark.parametrize("hours", [0, -1, 876_001])
def test_expire_orders_refuses_an_odd_age(db: None, hours: int) -> None:
    with pytest.raises(CommandError, match="from 1 to 876000"):
        expire(older_than_hours=hours)


@pytest.mark.usefixtures("committed_db")
def test_expiry_works_in_batches_and_twice_at_once(alice: Any, bob: Any, wallet: Wallet) -> None:
    pairs = [
        (alice, wallet, recipes.bank_account.make(owner=alice)),
        (bob, wallet_with(bob, "USD", "1000"), recipes.bank_account.make(owner=bob)),
    ]
    for number in range(14):
        owner, source, bank = pairs[number % 2]
        aged(Withdrawal, withdraw(owner, source, bank, "10"), 24)

    def run() -> int:
        return sum(number for _, number in orders.expire_orders(older_than=timedelta(hours=1), batch=3))

    assert sum(at_once(*[run] * 3)) == 14
    assert not Withdrawal.objects.exclude(status="rejected").exists()
    assert [balance_and_held(source) for _, source, _ in pairs] == [("1000", "0")] * 2
    assert_ledger_balances()


@pytest.mark.usefixtures("committed_db")
def test_expiry_passes_over_what_is_being_settled(alice: Any, wallet: Wallet) -> None:
    order = withdraw(alice, wallet, recipes.bank_account.make(owner=alice))
    aged(Withdrawal, order, 24)
    with transaction.atomic():
        Withdrawal.objects.select_for_update(no_key=True).get(pk=order["id"])
        expired = in_another_thread(lambda: list(orders.expire_orders(older_than=timedelta(hours=1))))
    assert expired == []
    assert stored_withdrawal(order).status == "pending"


def settle_status(service: Any, order: dict[str, Any]) -> int:
    return int(settle(service, "withdrawals", order).status_code)


@pytest.mark.usefixtures("committed_db")
def test_an_order_that_expires_while_it_is_settled_has_one_verdict(alice: Any, service: Any, wallet: Wallet) -> None:
    bank, paid = recipes.bank_account.make(owner=alice), 0
    for _ in range(8):
        order = withdraw(alice, wallet, bank, "10")
        aged(Withdrawal, order, 24)
        settled, expired = at_once(
            partial(settle_status, service, order),
            lambda: sum(number for _, number in orders.expire_orders(older_than=timedelta(hours=1))),
        )
        assert (settled, expired) in {(200, 0), (409, 1)}
        assert stored_withdrawal(order).status == ("paid" if settled == 200 else "rejected")
        paid += 10 * (settled == 200)
    assert balance_and_held(wallet) == (str(1000 - paid), "0")
    assert_ledger_balances()
