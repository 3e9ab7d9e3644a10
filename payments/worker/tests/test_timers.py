"""Timers: each runs when it is due, in one of the workers, and one that fails keeps no other from running."""

import logging
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from payments.models import BackgroundTimer, LedgerCheck, Wallet
from payments.orders.services import request_deposit
from payments.worker.timers import run_due_timers
from tests.support.ledger import sql, wallet_of
from tests.support.threads import at_once

EACH = {
    *("expire_orders", "checkpoint_house", "prune_idempotency_keys", "prune_quotes", "prune_deliveries"),
    "check_ledger",
}


def test_each_timer_runs_once_and_then_when_it_is_due_again(committed_db: None) -> None:
    assert {*run_due_timers()} == EACH
    assert run_due_timers() == []
    later = BackgroundTimer.objects.get(name="prune_quotes")
    assert timedelta(hours=23) < later.due_at - timezone.now() <= timedelta(days=1)
    BackgroundTimer.objects.filter(name="prune_quotes").update(due_at=timezone.now())
    assert run_due_timers() == ["prune_quotes"]


def test_of_several_workers_one_runs_a_timer(committed_db: None) -> None:
    runs = at_once(*[run_due_timers] * 3)
    assert sorted(name for names in runs for name in names) == sorted(EACH)


def test_the_timers_do_their_work(committed_db: None, settings: Any, alice: User) -> None:
    order = request_deposit(user_id=alice.pk, wallet_id=wallet_of(alice), amount=Decimal("10.00"))
    settings.TILL_ORDER_EXPIRY_HOURS = 0
    run_due_timers()
    order.refresh_from_db()
    assert (order.status, order.reason) == ("rejected", "expired")
    assert LedgerCheck.objects.get().differences == 0


def test_a_timer_that_fails_says_why_and_is_tried_again_soon(
    committed_db: None, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.TILL_RATES = "/nowhere/rates.xml"
    assert {*run_due_timers()} == EACH | {"load_rates"}
    failed = BackgroundTimer.objects.get(name="load_rates")
    assert "/nowhere/rates.xml" in failed.error
    assert failed.due_at - timezone.now() <= timedelta(minutes=5)
    assert "timer load_rates failed" in caplog.text
    settings.TILL_RATES = "sample"
    BackgroundTimer.objects.filter(name="load_rates").update(due_at=timezone.now())
    assert run_due_timers() == ["load_rates"]
    assert BackgroundTimer.objects.get(name="load_rates").error == ""


def test_what_postgresql_refuses_a_timer_is_told_and_keeps_no_other_from_running(
    committed_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as a statement that takes too long, or a right that the service's role lacks."""
    sql("ALTER TABLE payments_quote RENAME TO elsewhere")
    try:
        assert {*run_due_timers()} == EACH
    finally:
        sql("ALTER TABLE elsewhere RENAME TO payments_quote")
    failed = BackgroundTimer.objects.exclude(error="")
    assert {timer.name for timer in failed} == {"prune_quotes"}
    assert "timer prune_quotes failed" in caplog.text
    assert all(timer.due_at - timezone.now() <= timedelta(minutes=5) for timer in failed)


def test_a_ledger_that_differs_is_an_error_in_the_log(
    committed_db: None, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    wallet = wallet_of(alice, holding="10")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE payments_wallet DISABLE TRIGGER USER")
        Wallet.objects.filter(pk=wallet).update(balance=Decimal(11))
        cursor.execute("ALTER TABLE payments_wallet ENABLE TRIGGER USER")
    run_due_timers()
    assert LedgerCheck.objects.get().differences > 0
    assert [record.levelno for record in caplog.records if "does not balance" in record.message] == [logging.ERROR]
