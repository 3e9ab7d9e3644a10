"""Notices that share a commit: each gets its own outcome, and a bad one never disturbs its neighbours."""

import re
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import DataError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from payments.conftest import in_process, stored
from payments.ledger import booking
from payments.ledger.models.wallets import FIRST_OWN_WALLET_ID
from payments.models import Provider, Wallet, WebhookEvent
from payments.webhooks import receiving
from payments.webhooks.receiving import Credited, Notice, TransactionIdConflict, credit, event_store
from payments.webhooks.receiving.outcomes import ProviderChanged
from payments.webhooks.receiving.provider_cache import provider_cache
from postgres.pipeline import KEEP_PLANS
from tests.support.provider import FORMS, SHA256_CONCAT, Form
from tests.support.sessions import end_sessions
from tests.support.threads import in_another_thread


def notice(external_id: str, user: Any, *, account_id: int = 77, amount: str = "10") -> Notice:
    provider_cache.invalidate()
    provider = provider_cache.get("sha256_concat")
    assert provider is not None
    return Notice(provider, external_id, getattr(user, "pk", user), account_id, Decimal(amount))


def outcomes(*notices: Notice) -> list[Any]:
    """Credited notices as (balance, duplicate), any other outcome as its class."""
    return [
        (outcome.balance, outcome.duplicate) if isinstance(outcome, Credited) else type(outcome)
        for outcome in credit(notices)
    ]


def test_each_has_its_own_running_balance(alice: Any, bob: Any) -> None:
    batch = [notice("a", alice), notice("b", bob, account_id=78), notice("c", alice, amount="0.5")]
    assert outcomes(*batch) == [(10, False), (10, False), (Decimal("10.5"), False)]
    assert outcomes(*batch) == [(10, True), (10, True), (Decimal("10.5"), True)]


def test_a_repeat_inside_a_batch_is_a_duplicate(alice: Any) -> None:
    assert outcomes(*(notice("a", alice) for _ in range(3))) == [(10, False), (10, True), (10, True)]
    assert stored().postings == 1


def test_the_first_of_several_contents_inside_a_batch_wins(alice: Any) -> None:
    batch = [notice("a", alice, amount=amount) for amount in ("1", "2", "3", "1")]
    assert outcomes(*batch) == [(1, False), TransactionIdConflict, TransactionIdConflict, (1, True)]
    assert WebhookEvent.objects.filter(verdict="conflict").count() == 2


def test_a_new_wallet_belongs_to_the_first_who_names_it(alice: Any, mallory: Any) -> None:
    batch = [notice("a", alice), notice("b", mallory), notice("c", alice)]
    assert outcomes(*batch) == [(10, False), receiving.WalletOwnerMismatch, (20, False)]
    assert Wallet.objects.get(pk=77).owner == alice


def test_bad_notices_do_not_disturb_their_neighbours(alice: Any) -> None:
    batch = [
        notice("a", alice),
        notice("b", 10**12),
        notice("c", alice, account_id=FIRST_OWN_WALLET_ID + 10**9),
        notice("d", alice, amount="9" * 28),
        notice("e", alice),
    ]
    expected = [
        (10, False),
        receiving.UserNotFound,
        receiving.CreditWalletNotFound,
        receiving.CreditBalanceTooLarge,
        (20, False),
    ]
    assert outcomes(*batch) == expected
    assert WebhookEvent.objects.filter(verdict="unmatched").count() == 3


def test_a_notice_that_the_database_refuses_fails_alone(alice: Any) -> None:
    """No signature was ever checked over a NUL, but the writer must not depend on that."""
    first, broken, last = credit([notice("a", alice), notice("b\0", alice), notice("c", alice)])
    assert isinstance(broken, DataError)
    assert isinstance(first, Credited)
    assert isinstance(last, Credited)
    assert (stored().postings, stored().balances) == (2, 20)


@pytest.fixture
def held_wallet(committed_db: None, alice: Any, settings_of_a_hasty_session: None) -> Iterator[int]:
    """A wallet whose row another session has locked and does not let go."""
    credit([notice("first", alice, account_id=90)])
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT 1 FROM payments_wallet WHERE id = 90 FOR UPDATE")
        yield 90
        other.rollback()


@pytest.fixture
def settings_of_a_hasty_session(committed_db: None) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    yield
    end_sessions()


def test_a_wallet_that_is_held_too_long_delays_its_own_notices_only(alice: Any, held_wallet: int) -> None:
    batch = [
        notice("a", alice),
        *(notice(f"b{n}", alice, account_id=held_wallet) for n in range(40)),
        notice("c", alice),
    ]
    started = time.monotonic()
    first, *refused, last = outcomes(*batch)
    assert (first, last) == ((10, False), (20, False))
    assert set(refused) == {OperationalError}
    assert time.monotonic() - started < 6  # waiting for each of them alone would take eight seconds


def test_a_provider_that_changed_since_is_told_apart_for_each_notice(alice: Any) -> None:
    stale = notice("a", alice)
    Provider.objects.get(slug="sha256_concat").save()
    assert outcomes(stale, notice("b", alice)) == [ProviderChanged, (10, False)]
    assert stored().events == 1


def test_nothing_to_credit_is_nothing(db: None) -> None:
    assert credit([]) == []


# --- statements ---------------------------------------------------------------------------------------------


def statements(form: Form, **fields: Any) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert in_process(form.notice(**fields)).status == 200
    return len([query for query in queries if query["sql"] not in ("BEGIN", "COMMIT")])


@pytest.fixture
def warm(committed_db: None, fresh_registry: None, alice: Any) -> None:
    """The registry was read, the house's wallets are known."""
    for form in FORMS:
        in_process(form.notice(user_id=alice.pk, account_id=70))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_notice_costs_one_statement(form: Form, alice: Any, warm: None) -> None:
    """Which does nothing where more has to be known, as of a wallet to be opened."""
    new_wallet = {"user_id": alice.pk, "account_id": 71, "transaction_id": form.new_id()}
    assert statements(form, **new_wallet) == 1 + 9  # the user is looked up, the wallet opened
    assert statements(form, **new_wallet) == 1  # a duplicate
    assert statements(form, user_id=alice.pk, account_id=71) == 1


def test_a_batch_costs_seven_statements_and_a_commit(alice: Any, warm: None) -> None:
    batch = [notice(f"n{number}", alice, account_id=70) for number in range(100)]
    with CaptureQueriesContext(connection) as queries:
        assert all(isinstance(outcome, Credited) for outcome in credit(batch))
    assert len([query for query in queries if query["sql"] not in ("BEGIN", "COMMIT")]) == 7


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_without_a_valid_signature_only_the_providers_are_asked_for(form: Form, alice: Any, warm: None) -> None:
    forged = form.notice(user_id=alice.pk, secret="bWFsbG9yeQ==")
    in_process(forged)  # may look at the providers again
    with CaptureQueriesContext(connection) as queries:
        assert in_process(forged).status == 401
        assert in_process(forged.with_body(b"[]")).status == 400
    assert {query["sql"].split(" FROM ")[1].split()[0] for query in queries} <= {'"payments_provider"'}
    assert len(queries) <= 1


@pytest.mark.parametrize("keys", [[(1, "a")], [(1, "a"), (1, "b")]], ids=["one", "two"])
def test_a_plan_made_while_there_were_few_events_looks_them_up_by_their_whole_key(
    alice: Any, keys: list[event_store.Key]
) -> None:
    """It is kept while the table grows: one that reads all events of a provider would be slower with each of them."""
    credit([notice(f"n{number}", alice) for number in range(5)])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ANALYZE payments_webhookevent")
        for name, value in KEEP_PLANS.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
        cursor.execute(f"PREPARE finding AS {event_store.FIND.with_rows(keys)[0]}")
        cursor.execute("EXPLAIN EXECUTE finding (NULL, NULL, NULL)")
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("DEALLOCATE finding")
    by_the_key = r"Index Cond: \(\(provider_id = \S+\) AND \(\(external_id\)::text = "
    assert re.search(by_the_key, plan), plan


def test_the_batch_tells_which_wallets_are_locked_by_others(committed_db: None, alice: Any) -> None:
    outcomes(notice("one", alice, account_id=70), notice("two", alice, account_id=71))
    with transaction.atomic():
        booking.lock([70])
        assert in_another_thread(lambda: booking.locked_by_others([70, 71, 72])) == {70}


def test_the_books_balance_after_all_of_it(alice: Any, bob: Any) -> None:
    outcomes(*(notice(f"n{n}", (alice, bob)[n % 2], account_id=80 + n % 2) for n in range(20)))
    call_command("check_ledger")


def test_the_ids_of_a_batch_do_not_depend_on_its_order(alice: Any) -> None:
    first, second = notice("a", alice), notice("b", alice, account_id=60)
    assert outcomes(first, second) == [(10, False), (10, False)]
    assert outcomes(second, first) == [(10, True), (10, True)]
    assert SHA256_CONCAT.name == first.provider.slug
