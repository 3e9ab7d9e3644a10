"""Notices that name no wallet: the user's first one in the currency is credited, and opened once."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from pytest_django.plugin import DjangoDbBlocker

from payments.conftest import in_process
from payments.ledger import booking
from payments.ledger.services.wallets import open_wallet
from payments.models import Provider, Transaction, Wallet, WebhookEvent
from payments.webhooks.receiving import Credited, Notice, TransactionIdConflict, UserNotFound, credit
from payments.webhooks.receiving.first_wallets import find_first_wallets
from payments.webhooks.receiving.provider_cache import provider_cache
from postgres import pipeline
from tests.support import recipes
from tests.support.documents import stripe, stripe_event
from tests.support.mapped_providers import committed_providers, make_provider
from tests.support.sessions import end_sessions
from tests.support.threads import at_once, closing_connection
from tests.support.waiting import wait_until, waiting_for_locks


@pytest.fixture
def provider(alice: Any) -> Provider:
    return make_provider("stripe")


def notice(external_id: str, user_id: int, amount: str = "10", *, wallet: int = 0, currency: str = "USD") -> Notice:
    provider_cache.invalidate()
    known = provider_cache.get("stripe")
    assert known is not None
    return Notice(known, external_id, user_id, wallet, Decimal(amount), currency)


def credited(*notices: Notice) -> list[tuple[int, Decimal, bool]]:
    outcomes = credit(notices)
    assert all(isinstance(outcome, Credited) for outcome in outcomes), outcomes
    return [(it.wallet_id, it.balance, it.duplicate) for it in outcomes if isinstance(it, Credited)]


def test_a_batch_opens_one_wallet_for_a_user_and_a_currency(provider: Provider, alice: Any, bob: Any) -> None:
    batch = [notice("a", alice.pk), notice("b", alice.pk), notice("c", alice.pk, currency="EUR"), notice("d", bob.pk)]
    first, second, euros, bobs = credited(
        *batch,
    )
    assert first[0] == second[0]
    assert len({first[0], euros[0], bobs[0]}) == 3
    assert [row[1] for row in (first, second, euros, bobs)] == [10, 20, 10, 10]
    assert credited(*batch) == [(*row[:2], True) for row in (first, second, euros, bobs)]
    assert Wallet.objects.filter(owner__in=(alice, bob)).count() == 3


def test_notices_with_and_without_a_wallet_share_a_batch(provider: Provider, alice: Any) -> None:
    wallet = open_wallet(owner_id=alice.pk, currency="USD").pk
    batch = [notice("a", alice.pk, wallet=wallet), notice("b", alice.pk), notice("c", alice.pk, wallet=77)]
    assert [row[:2] for row in credited(*batch)] == [(wallet, 10), (wallet, 20), (77, 10)]


def test_the_first_wallet_is_the_one_that_was_opened_first(provider: Provider, alice: Any) -> None:
    """Not the one with the least id: a provider chooses small ones."""
    mine = open_wallet(owner_id=alice.pk, currency="USD").pk
    credited(notice("a", alice.pk, wallet=77))
    Wallet.objects.filter(pk=mine).update(created_at="2020-01-01T00:00Z")
    assert credited(notice("b", alice.pk))[0][0] == mine


def test_whose_it_is_and_which_currency_are_no_matter_of_chance(provider: Provider, alice: Any, bob: Any) -> None:
    open_wallet(owner_id=bob.pk, currency="USD")
    euros = open_wallet(owner_id=alice.pk, currency="EUR").pk
    assert credited(notice("a", alice.pk))[0][0] != euros
    assert Wallet.objects.get(owner=bob).balance == 0


def test_a_notice_that_named_no_wallet_is_another_one_if_it_names_one(provider: Provider, alice: Any) -> None:
    [(wallet, _, _)] = credited(notice("a", alice.pk))
    assert isinstance(credit([notice("a", alice.pk, wallet=wallet)])[0], TransactionIdConflict)


def test_a_repeat_for_another_user_opens_no_wallet(provider: Provider, alice: Any, bob: Any) -> None:
    credited(notice("a", alice.pk))
    assert isinstance(credit([notice("a", bob.pk)])[0], TransactionIdConflict)
    assert not Wallet.objects.filter(owner=bob).exists()


def test_what_waited_for_its_user_is_credited_to_the_wallet_that_is_first_then(provider: Provider, alice: Any) -> None:
    late = alice.pk + 7
    assert isinstance(credit([notice("a", late)])[0], UserNotFound)
    wallet = open_wallet(owner_id=recipes.user.make(pk=late).pk, currency="USD").pk
    assert credited(notice("a", late)) == [(wallet, 10, False)]
    assert WebhookEvent.objects.get().wallet_id == wallet


def test_thousandths_are_exact_as_well(provider: Provider, alice: Any) -> None:
    recipes.currency.make(code="KWD", name="Kuwaiti dinar", decimal_places=3)
    booking.open_house("KWD")
    try:
        answer = in_process(stripe(stripe_event(user_id=alice.pk, currency="kwd", amount=5120)))
        assert (answer.body["amount"], answer.body["currency"]) == ("5.120", "KWD")
    finally:
        booking.forget_house_wallets()


@pytest.fixture
def committed_provider(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """It goes after the events, so a test names it first."""
    with committed_providers(django_db_blocker, "stripe"):
        yield


@pytest.mark.parametrize("users", [1, 3])
def test_notices_that_come_at_once_open_a_wallet_once(
    committed_provider: None, committed_db: None, alice: Any, users: int
) -> None:
    """Each in a session of its own, as in several processes."""
    ids = [alice.pk, *(recipes.user.make().pk for _ in range(users - 1))]
    notices = [notice(f"n{number}", ids[number % users]) for number in range(6)]
    batches = [notices[number::-1] for number in range(6)]  # overlapping, and in another order each
    answers = at_once(*(partial(credit, batch) for batch in batches))
    assert all(isinstance(outcome, Credited) for outcomes in answers for outcome in outcomes), answers
    wallets = Wallet.objects.filter(owner_id__in=ids)
    assert wallets.count() == users
    assert sum(wallet.balance for wallet in wallets) == 60
    assert Transaction.objects.count() == 6


def test_who_finds_no_wallet_waits_for_whom_opens_one(committed_provider: None, committed_db: None, alice: Any) -> None:
    waiting = notice("a", alice.pk)
    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            pipeline.run(find_first_wallets([notice("b", alice.pk)]))
            wallet = open_wallet(owner_id=alice.pk, currency="USD").pk
            crediting = thread.submit(closing_connection, credit, [waiting])
            wait_until(lambda: waiting_for_locks() == 1)
        [outcome] = crediting.result(30)
    assert isinstance(outcome, Credited)
    assert (outcome.wallet_id, Wallet.objects.filter(owner=alice).count()) == (wallet, 1)


def test_who_waits_too_long_for_a_first_wallet_holds_nobody_else_up(
    committed_provider: None, committed_db: None, alice: Any, bob: Any
) -> None:
    """Neither has a wallet yet, and somebody is opening one of them."""
    batch = [notice("a", alice.pk), notice("b", bob.pk)]

    def credit_impatiently() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        return credit(batch)

    with ThreadPoolExecutor(1) as thread, transaction.atomic():
        pipeline.run(find_first_wallets([notice("c", alice.pk)]))
        refused, paid = thread.submit(closing_connection, credit_impatiently).result(30)
    assert isinstance(refused, OperationalError)
    assert isinstance(paid, Credited)


def test_a_wallet_that_goes_with_its_user_meanwhile_refuses_its_own_notice_only(
    committed_provider: None, committed_db: None, alice: Any
) -> None:
    """It is found, and then waited for. Deleting a user without history deletes the wallets too."""
    leaving = recipes.user.make().pk
    wallet = open_wallet(owner_id=leaving, currency="USD").pk
    batch = [notice("a", leaving), notice("b", alice.pk)]
    with psycopg.connect(**connection.get_connection_params()) as other, ThreadPoolExecutor(1) as thread:
        other.execute("DELETE FROM payments_wallet WHERE id = %s", [wallet])
        other.execute("DELETE FROM accounts_user WHERE id = %s", [leaving])
        crediting = thread.submit(closing_connection, credit, batch)
        wait_until(lambda: waiting_for_locks() == 1)
        other.commit()
        refused, paid = crediting.result(30)
    assert isinstance(refused, UserNotFound)
    assert isinstance(paid, Credited)
    assert Wallet.objects.filter(pk=wallet).count() == 0


def test_first_wallets_that_are_held_too_long_delay_their_own_notices_only(
    committed_provider: None, committed_db: None, alice: Any
) -> None:
    holders = [recipes.user.make().pk for _ in range(20)]
    credited(*(notice(f"first {number}", owner) for number, owner in enumerate([alice.pk, *holders])))
    batch = [notice("a", alice.pk), *(notice(f"b{owner}", owner) for owner in holders), notice("c", alice.pk)]
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    try:
        with psycopg.connect(**connection.get_connection_params()) as other:
            other.execute("SELECT 1 FROM payments_wallet WHERE owner_id = ANY(%s) FOR UPDATE", [holders])
            started = time.monotonic()
            first, *refused, last = credit(batch)
            seconds = time.monotonic() - started
            other.rollback()
    finally:
        end_sessions()
    assert isinstance(first, Credited)
    assert isinstance(last, Credited)
    assert {type(outcome) for outcome in refused} == {OperationalError}
    assert seconds < 3  # waiting for each of them alone would take four seconds
