"""Exchanges and transfers from sixteen threads at once: no deadlock, nothing twice, not a cent more or less."""

import random
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db.models import Sum

from payments.audit import audit
from payments.ledger.services.wallets import open_wallet
from payments.models import Exchange, IdempotencyKey, Transfer, Wallet
from tests.support import recipes
from tests.support.breadth import breadth
from tests.support.exchanges import EXCHANGES, new_quote, post_exchange, post_transfer, store_rate
from tests.support.ledger import balance_of, total_money, wallet_with
from tests.support.rest import new_key, outcomes, refused, signed_in
from tests.support.threads import at_once

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("committed_db")]
THREADS = 16


@pytest.fixture(autouse=True)
def sound(committed_db: None) -> Any:
    """Whatever raced, the books balance."""
    yield
    report = audit()
    assert report.is_sound, report
    assert [total_money(code) for code in ("USD", "EUR", "GBP")] == [0, 0, 0]


def all_of(task: Callable[[], Any]) -> list[Any]:
    return at_once(*[task] * THREADS)


# --- exchanges ---
def test_a_quote_serves_one_of_sixteen(alice: Any) -> None:
    store_rate()
    pairs = [(wallet_with(alice, "USD", "1000"), open_wallet(owner_id=alice.pk, currency="EUR")) for _ in range(4)]
    quote = new_quote(alice, "100")
    tasks = [partial(post_exchange, alice, *pair, quote=quote) for pair in pairs * 4]
    answers = at_once(*tasks)
    assert outcomes(answers) == {(201, ""): 1, (409, "quote_used"): THREADS - 1}
    assert Exchange.objects.filter(quote=quote).count() == 1
    assert (sum(balance_of(pair[0]) for pair in pairs), sum(balance_of(pair[1]) for pair in pairs)) == (3900, 90)


def test_one_key_is_one_exchange_and_sixteen_equal_answers(alice: Any) -> None:
    store_rate()
    source, destination = wallet_with(alice, "USD", "1000"), open_wallet(owner_id=alice.pk, currency="EUR")
    body, key = {"source": source.pk, "destination": destination.pk, "amount": "10"}, new_key()
    answers = all_of(lambda: signed_in(alice).post(EXCHANGES, body, headers=key))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert (Exchange.objects.count(), IdempotencyKey.objects.count(), balance_of(source)) == (1, 1, 990)


def test_money_for_three_exchanges_is_three(alice: Any) -> None:
    store_rate()
    source, destination = wallet_with(alice, "USD", "30.20"), open_wallet(owner_id=alice.pk, currency="EUR")
    recipes.commission_rule.make(operation="exchange", fixed=Decimal("0.05"))
    answers = all_of(lambda: post_exchange(alice, source, destination, amount="10"))
    assert outcomes(answers) == {(201, ""): 3, (409, "insufficient_funds"): THREADS - 3}
    assert (balance_of(source), balance_of(destination)) == (Decimal("0.05"), 27)


@breadth(3, 30)
def test_there_and_back_at_once_neither_deadlocks_nor_gains(alice: Any, number: int) -> None:
    store_rate("USD", "EUR", "0.8602150537")
    store_rate("EUR", "USD", "1.1625000000")
    dollars, euros = wallet_with(alice, "USD", "1000"), wallet_with(alice, "EUR", "1000")

    def act(pair: tuple[Wallet, Wallet]) -> list[Any]:
        return [post_exchange(alice, *pair, amount="3.3333333333") for _ in range(number)]

    rounds = at_once(*[partial(act, pair) for pair in [(dollars, euros), (euros, dollars)] * 8])
    assert outcomes([answer for one in rounds for answer in one]) == {(201, ""): number * THREADS}
    worth = balance_of(dollars) + balance_of(euros) * Decimal("1.1625")
    assert worth <= 1000 + 1000 * Decimal("1.1625")


def test_a_rate_that_changes_meanwhile_is_one_or_the_other(alice: Any) -> None:
    store_rate(value="0.9")
    source, destination = wallet_with(alice, "USD", "1000"), open_wallet(owner_id=alice.pk, currency="EUR")

    def act(number: int) -> Any:
        if number % 4 == 0:
            store_rate(value="0.5" if number % 8 else "0.9")
            return None
        return post_exchange(alice, source, destination, amount="10", expected_rate="0.9", max_slippage="0")

    answers = [answer for answer in at_once(*[partial(act, number) for number in range(THREADS)]) if answer]
    assert outcomes(answers).keys() <= {(201, ""), (409, "rate_slipped")}
    assert all(answer.json()["rate"] == "0.9000000000" for answer in answers if answer.status_code == 201)


# --- transfers ---
@breadth(3, 10)
def test_a_to_b_against_b_to_a_never_deadlocks(alice: Any, bob: Any, number: int) -> None:
    a, b = wallet_with(alice, "USD", "1000"), wallet_with(bob, "USD", "1000")
    recipes.commission_rule.make(operation="transfer", fixed=Decimal("0.01"))

    def pay(sender: Any, source: Wallet, destination: Wallet) -> list[Any]:
        return [post_transfer(sender, source, "7.77", destination=destination) for _ in range(number)]

    rounds = at_once(*[lambda: pay(alice, a, b), lambda: pay(bob, b, a)] * (THREADS // 2))
    assert outcomes([answer for one in rounds for answer in one]) == {(201, ""): number * THREADS}
    left = 1000 - Decimal("0.01") * number * THREADS / 2
    assert (balance_of(a), balance_of(b)) == (left, left)


@breadth(3, 8)
def test_a_storm_between_many_wallets_loses_nothing(
    alice: Any, bob: Any, mallory: Any, settings: Any, number: int
) -> None:
    settings.TILL_TRANSFER_DAILY_LIMITS = {"USD": "5000"}
    users = [alice, bob, mallory]
    owned = [(user, wallet_with(user, "USD", "100")) for user in users for _ in range(2)]

    def blow(seed: int) -> list[Any]:
        dice, answers = random.Random(seed), []
        for _ in range(number):
            (sender, source), (other, destination) = dice.sample(owned, 2)
            side = {"recipient": other.email} if dice.random() < 0.3 else {"destination": destination}
            answers.append(post_transfer(sender, source, str(dice.randint(1, 60)), **side))
        return answers

    rounds = at_once(*[partial(blow, seed) for seed in range(THREADS)])
    counts = outcomes([answer for one in rounds for answer in one])
    assert counts.keys() <= {(201, ""), (409, "insufficient_funds"), (422, "same_wallet")}
    assert Wallet.objects.filter(owner__isnull=False).aggregate(Sum("balance"))["balance__sum"] == 600


def test_sixteen_senders_to_one_who_has_no_wallet_open_one(alice: Any, bob: Any, mallory: Any) -> None:
    sources = [(user, wallet_with(user, "GBP", "10")) for user in (alice, mallory) for _ in range(8)]
    answers = at_once(
        *[partial(post_transfer, user, source, "10", recipient="BOB@example.com") for user, source in sources]
    )
    assert outcomes(answers) == {(201, ""): THREADS}
    assert Wallet.objects.get(owner=bob, currency="GBP").balance == 160


def test_people_who_open_wallets_for_each_other_do_not_deadlock(alice: Any, bob: Any, settings: Any) -> None:
    settings.TILL_TRANSFER_DAILY_LIMITS = {"USD": "1000", "EUR": "1000"}
    dollars, euros = wallet_with(alice, "USD", "100"), wallet_with(bob, "EUR", "100")
    hers = partial(post_transfer, alice, dollars, "1", recipient=bob.email)
    his = partial(post_transfer, bob, euros, "1", recipient=alice.email)
    answers = at_once(*[hers, his] * 8)
    assert outcomes(answers) == {(201, ""): THREADS}
    assert Wallet.objects.filter(owner__in=(alice, bob)).count() == 4


def test_two_wallets_do_not_pass_the_days_limit_together(alice: Any, bob: Any, settings: Any) -> None:
    settings.TILL_TRANSFER_DAILY_LIMITS = {"USD": "50"}
    sources = [wallet_with(alice, "USD", "1000") for _ in range(4)]
    target = open_wallet(owner_id=bob.pk, currency="USD")
    tasks = [partial(post_transfer, alice, source, "10", destination=target) for source in sources * 4]
    assert outcomes(at_once(*tasks)) == {(201, ""): 5, (409, "transfer_limit_exceeded"): THREADS - 5}
    assert (balance_of(target), Transfer.objects.count()) == (50, 5)
    refused(post_transfer(alice, sources[0], "0.01", destination=target), 409, "transfer_limit_exceeded")


@breadth(2, 20)
def test_exchanges_and_transfers_on_the_same_wallets_do_not_deadlock(alice: Any, bob: Any, number: int) -> None:
    store_rate("USD", "EUR", "0.9")
    store_rate("EUR", "USD", "1.1")
    mine = wallet_with(alice, "USD", "1000"), wallet_with(alice, "EUR", "1000")
    his = wallet_with(bob, "USD", "1000"), wallet_with(bob, "EUR", "1000")

    def act(thread: int) -> list[Any]:
        user, own, other = (alice, mine, his) if thread % 2 else (bob, his, mine)
        side = thread // 2 % 2
        return [
            *(post_exchange(user, own[side], own[1 - side], amount="1.23") for _ in range(number)),
            *(post_transfer(user, own[side], "2.34", destination=other[side]) for _ in range(number)),
        ]

    rounds = at_once(*[partial(act, thread) for thread in range(THREADS)])
    assert outcomes([answer for one in rounds for answer in one]) == {(201, ""): 2 * number * THREADS}
