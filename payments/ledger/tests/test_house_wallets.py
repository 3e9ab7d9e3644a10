"""The house's wallets: no lock, no hot row, and a balance that is exact at any moment."""

from decimal import Decimal
from threading import Event, Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, transaction

from payments.audit import audit
from payments.ledger import booking
from payments.ledger.booking import house as house_module
from payments.ledger.services.currencies import open_currency
from payments.models import HouseCheckpoint, Posting, Wallet
from tests.support.ledger import CLEARING, SALES, book, house_wallet, new_transaction, sql, wallet_of
from tests.support.ledger_checks import differences
from tests.support.sessions import end_sessions
from tests.support.threads import closing_connection


def balances(currency: str = "USD") -> dict[str, Decimal]:
    return {row.house: row.balance for row in booking.house_balances() if row.currency == currency}


def moves(user: Any) -> None:
    """Alice brings 10, spends 3, and the house pays 1 of its sales out."""
    a = wallet_of(user, holding="10")
    book(new_transaction((a, house_wallet(SALES), "3"), (house_wallet(SALES), house_wallet(CLEARING), "1")))


def test_they_are_derived_from_the_postings(alice: Any) -> None:
    moves(alice)
    assert balances() == {"clearing": -9, "sales": 2, "commission": 0, "exchange": 0, "suspense": 0}
    assert audit().house["USD"] == balances()


def test_opening_them_again_changes_nothing(db: None) -> None:
    before = list(Wallet.objects.filter(house__isnull=False).values_list("pk", "house", "currency"))
    booking.open_house("USD")
    assert list(Wallet.objects.filter(house__isnull=False).values_list("pk", "house", "currency")) == before


def test_they_are_read_at_once_for_whoever_may_not_ask_later(db: None, django_assert_num_queries: Any) -> None:
    booking.forget_house_wallets()
    with django_assert_num_queries(1):
        booking.read_house_wallets()
    wallets = list(Wallet.objects.filter(house__isnull=False).values_list("house", "currency", "pk"))
    with django_assert_num_queries(0):
        assert [
            (house, currency, booking.house_wallet(str(house), currency)) for house, currency, _ in wallets
        ] == wallets


def test_a_new_currency_has_all_of_them(db: None) -> None:
    open_currency(code="XTS", name="Test", decimal_places=2)
    assert balances("XTS") == dict.fromkeys(("clearing", "sales", "commission", "exchange", "suspense"), 0)
    assert booking.house_wallet(SALES, "XTS") == Wallet.objects.get(house=SALES, currency="XTS").pk


def test_a_currency_that_was_rolled_back_and_opened_again_is_not_mixed_up(alice: Any) -> None:
    for _ in range(2):
        with transaction.atomic():
            open_currency(code="XTS", name="Test", decimal_places=2)
            a = wallet_of(alice, "XTS")
            book(new_transaction((booking.house_wallet(CLEARING, "XTS"), a, "1")))
            transaction.set_rollback(True)


def test_an_unknown_one_is_not_invented(db: None) -> None:
    with pytest.raises(Wallet.DoesNotExist):
        booking.house_wallet(SALES, "XXX")


def test_booking_neither_locks_nor_writes_them(committed_db: None, alice: Any) -> None:
    """Another connection holds the strongest lock on clearing's row; a booking on it does not wait."""
    a = wallet_of(alice)
    with transaction.atomic():
        sql("SELECT FROM payments_wallet WHERE id = %s FOR NO KEY UPDATE", house_wallet())
        thread = Thread(target=closing_connection, args=(book, new_transaction((house_wallet(), a, "1"))))
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
    assert balances()["clearing"] == -1


# --- the checkpoint -----------------------------------------------------------------------------------------


@pytest.fixture
def committed_alice(committed_db: None, alice: Any) -> Any:
    return alice


def checkpoint() -> None:
    """It gives up after half a second; autovacuum may have the table for longer."""
    assert any(booking.checkpoint() for _ in range(20))


def test_a_checkpoint_changes_no_balance(committed_alice: Any) -> None:
    moves(committed_alice)
    before = balances()
    checkpoint()
    assert balances() == before
    assert set(HouseCheckpoint.objects.values_list("posting_id", flat=True)) == {Posting.objects.latest("id").pk}
    moves(committed_alice)
    assert balances() == {house_wallet: 2 * balance for house_wallet, balance in before.items()}
    checkpoint()
    checkpoint()
    assert balances() == {house_wallet: 2 * balance for house_wallet, balance in before.items()}
    assert differences() == {}


def test_a_checkpoint_that_was_cancelled_says_so(committed_alice: Any) -> None:
    """Only a lock that others hold is a reason to try again later."""
    moves(committed_alice)
    held, done = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            sql("LOCK TABLE payments_posting IN ROW EXCLUSIVE MODE")
            held.set()
            assert done.wait(30)

    holder = Thread(target=closing_connection, args=[hold])
    holder.start()
    try:
        assert held.wait(30)
        sql("SET statement_timeout = '100ms'")
        with pytest.raises(OperationalError):
            booking.checkpoint()
    finally:
        done.set()
        holder.join()
        end_sessions()
    assert not HouseCheckpoint.objects.exists()


def test_a_checkpoint_of_empty_books_is_harmless(committed_db: None) -> None:
    checkpoint()
    assert not HouseCheckpoint.objects.exists()


def test_a_checkpoint_goes_in_steps(committed_alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    moves(committed_alice)
    checkpoint()  # from here on: ids begin wherever other tests left them
    monkeypatch.setattr(house_module, "STEP", 1)
    moves(committed_alice)
    checkpoint()
    assert set(HouseCheckpoint.objects.values_list("posting_id", flat=True)) == {Posting.objects.latest("id").pk}
    assert differences() == {}


def test_a_currency_opened_after_the_checkpoint_is_counted_from_its_beginning(committed_alice: Any) -> None:
    moves(committed_alice)
    booking.checkpoint()
    with transaction.atomic():
        open_currency(code="XTS", name="Test", decimal_places=2)
        book(new_transaction((house_wallet(CLEARING, "XTS"), wallet_of(committed_alice, "XTS"), "5")))
        assert balances("XTS")["clearing"] == -5
        transaction.set_rollback(True)


def test_reading_moves_a_far_checkpoint_up_by_itself(committed_alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house_module, "LONG_TAIL", 10**12)  # the tail is told by ids, and other tests have used many
    moves(committed_alice)
    balances()
    assert not HouseCheckpoint.objects.exists()
    monkeypatch.setattr(house_module, "LONG_TAIL", 0)
    with transaction.atomic():
        balances()
    assert not HouseCheckpoint.objects.exists()  # its lock would last as long as the atomic block
    balances()
    assert HouseCheckpoint.objects.exists()


def test_a_checkpoint_is_not_taken_inside_an_atomic_block(committed_db: None) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        booking.checkpoint()


def test_the_command_moves_it_up(committed_alice: Any, capsys: pytest.CaptureFixture[str]) -> None:
    moves(committed_alice)
    call_command("checkpoint_house")
    assert "newest posting" in capsys.readouterr().out
    assert HouseCheckpoint.objects.exists()


def test_the_command_fails_where_the_books_give_it_no_pause(committed_alice: Any) -> None:
    moves(committed_alice)
    failures: list[BaseException] = []

    def take() -> None:
        try:
            call_command("checkpoint_house")
        except CommandError as error:
            failures.append(error)

    with transaction.atomic():
        moves(committed_alice)  # not committed while the checkpoint wants its pause
        thread = Thread(target=closing_connection, args=(take,))
        thread.start()
        thread.join(10)
    assert len(failures) == 1
    assert not HouseCheckpoint.objects.exists()


def test_nobody_books_on_locks_whose_block_has_ended(committed_alice: Any) -> None:
    a = wallet_of(committed_alice, holding="10")
    with transaction.atomic():
        locked = booking.lock([a])
    with pytest.raises(transaction.TransactionManagementError):
        locked.book([new_transaction((a, house_wallet(SALES), "1"))])
    assert Wallet.objects.get(pk=a).balance == 10
