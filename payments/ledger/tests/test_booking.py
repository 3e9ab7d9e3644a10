"""The one door: what it books, what it refuses, and what it leaves behind when something goes wrong."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, IntegrityError, transaction

from payments.ledger import booking
from payments.models import Posting, Transaction, Wallet
from payments.money import MAX_AMOUNT
from tests.support.ledger import (
    CLEARING,
    SALES,
    balance_of,
    book,
    hold_for_withdrawal,
    house_wallet,
    new_transaction,
    open_provider_wallet,
    refusal,
    sql,
    statement_of,
    wallet_of,
)
from tests.support.ledger_checks import differences

UNKNOWN = 999


@pytest.fixture(autouse=True)
def sound_books(db: None) -> Any:
    """Whatever a test does to the ledger, the books balance afterwards."""
    yield
    assert differences() == {}


# --- what is booked -----------------------------------------------------------------------------------------


def test_booking_writes_a_transaction_with_its_postings(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="100"), wallet_of(bob)
    result = book(new_transaction((a, b, "30"), (a, house_wallet(SALES), "1.5"), kind="transfer", reference="rent"))
    written = Transaction.objects.get(pk=result.transaction_id)
    assert (written.kind, written.reference) == ("transfer", "rent")
    assert list(written.postings.values_list("source", "destination", "amount")) == [
        (a, b, Decimal(30)),
        (a, house_wallet(SALES), Decimal("1.5")),
    ]
    assert result.balances == {a: Decimal("68.5"), b: Decimal(30)}
    assert (balance_of(a), balance_of(b)) == (Decimal("68.5"), Decimal(30))


def test_booking_numbers_the_postings_of_a_wallet_over_both_sides(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="10"), wallet_of(bob, holding="10")
    booking.book(
        [new_transaction((a, b, "4"), (b, a, "1")), new_transaction((b, a, "2")), new_transaction((a, b, "9"))]
    )
    assert statement_of(a) == [(1, 10), (2, 6), (3, 7), (4, 9), (5, 0)]
    assert statement_of(b) == [(1, 10), (2, 14), (3, 13), (4, 11), (5, 20)]


def test_a_house_wallet_is_neither_numbered_nor_changed(alice: Any) -> None:
    wallet_of(alice, holding="10")
    posting = Posting.objects.get()
    assert (posting.source_sequence, posting.source_balance) == (None, None)
    assert Wallet.objects.filter(pk=house_wallet(), balance=0, sequence=0).exists()


def test_money_that_arrives_in_a_batch_can_leave_in_it(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice), wallet_of(bob)
    results = booking.book([
        new_transaction((a, b, "5")), new_transaction((house_wallet(), a, "5")),
        new_transaction((a, b, "5")), new_transaction((a, b, "5")),
    ])  # fmt: skip
    assert [isinstance(result, booking.Booked) for result in results] == [False, True, True, False]
    assert (balance_of(a), balance_of(b)) == (0, 5)


def test_a_refused_movement_does_not_disturb_its_neighbours(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="10"), wallet_of(bob)
    results = booking.book([
        new_transaction((a, b, "1")), new_transaction((a, b, "5"), (a, b, "5")),
        new_transaction((a, UNKNOWN, "1")), new_transaction((a, b, "9")),
    ])  # fmt: skip
    assert [isinstance(result, booking.Booked) for result in results] == [True, False, False, True]
    assert statement_of(a) == [(1, 10), (2, 9), (3, 0)]


def test_transactions_are_numbered_in_the_order_of_the_list(alice: Any) -> None:
    a = wallet_of(alice, holding="100")
    results = booking.book([new_transaction((a, house_wallet(), "1"), reference=str(number)) for number in range(50)])
    written = dict(Transaction.objects.values_list("id", "reference"))
    booked_ids = [result.transaction_id for result in results if isinstance(result, booking.Booked)]
    assert booked_ids == sorted(booked_ids)
    assert [written[id_] for id_ in booked_ids] == [str(number) for number in range(50)]


def test_booking_adds_all_38_digits(alice: Any) -> None:
    a = wallet_of(alice, holding="123456789012345678901234567.1")
    book(new_transaction((house_wallet(), a, "0.0000000001")))
    assert balance_of(a) == Decimal("123456789012345678901234567.1000000001")


def test_booking_takes_a_thousand_transactions_at_once(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="1000"), wallet_of(bob)
    results = booking.book([new_transaction((a, b, "1.5")) for _ in range(1000)])
    assert sum(isinstance(result, booking.Booked) for result in results) == 666
    assert (balance_of(a), balance_of(b)) == (1, 999)


def test_booking_an_empty_list_writes_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):  # the savepoint alone
        assert booking.book([]) == []


# --- what is refused ----------------------------------------------------------------------------------------


def test_booking_refuses_to_overdraw(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="10"), wallet_of(bob)
    assert refusal(new_transaction((a, b, "10.0000000001"))) is booking.InsufficientFunds


def test_what_several_postings_need_is_never_rounded() -> None:
    most = "999999999999999998.9999999999"
    assert new_transaction((1, 2, most), (1, 2, most)).needed(1) == Decimal("1999999999999999997.9999999998")


def test_what_is_held_cannot_be_spent(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="10"), wallet_of(bob)
    hold_for_withdrawal(a, "4")
    assert refusal(new_transaction((a, b, "6.01"))) is booking.InsufficientFunds
    book(new_transaction((a, b, "6")))


def test_a_hold_takes_no_more_than_is_free(alice: Any) -> None:
    a = wallet_of(alice, holding="10")
    hold_for_withdrawal(a, "4")
    locked = booking.lock([a])
    with pytest.raises(booking.InsufficientFunds):
        locked.hold(a, Decimal("6.01"))
    with pytest.raises(booking.InvalidTransaction):
        locked.release(a, Decimal("4.01"))
    with pytest.raises(booking.WalletNotFound):
        locked.hold(UNKNOWN, Decimal(1))
    for amount in ("0", "-1", "NaN", "0.00000000001"):
        with pytest.raises(booking.InvalidTransaction):
            locked.hold(a, Decimal(amount))
    assert Wallet.objects.get(pk=a).available == 6


def test_postgresql_refuses_at_commit_what_is_held_for_nothing(alice: Any) -> None:
    a = wallet_of(alice, holding="10")
    booking.lock([a]).hold(a, Decimal(4))
    with pytest.raises(IntegrityError, match="pending withdrawals"), transaction.atomic():
        sql("SELECT 1")
    booking.lock([a]).release(a, Decimal(4))


def test_only_a_reversal_overdraws_and_only_where_the_wallet_allows_it(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="1"), wallet_of(bob, holding="1")
    Wallet.objects.filter(pk=a).update(may_overdraw=True)
    assert refusal(new_transaction((a, house_wallet(), "2"))) is booking.InsufficientFunds
    overdrawing = new_transaction((a, house_wallet(), "2"))._replace(overdraws=True)
    assert book(overdrawing).balances == {a: -1}
    assert refusal(new_transaction((b, house_wallet(), "2"))._replace(overdraws=True)) is booking.InsufficientFunds
    with pytest.raises(IntegrityError, match="wallet_balance_covers_held"), transaction.atomic():
        Wallet.objects.filter(pk=a).update(may_overdraw=False)


def test_booking_refuses_another_currency(alice: Any) -> None:
    usd, eur = wallet_of(alice, "USD", holding="10"), wallet_of(alice, "EUR")
    assert refusal(new_transaction((usd, eur, "1"))) is booking.CurrencyMismatch
    assert refusal(new_transaction((house_wallet(CLEARING, "EUR"), usd, "1"))) is booking.CurrencyMismatch
    assert (
        refusal(new_transaction((house_wallet(CLEARING, "EUR"), house_wallet(SALES, "USD"), "1")))
        is booking.CurrencyMismatch
    )


@pytest.mark.parametrize("unknown", [UNKNOWN, 0, -1, 2**63 - 1, 2**63, 10**100, 9 * 10**15 + 999_999])
def test_booking_refuses_an_unknown_wallet(alice: Any, unknown: int) -> None:
    a = wallet_of(alice, holding="10")
    assert refusal(new_transaction((a, unknown, "1"))) is booking.WalletNotFound
    assert refusal(new_transaction((unknown, a, "1"))) is booking.WalletNotFound


def test_booking_refuses_one_wallet_on_both_sides(alice: Any) -> None:
    a = wallet_of(alice, holding="10")
    assert refusal(new_transaction((a, a, "1"))) is booking.SameWallet
    assert refusal(new_transaction((house_wallet(), house_wallet(), "1"))) is booking.SameWallet


def test_booking_refuses_a_balance_that_no_column_holds(alice: Any) -> None:
    a = wallet_of(alice, holding=f"{MAX_AMOUNT:f}")
    assert refusal(new_transaction((house_wallet(), a, "0.0000000001"))) is booking.BalanceTooLarge


def test_a_wallet_that_was_not_locked_cannot_be_moved(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="10"), wallet_of(bob)
    with transaction.atomic():
        [result] = booking.lock([a]).book([new_transaction((a, b, "1"))])
    assert isinstance(result, booking.Refused)
    assert isinstance(result.error, booking.WalletNotFound)


def test_every_refusal_tells_why() -> None:
    for error in booking.LedgerError.__subclasses__():
        assert str(error()) == error.__doc__


# --- what no caller may ask ---------------------------------------------------------------------------------

MISTAKES: dict[str, Callable[[int, int], booking.NewTransaction]] = {
    "no line": lambda *_: new_transaction(),
    "no kind": lambda a, b: new_transaction((a, b, "1"), kind=""),
    "an invented kind": lambda a, b: new_transaction((a, b, "1"), kind="gift"),
    "a long reference": lambda a, b: new_transaction((a, b, "1"), reference="x" * 256),
    **{
        f"amount {amount}": lambda a, b, amount=amount: new_transaction((a, b, "1"), (a, b, amount))  # type: ignore[misc]
        for amount in ["0", "-0", "-1", "0.00000000001", "1.00000000001", "1e28", "1e400000", "NaN", "sNaN", "Infinity"]
    },
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_our_own_code_leaves_nothing(alice: Any, bob: Any, mistake: str) -> None:
    a, b = wallet_of(alice, holding="10"), wallet_of(bob)
    with pytest.raises(booking.InvalidTransaction):
        booking.book([new_transaction((a, b, "1")), MISTAKES[mistake](a, b), new_transaction((a, b, "1"))])
    assert statement_of(a) == [(1, 10)]


def test_a_mistake_leaves_the_locked_books_as_they_were(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="10"), wallet_of(bob)
    with transaction.atomic():
        locked = booking.lock([a, b])
        with pytest.raises(DataError), transaction.atomic():
            locked.book([new_transaction((a, b, "1")), new_transaction((a, b, "1"), reference="\x00")])
        locked.book([new_transaction((a, b, "2"))])
    assert statement_of(a) == [(1, 10), (2, 8)]


def test_books_are_outdated_once_their_savepoint_was_rolled_back(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="10"), wallet_of(bob)
    with transaction.atomic():
        locked = booking.lock([a, b])
        with transaction.atomic():
            locked.book([new_transaction((a, b, "1"))])
            transaction.set_rollback(True)
        with pytest.raises(booking.StaleWallets), transaction.atomic():
            locked.book([new_transaction((a, b, "1"))])
    assert statement_of(a) == [(1, 10)]


def test_who_swallows_outdated_books_commits_nothing(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="10"), wallet_of(bob)
    with transaction.atomic():
        locked = booking.lock([a, b])
        with transaction.atomic():
            locked.book([new_transaction((a, b, "1"))])
            transaction.set_rollback(True)
        with pytest.raises(booking.StaleWallets):
            locked.book([new_transaction((a, b, "1"))])
    assert statement_of(a) == [(1, 10)]


def fail(_: object) -> None:
    raise ZeroDivisionError


def test_an_exception_of_the_caller_leaves_nothing(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="10"), wallet_of(bob)
    with transaction.atomic():
        locked = booking.lock([a, b])
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            fail(locked.book([new_transaction((a, b, "1"))]))
    assert statement_of(a) == [(1, 10)]
    assert Transaction.objects.count() == 1


def test_of_the_locked_wallets_only_those_that_moved_are_written(alice: Any, bob: Any) -> None:
    a, b = wallet_of(alice, holding="10"), wallet_of(bob, holding="5")
    with transaction.atomic():
        locked = booking.lock([a, b])
        locked.book([new_transaction((a, house_wallet(SALES), "1"))])
    assert (statement_of(a), statement_of(b)) == ([(1, 10), (2, 9)], [(1, 5)])


def test_a_hold_on_a_stale_copy_of_the_wallet_rolls_everything_back(alice: Any) -> None:
    a = wallet_of(alice, holding="10")
    with transaction.atomic():
        first, second = booking.lock([a]), booking.lock([a])
        first.hold(a, Decimal(1))
        with pytest.raises(booking.StaleWallets):
            second.hold(a, Decimal(1))
    assert Wallet.objects.get(pk=a).held == 0


def test_a_wallet_that_somebody_opened_first_is_a_conflict(alice: Any) -> None:
    a = wallet_of(alice)
    with transaction.atomic(), pytest.raises(booking.SerializationConflict):
        open_provider_wallet(booking.lock([]), a, alice)


# --- what it costs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 10, 300])
def test_a_batch_costs_seven_statements_however_long(
    alice: Any, bob: Any, length: int, django_assert_num_queries: Any
) -> None:
    a, b, clearing = wallet_of(alice, holding="1000"), wallet_of(bob), house_wallet()
    batch = [
        new_transaction((a, b, "1")),
        new_transaction((clearing, a, "1")),
        new_transaction((UNKNOWN, a, "1")),
    ] * length
    booking.book(batch[:3])
    with django_assert_num_queries(7):  # savepoint, lock, ids, transactions, postings, balances, release
        booking.book(batch)


def test_a_thousand_unknown_wallets_cost_one_statement_more(alice: Any, django_assert_num_queries: Any) -> None:
    a, far = wallet_of(alice, holding="10"), 9 * 10**15 + 10**6
    with django_assert_num_queries(5):  # savepoint, lock, ids, house wallets, release
        booking.book([new_transaction((a, far + number, "1")) for number in range(1000)])
