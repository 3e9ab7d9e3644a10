"""The ledger under real threads, each with its own connection, on committed data."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from threading import Event
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Max, Sum
from django.db.transaction import TransactionManagementError

from payments.audit import audit
from payments.ledger import booking
from payments.models import HouseCheckpoint, Posting, Transaction, Wallet
from tests.support.ledger import (
    SALES,
    balance_of,
    book,
    house_wallet,
    new_transaction,
    open_provider_wallet,
    statement_of,
    wallet_of,
)
from tests.support.ledger_checks import differences
from tests.support.threads import at_once, closing_connection

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.usefixtures("committed_db")]


@contextmanager
def meanwhile(task: Callable[[], None]) -> Iterator[None]:
    """Repeat the task in a thread until the block ends; its exception is raised here."""
    done = Event()

    def repeat() -> None:
        while not done.is_set():
            task()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(closing_connection, repeat)
        try:
            yield
        finally:
            done.set()
        future.result()


def pair(dice: random.Random, wallets: list[int]) -> tuple[int, int, str]:
    source, destination = dice.sample(wallets, 2)
    return source, destination, str(dice.randint(1, 20))


def storm(wallets: list[int], *, threads: int = 8, batches: int = 25) -> None:
    """Every thread moves money between all the wallets, to and fro, in batches of several lines."""

    def blow(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(batches):
            booking.book([
                new_transaction(
                    pair(dice, wallets),
                    (dice.choice(wallets), house_wallet(SALES), "0.01"),
                    (house_wallet(SALES), dice.choice(wallets), "0.01"),
                )
                for _ in range(dice.randint(1, 4))
            ])  # fmt: skip

    at_once(*[lambda seed=seed: blow(seed) for seed in range(threads)])


@pytest.fixture
def wallets(alice: Any, bob: Any, mallory: Any) -> list[int]:
    return [wallet_of(owner, holding="100") for owner in (alice, bob, mallory)]


def test_crossing_transfers_neither_deadlock_nor_lose_a_cent(wallets: list[int]) -> None:
    storm(wallets)
    assert Wallet.objects.filter(pk__in=wallets).aggregate(Sum("balance"))["balance__sum"] == 300
    assert Transaction.objects.count() > len(wallets)
    assert differences() == {}


def test_a_to_b_against_b_to_a(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="1000"), wallet_of(bob, holding="1000")

    def send(source: int, destination: int) -> int:
        results = [booking.book([new_transaction((source, destination, "1"))])[0] for _ in range(50)]
        return sum(isinstance(result, booking.Booked) for result in results)

    sent = at_once(*[lambda: send(a, b), lambda: send(b, a)] * 4)
    assert sent == [50] * 8
    assert (balance_of(a), balance_of(b)) == (1000, 1000)
    assert [number for number, _ in statement_of(a)] == list(range(1, 402))
    assert differences() == {}


def test_of_twenty_who_spend_money_for_two_exactly_two_succeed(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="10"), wallet_of(bob)
    results = at_once(*[lambda: booking.book([new_transaction((a, b, "5"))])[0]] * 20)
    refused = [result for result in results if isinstance(result, booking.Refused)]
    assert len(refused) == 18
    assert {type(result.error) for result in refused} == {booking.InsufficientFunds}
    assert (balance_of(a), balance_of(b)) == (0, 10)
    assert differences() == {}


def test_nothing_is_booked_on_a_wallet_whose_opening_was_rolled_back(alice: Any) -> None:
    """Its row is not there to say that the books are outdated, and somebody else may open another before the commit."""
    with transaction.atomic():
        locked = booking.lock([77])
        with transaction.atomic():
            open_provider_wallet(locked, 77, alice)
            transaction.set_rollback(True)
        with pytest.raises(booking.StaleWallets):
            locked.book([new_transaction((house_wallet(), 77, "5"))])
    assert Transaction.objects.count() == 0


def test_who_opens_a_wallet_second_is_told_to_run_again(alice: Any) -> None:
    def open_and_fill() -> str:
        try:
            with transaction.atomic():
                locked = booking.lock([77])
                open_provider_wallet(locked, 77, alice)
                time.sleep(0.1)
                locked.book([new_transaction((house_wallet(), 77, "5"))])
        except booking.SerializationConflict:
            return "again"
        return "opened"

    assert sorted(at_once(*[open_and_fill] * 4)) == ["again"] * 3 + ["opened"]
    assert balance_of(77) == 5
    assert differences() == {}


def test_the_books_close_with_their_atomic_block(alice: Any) -> None:
    a = wallet_of(alice, holding="10")
    with transaction.atomic():
        locked = booking.lock([a])
    with pytest.raises(TransactionManagementError):
        locked.book([new_transaction((a, house_wallet(), "1"))])
    with pytest.raises(TransactionManagementError):
        booking.lock([a])


# --- reading while others book ------------------------------------------------------------------------------


def test_readers_never_see_half_a_transaction(wallets: list[int]) -> None:
    seen: set[Decimal] = set()

    def read() -> None:
        seen.add(Wallet.objects.filter(pk__in=wallets).aggregate(Sum("balance"))["balance__sum"])

    with meanwhile(read):
        storm(wallets, threads=4)
    assert seen == {Decimal(300)}


def test_check_ledger_is_exact_while_the_books_are_written(wallets: list[int]) -> None:
    runs: list[dict[str, int]] = []
    with meanwhile(lambda: runs.append(differences(range_rows=50))):
        storm(wallets, threads=4)
    assert len(runs) > 1
    assert not any(runs)


def test_check_ledger_sees_one_moment_however_long_it_takes(wallets: list[int]) -> None:
    """Another connection books after the postings were read: without one snapshot the rest would not fit to them."""
    clearing, bookings = house_wallet(), iter(range(5))
    with ThreadPoolExecutor(1) as others:

        def book_more(done: int, _total: int) -> None:
            for _ in islice(bookings, int(done > len(wallets))):
                others.submit(closing_connection, lambda: book(new_transaction((clearing, wallets[0], "5")))).result()

        assert differences(range_rows=1, on_progress=book_more) == {}
    assert audit().checked["transactions"] == len(wallets) + 5


# --- the house's checkpoint ---------------------------------------------------------------------------------


def test_a_checkpoint_in_a_storm_is_exact(wallets: list[int]) -> None:
    taken: list[bool] = []

    def take() -> None:
        taken.append(booking.checkpoint())
        assert differences(range_rows=100) == {}

    with meanwhile(take):
        storm(wallets, threads=4, batches=40)
    assert any(taken)
    recomputed = audit().house["USD"]
    assert {row.house: row.balance for row in booking.house_balances() if row.currency == "USD"} == recomputed


def test_a_lower_id_that_commits_later_is_not_passed_over(alice: Any, bob: Any) -> None:
    """Ids are given before commit: the highest one that can be seen is no horizon. The SHARE lock makes it one."""
    slow, fast, clearing = wallet_of(alice), wallet_of(bob), house_wallet()

    def book_fast() -> None:
        book(new_transaction((clearing, fast, "1")))

    with transaction.atomic(), ThreadPoolExecutor(1) as others:
        book(new_transaction((clearing, slow, "2")))
        lower = Posting.objects.get(destination=slow).pk
        others.submit(closing_connection, book_fast).result()
        visible = others.submit(closing_connection, lambda: Posting.objects.aggregate(Max("id"))["id__max"]).result()
        assert visible > lower, "the race that this test is about did not happen"
        assert others.submit(closing_connection, booking.checkpoint).result() is False
    assert not HouseCheckpoint.objects.exists()
    assert any(booking.checkpoint() for _ in range(20))  # autovacuum may have the table for longer than it waits
    assert {row.balance for row in booking.house_balances() if row.wallet_id == clearing} == {Decimal(-3)}
    assert differences() == {}


def test_a_checkpoint_waits_for_who_is_about_to_commit(alice: Any) -> None:
    slow, clearing = wallet_of(alice), house_wallet()
    with ThreadPoolExecutor(1) as others:
        with transaction.atomic():
            book(new_transaction((clearing, slow, "2")))
            taken = others.submit(closing_connection, booking.checkpoint)
            time.sleep(0.1)
        assert taken.result() is True
    assert set(HouseCheckpoint.objects.values_list("posting_id", flat=True)) == {Posting.objects.latest("id").pk}
    assert differences() == {}
