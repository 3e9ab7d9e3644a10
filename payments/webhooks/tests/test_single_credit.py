"""A single credit takes one statement: what it leaves to the batch, and what others do at the same moment."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from threading import Event
from typing import Any, TypeVar

import pytest
from django.conf import settings as django_settings
from django.db import DataError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.audit import audit
from payments.conftest import stored
from payments.ledger import booking
from payments.models import Posting, Provider, Transaction, Wallet, WebhookEvent
from payments.webhooks import receiving
from payments.webhooks.receiving import Credited, Notice, credit, event_store
from payments.webhooks.receiving.batch import single_credit_steps
from payments.webhooks.receiving.outcomes import ProviderChanged
from payments.webhooks.receiving.provider_cache import provider_cache
from postgres.pipeline import KEEP_PLANS, run
from tests.support.ledger import house_wallet, open_provider_wallet, sql, statement_of
from tests.support.threads import closing_connection
from tests.support.waiting import someone_waits_for_a_lock, wait_until, waiting_for_locks

pytestmark = pytest.mark.slow

Result = TypeVar("Result")
MAX_BALANCE = Decimal(10**28 - 1)
GUARDS_PAGE = django_settings.BASE_DIR / "docs" / "guards.md"


def notice(external_id: str, user: Any, *, account_id: int = 77, amount: str | Decimal = "10") -> Notice:
    provider_cache.invalidate()
    provider = provider_cache.get("sha256_concat")
    assert provider is not None
    return Notice(provider, external_id, getattr(user, "pk", user), account_id, Decimal(amount))


def credit_single(new_notice: Notice) -> Credited | None:
    return run(single_credit_steps(new_notice))


@pytest.fixture
def wallet(committed_db: None, alice: Any) -> int:
    """A wallet of alice's that a provider chose, with 10 in it."""
    credit([notice("first", alice)])
    return 77


def outcome(new_notice: Notice) -> tuple[Decimal, bool] | type:
    """The balance and whether it was a duplicate, or the class of any other outcome."""
    [settled] = credit([new_notice])
    return (settled.balance, settled.duplicate) if isinstance(settled, Credited) else type(settled)


# --- what it does, and what it leaves alone -----------------------------------------------------------------


def test_a_single_credit_writes_what_a_batch_writes(alice: Any, wallet: int) -> None:
    done = credit_single(notice("alone", alice, amount="2.5"))
    credit([notice("one", alice, amount="2.5"), notice("two", alice, amount="2.5")])
    assert done is not None
    assert (done.balance, done.duplicate) == (Decimal("12.5"), False)
    assert statement_of(wallet) == [(1, 10), (2, Decimal("12.5")), (3, 15), (4, Decimal("17.5"))]
    by_statement, *by_batch = (_written(name) for name in ("alone", "one", "two"))
    assert [by_statement] * 2 == by_batch
    assert WebhookEvent.objects.get(external_id="alone").transaction_id == done.transaction_id


def _written(external_id: str) -> list[Any]:
    """All columns of the three rows, but for what numbers and dates them."""
    event = WebhookEvent.objects.get(external_id=external_id)
    assert event.transaction is not None
    posting = event.transaction.postings.get()
    assert event.balance == posting.destination_balance
    numbers = {"id", "transaction_id", "balance", "destination_balance", "destination_sequence"}
    own = {*numbers, "external_id", "received_at"}
    rows = [WebhookEvent.objects.filter(pk=event.pk), Posting.objects.filter(pk=posting.pk)]
    return [
        *({name: value for name, value in row.values()[0].items() if name not in own} for row in rows),
        (event.transaction.kind, event.transaction.reference.removesuffix(external_id)),
    ]


def _nobody(alice: Any, mallory: Any) -> Notice:
    return notice("n", 10**12)


def _known_with_another_amount(alice: Any, mallory: Any) -> Notice:
    credit([notice("first", alice, amount="11")])
    return notice("first", alice, amount="11")


def _unmatched_before(alice: Any, mallory: Any) -> Notice:
    credit([notice("n", mallory)])
    return notice("n", alice)


def _stopped(alice: Any, mallory: Any) -> Notice:
    new_notice = notice("n", alice)
    Provider.objects.filter(slug="sha256_concat").update(is_active=False)
    [(version,)] = sql("SELECT updated_at::text FROM payments_provider WHERE slug = 'sha256_concat'")
    return new_notice._replace(provider=replace(new_notice.provider, version=version))


def _changed(alice: Any, mallory: Any) -> Notice:
    new_notice = notice("n", alice)
    Provider.objects.get(slug="sha256_concat").save()
    return new_notice


def _another_currency(alice: Any, mallory: Any) -> Notice:
    with transaction.atomic():
        open_provider_wallet(booking.lock([78]), 78, alice, "EUR")
    return notice("n", alice, account_id=78)


LEFT_ALONE: dict[str, Callable[[Any, Any], Notice]] = {
    "a wallet to be opened": lambda alice, _: notice("n", alice, account_id=78),
    "another's wallet": lambda _, mallory: notice("n", mallory),
    "the house's wallet": lambda alice, _: notice("n", alice, account_id=house_wallet()),
    "nobody": _nobody,
    "another currency": _another_currency,
    "more than a wallet holds": lambda alice, _: notice("n", alice, amount=MAX_BALANCE - 9),
    "known with another amount": _known_with_another_amount,
    "unmatched before": _unmatched_before,
    "a provider that was stopped": _stopped,
    "a provider that was changed": _changed,
}


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_what_is_not_as_simple_is_left_as_it_is(alice: Any, mallory: Any, wallet: int, case: str) -> None:
    new_notice = LEFT_ALONE[case](alice, mallory)
    try:
        before = stored(), statement_of(wallet), [*Transaction.objects.values()]
        assert credit_single(new_notice) is None
        assert (stored(), statement_of(wallet), [*Transaction.objects.values()]) == before
    finally:
        Provider.objects.filter(slug="sha256_concat").update(is_active=True)


def test_what_is_known_is_found_without_waiting(alice: Any, wallet: int) -> None:
    """Whoever holds the wallet, for what was credited is credited for ever; but not when the provider has changed."""
    new_notice = notice("first", alice)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        booking.lock([wallet])
        assert pool.submit(closing_connection, lambda: outcome(new_notice)).result(10) == (10, True)
    Provider.objects.get(slug="sha256_concat").save()
    assert credit_single(new_notice) is None
    assert (stored().postings, stored().events) == (1, 1)


def test_the_most_that_fits_is_credited(alice: Any, wallet: int) -> None:
    assert outcome(notice("n", alice, amount=MAX_BALANCE - 10)) == (MAX_BALANCE, False)


def test_nothing_is_cut_off_a_text(alice: Any, wallet: int) -> None:
    """libpq ends a text at a NUL: what came before it would be another notice's id."""
    with pytest.raises(DataError):
        credit_single(notice("a\0b", alice))
    assert stored().postings == 1


def test_what_the_ledger_never_books_is_not_rounded_into_something_else(alice: Any, wallet: int) -> None:
    for amount in ("0.00000000001", "-1", "0", "NaN"):
        with pytest.raises(booking.InvalidTransaction):
            credit_single(notice("n", alice, amount=amount))
    assert stored().postings == 1


# --- the same as the batch ----------------------------------------------------------------------------------

USERS = ("alice", "bob", "nobody")
sent = st.tuples(
    st.sampled_from("abcdef"),
    st.sampled_from(USERS),
    st.sampled_from([70, 71, 72, 10**15 + 5]),
    st.sampled_from([Decimal(1), Decimal("0.01"), MAX_BALANCE, MAX_BALANCE - 1]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(sent, max_size=12))
def test_one_by_one_comes_to_the_same_as_together(alice: Any, bob: Any, history: list[tuple[Any, ...]]) -> None:
    ids = {"alice": alice.pk, "bob": bob.pk, "nobody": 10**12}
    notices = [notice(name, ids[who], account_id=account, amount=amount) for name, who, account, amount in history]
    one_by_one = _left_by(lambda: [settled for new_notice in notices for settled in credit([new_notice])])
    assert one_by_one == _left_by(lambda: credit(notices))


def _left_by(work: Callable[[], Sequence[Any]]) -> tuple[Any, ...]:
    """What it answers, and what it leaves, which is undone."""
    with transaction.atomic():
        answers = [
            (settled.balance, settled.duplicate) if isinstance(settled, Credited) else type(settled)
            for settled in work()
        ]
        wallets = Wallet.objects.filter(house=None).order_by("id").values_list("id", "owner", "balance", "sequence")
        columns = ("external_id", "user_id", "account_id", "amount", "verdict", "reason", "balance")
        events = sorted(map(str, WebhookEvent.objects.values_list(*columns)))
        left = (answers, [*wallets], events)
        assert audit().totals == {}
        transaction.set_rollback(True)
    return left


# --- with others at the same moment -------------------------------------------------------------------------


def test_a_single_credit_waits_for_nobody(alice: Any, wallet: int) -> None:
    """A wallet that is held is left to the batch, which waits for it before it holds anything else."""
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        booking.lock([wallet])
        assert pool.submit(closing_connection, lambda: credit_single(notice("a", alice))).result(2) is None


def meanwhile(first: Callable[[], object], new_notice: Notice, then: Callable[[], object] = lambda: None) -> Any:
    """What becomes of the notice when it has to wait for what `first` has done; `then` is done while it waits."""
    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            first()
            waiting: Future[Any] = pool.submit(closing_connection, lambda: outcome(new_notice))
            wait_until(someone_waits_for_a_lock)
            then()
        return waiting.result(60)


def test_who_waits_sees_what_the_other_has_left(alice: Any, wallet: int) -> None:
    assert meanwhile(lambda: credit([notice("a", alice)]), notice("b", alice)) == (30, False)
    assert statement_of(wallet) == [(1, 10), (2, 20), (3, 30)]


def test_the_same_notice_twice_at_once_is_credited_once(alice: Any, wallet: int) -> None:
    twice = notice("a", alice)
    assert meanwhile(lambda: credit([twice]), twice) == (20, True)
    assert statement_of(wallet) == [(1, 10), (2, 20)]


def test_one_key_with_two_contents_at_once_is_credited_once(alice: Any, bob: Any, wallet: int) -> None:
    """They share no wallet: the one who comes second finds the key taken."""
    credit([notice("bob's", bob, account_id=79)])
    settled = meanwhile(lambda: credit([notice("a", alice)]), notice("a", bob, account_id=79))
    assert settled is receiving.TransactionIdConflict
    assert (statement_of(77), statement_of(79)) == ([(1, 10), (2, 20)], [(1, 10)])


def test_who_waits_sees_that_there_is_no_room_left(alice: Any, wallet: int) -> None:
    settled = meanwhile(lambda: credit([notice("a", alice, amount=MAX_BALANCE - 15)]), notice("b", alice))
    assert settled is receiving.CreditBalanceTooLarge
    assert Wallet.objects.get(pk=wallet).balance == MAX_BALANCE - 5


def test_a_provider_that_is_stopped_while_it_waits_is_seen(alice: Any, wallet: int) -> None:
    def stop() -> None:
        Provider.objects.get(slug="sha256_concat").save()

    with ThreadPoolExecutor(1) as pool:
        settled = meanwhile(
            lambda: booking.lock([wallet]), notice("a", alice), lambda: pool.submit(closing_connection, stop).result(10)
        )
    assert settled is ProviderChanged
    assert stored().postings == 1


def test_who_waits_holds_up_no_checkpoint_and_so_nobody(alice: Any, bob: Any, wallet: int) -> None:
    credit([notice("bob's", bob, account_id=79)])
    moved: list[bool] = []

    def checkpoint() -> None:
        with ThreadPoolExecutor(1) as pool:
            moved.append(pool.submit(closing_connection, booking.checkpoint).result(10))

    assert meanwhile(lambda: booking.lock([wallet]), notice("a", alice), checkpoint) == (20, False)
    assert moved == [True]


@pytest.mark.parametrize("is_known", [False, True])
def test_a_migration_that_locks_the_ledger_meets_it_without_a_deadlock(alice: Any, wallet: int, is_known: bool) -> None:
    """It comes while the migration waits for a block that uses the wallets; its plan is new, or kept.

    The lock is the one that docs/guards.md tells migrations to begin with.
    """
    [lock_of_a_migration] = re.findall(r"^LOCK TABLE .*;$", GUARDS_PAGE.read_text(), re.MULTILINE)
    new_notice, ready, may_start = notice("a", alice), Event(), Event()

    def credited() -> Any:
        if is_known:
            assert outcome(notice("b", alice, amount="1")) == (11, False)
        ready.set()
        assert may_start.wait(30)
        return outcome(new_notice)

    def lock_books() -> None:
        with transaction.atomic():
            sql(lock_of_a_migration)

    with ThreadPoolExecutor(2) as pool:
        crediting = pool.submit(closing_connection, credited)
        assert ready.wait(30)
        with transaction.atomic():
            Wallet.objects.filter(pk=wallet).exists()  # uses the table, and no row
            locking = pool.submit(closing_connection, lock_books)
            wait_until(someone_waits_for_a_lock)
            may_start.set()
            wait_until(lambda: waiting_for_locks() == 2)
        locking.result(30)
        assert crediting.result(30) == (21 if is_known else 20, False)


# --- its plan -----------------------------------------------------------------------------------------------


def test_a_plan_made_while_there_were_few_rows_goes_by_the_keys(alice: Any, wallet: int) -> None:
    """It is kept while the tables grow: one that looks among all of an owner's wallets would be slower with each."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ANALYZE payments_webhookevent, payments_wallet, payments_provider")
        for name, value in KEEP_PLANS.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
        cursor.execute(f"PREPARE crediting AS {event_store.CREDIT.statement}")
        cursor.execute(f"EXPLAIN EXECUTE crediting ({', '.join(['NULL'] * 13)})")
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("DEALLOCATE crediting")
    conditions = Counter(re.sub(r"[()]|::text", "", condition) for condition in re.findall(r"Index Cond: (.*)", plan))
    assert conditions["provider_id = $8 AND external_id = $9"] == 2, plan
    assert conditions.keys() & {"id = $1", "id = $1 AND currency_id = $3"}, plan
    assert "Seq Scan" not in plan, plan
