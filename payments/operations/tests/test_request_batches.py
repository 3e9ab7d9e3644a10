"""Requests that share a commit: each is answered as if it were alone."""

import time
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from django.db import connection, connections, transaction
from django.db.models.functions import Now
from rest_framework.settings import api_settings

from accounts import counters
from accounts.models import ThrottleCount, User
from accounts.tokens import end_family, open_family
from config.server import api_endpoint
from config.server.api_requests import ApiRequest
from payments.models import IdempotencyKey, Posting, Transaction, Transfer, Wallet
from tests.support import recipes
from tests.support.ledger import fund, sql, wallet_of
from tests.support.ledger_checks import assert_ledger_balances, nothing_changes
from tests.support.request_batches import answers, in_batches, spoilt, token_of, transfer
from tests.support.waiting import someone_waits_for_a_lock, wait_until

MISSING = 987_654_321


class Sender(NamedTuple):
    token: str
    wallet: int


@pytest.fixture
def senders(committed_db: None) -> list[Sender]:
    """Three users with 10 dollars each."""
    users = recipes.user.make(_quantity=3)
    return [Sender(token_of(user), wallet_of(user, holding="10")) for user in users]


def send(senders: list[Sender], number: int, key: str, **terms: Any) -> ApiRequest:
    """Send from this one to the next."""
    source, destination = senders[number], senders[(number + 1) % len(senders)]
    return transfer(source.token, source.wallet, terms.pop("destination", destination.wallet), key, **terms)


def keys() -> dict[str, int | None]:
    return dict(IdempotencyKey.objects.values_list("key", "status"))


def counts() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count FROM accounts_throttlecount ORDER BY key")
        return [count for (count,) in cursor.fetchall()]


def balances() -> list[Decimal]:
    return [*Wallet.objects.filter(owner__isnull=False).order_by("pk").values_list("balance", flat=True)]


def test_a_refused_request_leaves_no_trace_and_does_not_harm_its_neighbours(senders: list[Sender]) -> None:
    """Not even one that comes between two of the same wallets."""
    replies = answers(
        send(senders, 0, "good-1"),
        send(senders, 1, "too-much", amount="10000"),
        send(senders, 1, "missing", destination=MISSING),
        send(senders, 2, "good-2"),
        send(senders, 0, "good-3", amount="9"),
    )
    assert [(reply.status, reply.code) for reply in replies] == [
        (201, ""),
        (409, "insufficient_funds"),
        (404, "recipient_not_found"),
        (201, ""),
        (201, ""),
    ]
    assert balances() == [1, 20, 9]
    assert Transfer.objects.count() == Transaction.objects.filter(kind="transfer").count() == 3
    assert keys() == {"good-1": 201, "too-much": 409, "good-2": 201, "good-3": 201}
    assert_ledger_balances()


def _fail(_: Any) -> None:
    raise ZeroDivisionError


def test_an_unforeseen_error_in_the_middle_of_writing_takes_back_its_own_only(senders: list[Sender]) -> None:
    first, failing, last = answers(
        send(senders, 0, "good-1"), spoilt(send(senders, 1, "failing"), _fail), send(senders, 2, "good-2")
    )
    assert (first.status, failing.status, last.status) == (201, 0, 201)
    assert balances() == [10, 11, 9]
    assert keys() == {"good-1": 201, "good-2": 201}
    assert counts() == [1, 0, 1], "the view counts the request that goes there"
    assert_ledger_balances()


def _refer_to_nothing(sent: Transfer) -> None:
    sent.rule_id = MISSING  # PostgreSQL finds out when it commits


def test_a_commit_that_fails_books_nothing_and_its_requests_are_done_once_later(senders: list[Sender]) -> None:
    good = send(senders, 0, "good-1"), send(senders, 1, "good-2")
    with nothing_changes():
        assert {reply.status for reply in answers(*good, spoilt(send(senders, 2, "bad"), _refer_to_nothing))} == {0}
    assert [(reply.status, reply.is_replayed) for reply in answers(*good)] == [(201, False)] * 2
    assert [(reply.status, reply.is_replayed) for reply in answers(*good)] == [(201, True)] * 2
    assert Transfer.objects.count() == 2
    assert_ledger_balances()


def test_two_requests_with_one_key_at_once_are_one_transaction_and_one_answer(senders: list[Sender]) -> None:
    twin = send(senders, 0, "once")
    first, other, stranger = answers(twin, twin, send(senders, 1, "once"))
    assert (first.status, first.body) == (other.status, other.body) == (201, first.body)
    assert sorted([first.is_replayed, other.is_replayed]) == [False, True]
    assert (stranger.status, stranger.is_replayed) == (201, False), "keys are each user's own"
    assert Transfer.objects.count() == 2


def test_a_key_that_another_request_has_is_refused(senders: list[Sender]) -> None:
    first, other = answers(send(senders, 0, "once"), send(senders, 0, "once", amount="2"))
    assert (first.status, other.status, other.code) == (201, 422, "idempotency_key_reused")
    assert keys() == {"once": 201}
    assert balances() == [9, 11, 10]


def test_a_key_whose_request_was_refused_with_404_may_be_used_again(senders: list[Sender]) -> None:
    batches = [[send(senders, 0, "again", destination=MISSING)], [send(senders, 0, "again")]]
    [[missing], [good]] = in_batches(batches)
    assert (missing.status, good.status, good.is_replayed) == (404, 201, False)


def test_a_409_is_stored_and_given_again(senders: list[Sender]) -> None:
    request = send(senders, 0, "poor", amount="11")
    [first] = answers(request)
    fund(senders[0].wallet, "100")
    [again] = answers(request)
    assert (first.status, first.is_replayed, again.status, again.is_replayed) == (409, False, 409, True)
    assert first.body == again.body
    assert not Transfer.objects.exists()


def test_the_throttle_lets_exactly_as_many_pass_as_its_rate(
    senders: list[Sender], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "writes", "5/min")
    many = [send(senders, 0, f"key-{number}", amount="0.01") for number in range(12)]
    replies = answers(*many, *[send(senders, 1, f"other-{number}", amount="0.01") for number in range(3)])
    assert [reply.status for reply in replies] == [201] * 5 + [429] * 7 + [201] * 3
    assert {reply.code for reply in replies} == {"", "throttled"}
    assert all(0 < int(reply.headers["retry-after"]) <= 60 for reply in replies if reply.status == 429)
    assert counts() == [12, 3]
    assert len(keys()) == Transfer.objects.count() == 8


def test_an_ended_login_and_a_disabled_user_are_for_the_view_at_once_and_count_nowhere(senders: list[Sender]) -> None:
    leaving, disabled = recipes.user.make(_quantity=2)
    pair = open_family(user=leaving)
    gone = [Sender(pair.access, wallet_of(leaving, holding="5")), Sender(token_of(disabled), wallet_of(disabled))]
    assert [reply.status for reply in answers(send(gone + senders, 0, "before"))] == [201]
    end_family(refresh=pair.refresh)
    User.objects.filter(pk=disabled.pk).update(is_active=False)
    replies = answers(send(gone + senders, 0, "a"), send(senders, 0, "b"), send(gone + senders, 1, "c"))
    assert [reply.status for reply in replies] == [0, 201, 0]
    assert keys() == {"before": 201, "b": 201}
    assert sorted(counts()) == [1, 1]


def test_a_window_that_begins_with_two_requests_at_once_removes_old_counters_too(senders: list[Sender]) -> None:
    for number in range(2):
        counters.count_hit(key=f"old-{number}", seconds=60)
    ThrottleCount.objects.update(expires_at=Now())
    assert [reply.status for reply in answers(send(senders, 0, "one"), send(senders, 0, "other"))] == [201, 201]
    assert counts() == [2]


# --- who was just refused ---


def drawn(*requests: ApiRequest) -> int:
    """Send them one after the other to one endpoint, which leaves all to the view. Return how many ids they drew.

    Ids are drawn together with the locks and the key.
    """
    before = sql("SELECT last_value FROM payments_transaction_id_seq")[0][0]
    assert [reply.status for [reply] in in_batches([[request] for request in requests])] == [0] * len(requests)
    return int(sql("SELECT last_value FROM payments_transaction_id_seq")[0][0] - before)


def test_who_is_over_the_rate_is_for_the_view_at_once(senders: list[Sender], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "writes", "1/min")
    replies = answers(*[send(senders, 0, f"first-{number}") for number in range(2)])
    assert [reply.status for reply in replies] == [201, 429]
    assert drawn(*[send(senders, 0, f"further-{number}") for number in range(3)]) == 0
    assert counts() == [2]
    assert [reply.status for reply in answers(send(senders, 1, "another's"))] == [201]


@pytest.fixture
def ended(senders: list[Sender]) -> list[Sender]:
    """Three whose logins have ended, but for the tokens."""
    gone = []
    for user in recipes.user.make(_quantity=3):
        pair = open_family(user=user)
        end_family(refresh=pair.refresh)
        gone.append(Sender(pair.access, wallet_of(user, holding="5")))
    return gone


def test_an_ended_login_is_for_the_view_at_once_for_a_while(
    ended: list[Sender], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_endpoint, "TURNED_AWAY_SECONDS", 60)
    requests = [send(ended, 0, f"key-{number}") for number in range(4)]
    assert drawn(*requests) == 1
    assert drawn(*requests, send(ended, 1, "another's")) == 2
    monkeypatch.setattr(api_endpoint, "TURNED_AWAY_SECONDS", 0)
    assert drawn(*requests) == 4
    assert keys() == {}


def test_so_many_ended_logins_are_remembered(ended: list[Sender], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_endpoint, "TURNED_AWAY_SECONDS", 60)
    monkeypatch.setattr(api_endpoint, "MAX_TURNED_AWAY", 2)
    assert drawn(*[send(ended, number, "key") for number in (0, 1, 0, 1)]) == 2
    assert drawn(*[send(ended, number, "key") for number in (0, 1, 2, 0)]) == 4


# --- other sessions ---


def test_a_key_that_is_neither_free_nor_answered_moves_nothing(senders: list[Sender]) -> None:
    """So it is for a moment when its answer is removed between the two looks at it."""
    request, neighbour = send(senders, 0, "unanswered"), send(senders, 1, "free")
    owner = Wallet.objects.get(pk=senders[0].wallet).owner
    recipes.idempotency_key.make(user=owner, key="unanswered", status=None, body="")
    assert [reply.status for reply in answers(request, neighbour)] == [0, 201]
    assert keys() == {"unanswered": None, "free": 201}
    assert balances() == [10, 9, 11]
    IdempotencyKey.objects.filter(key="unanswered").delete()
    assert [(reply.status, reply.is_replayed) for reply in answers(request)] == [(201, False)]


def test_a_lock_of_another_session_takes_the_batch_apart_soon(senders: list[Sender]) -> None:
    batch = [send(senders, 0, "held"), send(senders, 1, "free")]
    with nothing_changes(), transaction.atomic():
        Wallet.objects.select_for_update(no_key=True).get(pk=senders[0].wallet)
        began = time.monotonic()
        assert [reply.status for reply in answers(*batch)] == [0, 0]
        assert time.monotonic() - began < 2
    assert [reply.status for reply in answers(*batch)] == [201, 201]
    assert_ledger_balances()


@pytest.mark.parametrize("table", ["payments_wallet", "payments_transfer"])
def test_a_session_that_ends_in_the_middle_answers_nobody_twice_and_books_once(
    senders: list[Sender], table: str
) -> None:
    """Before anything is decided, and when all but the last rows are written."""
    batch = [send(senders, 0, "one"), send(senders, 1, "other")]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
        [lost] = in_batches([batch], meanwhile=_end_who_waits)
    assert [reply.status for reply in lost] == [0, 0]
    assert (Transfer.objects.count(), keys()) == (0, {})
    [first, again] = in_batches([batch, batch])
    assert [(reply.status, reply.is_replayed) for reply in first + again] == [(201, False)] * 2 + [(201, True)] * 2
    assert (Transfer.objects.count(), Posting.objects.filter(transaction__kind="transfer").count()) == (2, 2)
    assert_ledger_balances()


def _end_who_waits() -> None:
    try:
        wait_until(someone_waits_for_a_lock)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
    finally:
        connections["default"].close()
