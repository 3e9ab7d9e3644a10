"""Holds that are decided in memory and written with the batch: all in one statement, if nothing has changed since."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from payments.ledger import booking
from payments.ledger.booking.write_batch import STALE_WALLETS
from payments.models import Wallet
from postgres.pipeline import Pipeline
from tests.support import recipes
from tests.support.ledger import clearing_wallet, wallet_with
from tests.support.orders import balance_and_held


def write(locked: booking.LockedWallets) -> None:
    pipeline = Pipeline()
    locked.queue_added(pipeline)
    pipeline.run()


def spend(wallet: Wallet, amount: str) -> booking.NewTransaction:
    return booking.NewTransaction(
        "purchase", (booking.NewPosting(wallet.pk, clearing_wallet(wallet.currency_id), Decimal(amount)),)
    )


def awaited(wallet: Wallet, amount: str) -> None:
    """Make the pending withdrawal that a hold is for."""
    account = recipes.bank_account.make(owner=wallet.owner)
    recipes.pending_withdrawal.make(user=wallet.owner, wallet=wallet, external_wallet=account, amount=Decimal(amount))


def test_the_holds_of_a_batch_are_one_statement(alice: Any, bob: Any) -> None:
    a, b = wallet_with(alice, "USD", "10"), wallet_with(bob, "USD", "10")
    locked = booking.lock([a.pk, b.pk])
    with CaptureQueriesContext(connection) as queries:
        for wallet, amount in ((a, "1"), (b, "2"), (a, "3")):
            locked.add_hold(wallet.pk, Decimal(amount))
            awaited(wallet, amount)
        assert balance_and_held(a) == ("10", "0")
        write(locked)
    assert len([query for query in queries if "held = w.held" in query["sql"]]) == 1
    assert (balance_and_held(a), balance_and_held(b)) == (("10", "4"), ("10", "2"))


def test_what_is_added_after_a_hold_sees_it(alice: Any) -> None:
    a = wallet_with(alice, "USD", "10")
    locked = booking.lock([a.pk], transactions=2)
    locked.add_hold(a.pk, Decimal(6))
    with pytest.raises(booking.InsufficientFunds):
        locked.add(spend(a, "5"))
    with pytest.raises(booking.InsufficientFunds):
        locked.add_hold(a.pk, Decimal(5))
    locked.add_release(a.pk, Decimal(2))
    locked.add(spend(a, "5"))
    awaited(a, "4")
    write(locked)
    assert balance_and_held(a) == ("5", "4")


def test_a_hold_is_taken_back_with_its_block(alice: Any) -> None:
    a = wallet_with(alice, "USD", "10")
    locked = booking.lock([a.pk])
    with suppress(InterruptedError), locked.all_or_nothing():
        locked.add_hold(a.pk, Decimal(6))
        raise InterruptedError
    locked.add_hold(a.pk, Decimal(10))
    awaited(a, "10")
    write(locked)
    assert balance_and_held(a) == ("10", "10")


@pytest.mark.parametrize("changes", ["hold", "book_one"])
def test_a_hold_on_a_wallet_that_changed_since_is_refused_by_postgresql(alice: Any, changes: str) -> None:
    a = wallet_with(alice, "USD", "10")
    with transaction.atomic():
        first, second = booking.lock([a.pk]), booking.lock([a.pk])
        if changes == "hold":
            first.hold(a.pk, Decimal(1))
        else:
            first.book_one(spend(a, "1"))
        second.add_hold(a.pk, Decimal(1))
        with pytest.raises(DatabaseError) as refusal:
            write(second)
        transaction.set_rollback(True)
    assert getattr(refusal.value.__cause__, "sqlstate", None) == STALE_WALLETS
    assert balance_and_held(a) == ("10", "0")
