"""Orders under real threads, each with its own connection, on committed data: one verdict, no cent twice."""

import random
from decimal import Decimal
from typing import Any

import pytest

from payments.ledger import booking
from payments.models import Transaction, Wallet, Withdrawal
from payments.webhooks import receiving
from tests.support import recipes
from tests.support.ledger import clearing_wallet, wallet_with
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.notices import notice
from tests.support.orders import (
    balance_and_held,
    deposit,
    make_rule,
    post_order,
    settle,
    stored_deposit,
    stored_withdrawal,
    withdraw,
)
from tests.support.rest import API, outcomes, signed_in
from tests.support.threads import at_once


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "1000")


pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("committed_db")]


@pytest.mark.parametrize("name", ["deposits", "withdrawals"])
def test_sixteen_that_settle_at_once_book_once(alice: Any, admin: Any, service: Any, wallet: Wallet, name: str) -> None:
    make_rule(admin, name[:-1], percent="10")
    order = (
        deposit(alice, wallet)
        if name == "deposits"
        else withdraw(alice, wallet, recipes.bank_account.make(owner=alice))
    )
    answers = at_once(*[lambda: settle(service, name, order)] * 16)
    assert outcomes(answers) == {(200, ""): 16}
    assert len({answer.content for answer in answers}) == 1
    assert Transaction.objects.filter(reference=f"{name[:-1]} {order['id']}").count() == 1
    assert balance_and_held(wallet) == (("1090", "0") if name == "deposits" else ("900", "0"))
    assert_ledger_balances()


@pytest.mark.parametrize("name", ["deposits", "withdrawals"])
def test_of_many_verdicts_at_once_one_stands(alice: Any, service: Any, wallet: Wallet, name: str) -> None:
    bank = recipes.bank_account.make(owner=alice)
    for _ in range(4):
        order = deposit(alice, wallet) if name == "deposits" else withdraw(alice, wallet, bank)
        settlements = ["paid", "rejected"] * 8
        random.shuffle(settlements)
        answers = at_once(*[lambda v=v, m=order: settle(service, name, m, v) for v in settlements])
        assert outcomes(answers) == {(200, ""): 8, (409, "already_settled"): 8}
        row = stored_deposit(order) if name == "deposits" else stored_withdrawal(order)
        assert {answer.json()["status"] for answer in answers if answer.status_code == 200} == {row.status}
        assert (row.transaction is not None) == (row.status == "paid")
    booked = Transaction.objects.filter(kind=name[:-1], reference__startswith=name[:-1]).count()
    sign = 1 if name == "deposits" else -1
    assert balance_and_held(wallet) == (str(1000 + sign * 100 * booked), "0")
    assert_ledger_balances()


def test_one_of_two_withdrawals_gets_the_money(alice: Any, wallet: Wallet) -> None:
    bank = recipes.bank_account.make(owner=alice)
    answers = at_once(*[lambda: post_order(alice, "withdrawals", wallet, "600", external_wallet=bank.pk)] * 2)
    assert outcomes(answers) == {(201, ""): 1, (409, "insufficient_funds"): 1}
    assert balance_and_held(wallet) == ("1000", "600")
    assert_ledger_balances()


def test_held_money_and_spent_money_are_never_the_same(alice: Any, service: Any, wallet: Wallet) -> None:
    bank = recipes.bank_account.make(owner=alice)
    spend = booking.NewTransaction("purchase", (booking.NewPosting(wallet.pk, clearing_wallet(), Decimal(90)),))

    def spent() -> int:
        return 90 if isinstance(booking.book([spend])[0], booking.Booked) else 0

    def held() -> int:
        return 70 if post_order(alice, "withdrawals", wallet, "70", external_wallet=bank.pk).status_code == 201 else 0

    total = sum(at_once(*[spent, held] * 8))
    assert 840 <= total <= 1000
    wallet.refresh_from_db()
    assert 1000 - wallet.balance + wallet.held == total
    for order in Withdrawal.objects.all():
        assert settle(service, "withdrawals", order.pk).status_code == 200
    assert balance_and_held(wallet) == (str(1000 - total), "0")
    assert_ledger_balances(by_hand=True)


def test_webhooks_arrive_while_orders_are_settled(alice: Any, service: Any, wallet: Wallet) -> None:
    bank = recipes.bank_account.make(owner=alice)
    ins = [deposit(alice, wallet, "10") for _ in range(5)]
    outs = [withdraw(alice, wallet, bank, "7") for _ in range(5)]
    notices = [notice(user_id=alice.pk, account=wallet.pk, amount="3") for _ in range(6)]
    answers = at_once(
        *[lambda o=o: settle(service, "deposits", o).status_code for o in ins],
        *[lambda o=o: settle(service, "withdrawals", o).status_code for o in outs],
        *[lambda n=n: type(receiving.credit([n])[0]) for n in notices],
    )
    assert answers == [200] * 10 + [receiving.Credited] * 6
    assert balance_and_held(wallet) == ("1033", "0")
    assert_ledger_balances()


def test_an_external_wallet_is_deleted_or_used(alice: Any, wallet: Wallet) -> None:
    for _ in range(6):
        bank = recipes.bank_account.make(owner=alice)
        pair = [
            lambda b=bank: post_order(alice, "withdrawals", wallet, "1", external_wallet=b.pk).status_code,
            lambda b=bank: signed_in(alice).delete(f"{API}/external-wallets/{b.pk}").status_code,
        ]
        requested, deleted = at_once(*pair)
        assert (requested, deleted) in {(201, 409), (404, 204)}
        bank.refresh_from_db()
        assert (bank.deleted_at is None) == bank.withdrawals.exists() == (requested == 201)
    assert_ledger_balances()
