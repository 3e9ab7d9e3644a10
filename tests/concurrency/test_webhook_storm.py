"""Exactly once, when everything comes at once: real HTTP, several processes, real PostgreSQL."""

import io
import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django.plugin import DjangoDbBlocker

from payments.models import Posting, Wallet, WebhookEvent
from tests.support.live import LiveTill
from tests.support.load_client import Reply, send_all
from tests.support.provider import FORMS, SHA1_COLON, SHA256_CONCAT, Form, new_uuid

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


@pytest.fixture(scope="module")
def served(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[LiveTill]:
    """One Till for the whole storm: a start for each test would take longer than the test."""
    with django_db_blocker.unblock():
        till = LiveTill()
        till.start()
    yield till
    till.stop()


@pytest.fixture
def till(served: LiveTill, committed_db: None) -> LiveTill:
    return served


def statuses(replies: list[Reply]) -> Counter[int]:
    return Counter(reply.status for reply in replies)


def books_balance() -> None:
    call_command("check_ledger", stdout=io.StringIO(), stderr=io.StringIO())


def storm(till: LiveTill, owners: list[Any], *, notices: int, posts: int) -> None:
    """Send the notices, shuffled, so often that it makes `posts`; every answer is 200 and every credit is one."""
    distinct = [
        random.choice(FORMS).notice(user_id=owner.pk, account_id=100 + owner.pk, amount="1.25")
        for owner in random.choices(owners, k=notices)
    ]
    deliveries = distinct * (posts // notices)
    random.shuffle(deliveries)
    replies = send_all(till.url, deliveries, connections=64)
    assert statuses(replies) == {200: posts}
    assert Counter(reply.body["duplicate"] for reply in replies) == {False: notices, True: posts - notices}
    assert Posting.objects.count() == WebhookEvent.objects.filter(verdict="credited").count() == notices
    assert sum(Wallet.objects.filter(owner__isnull=False).values_list("balance", flat=True)) == notices * Decimal(
        "1.25"
    )
    books_balance()


def test_64_connections_4000_posts_of_500_notices_are_500_credits(till: LiveTill, alice: Any, bob: Any) -> None:
    storm(till, [alice, bob], notices=500, posts=4_000)


@pytest.mark.torture
def test_64_connections_200000_posts_of_20000_notices_are_20000_credits(
    till: LiveTill, alice: Any, bob: Any, mallory: Any
) -> None:
    storm(till, [alice, bob, mallory], notices=20_000, posts=200_000)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_200_first_credits_that_race_make_one_wallet_with_the_exact_sum(till: LiveTill, form: Form, alice: Any) -> None:
    amounts = [f"{number}.{number % 100:02}" for number in range(1, 201)]
    deliveries = [form.notice(user_id=alice.pk, account_id=500, amount=amount) for amount in amounts]
    replies = send_all(till.url, deliveries, connections=64)
    assert statuses(replies) == {200: 200}
    wallet = Wallet.objects.get(owner=alice)
    assert (wallet.balance, wallet.sequence) == (sum(map(Decimal, amounts)), 200)
    books_balance()


def test_one_of_eight_amounts_under_one_id_wins(till: LiveTill, alice: Any) -> None:
    for _ in range(10):
        transaction_id = new_uuid()
        deliveries = [
            SHA256_CONCAT.notice(user_id=alice.pk, amount=amount, transaction_id=transaction_id)
            for amount in range(1, 9)
        ]
        replies = send_all(till.url, deliveries, connections=8)
        assert statuses(replies) == {200: 1, 409: 7}
        winner = next(reply for reply in replies if reply.status == 200)
        event = WebhookEvent.objects.get(external_id=transaction_id.strip('"'), verdict="credited")
        assert event.amount == Decimal(winner.body["amount"])
    assert (Posting.objects.count(), WebhookEvent.objects.filter(verdict="conflict").count()) == (10, 70)
    books_balance()


def test_one_of_eight_wallets_and_users_under_one_id_wins(till: LiveTill, alice: Any, bob: Any) -> None:
    """Different wallets are locked in different rows: the id itself has to hold."""
    for number in range(1, 11):
        deliveries = [
            SHA1_COLON.notice(user_id=owner.pk, account_id=900 + owner.pk * 10 + n, transaction_id=number)
            for n in range(4)
            for owner in (alice, bob)
        ]
        assert statuses(send_all(till.url, deliveries, connections=8)) == {200: 1, 409: 7}
    assert Posting.objects.count() == 10
    books_balance()


def test_a_new_wallet_that_two_users_race_for_belongs_to_one(till: LiveTill, alice: Any, mallory: Any) -> None:
    for wallet in range(600, 610):
        deliveries = [form.notice(user_id=owner.pk, account_id=wallet) for owner in (alice, mallory) for form in FORMS]
        random.shuffle(deliveries)
        assert statuses(send_all(till.url, deliveries, connections=6)) == {200: 3, 409: 3}
    assert Wallet.objects.filter(owner__isnull=False, balance=300).count() == 10
    books_balance()


def test_good_and_forged_notices_do_not_disturb_each_other(till: LiveTill, alice: Any, mallory: Any) -> None:
    good = [random.choice(FORMS).notice(user_id=alice.pk, amount=1) for _ in range(200)]
    forged = [random.choice(FORMS).notice(user_id=mallory.pk, amount=1, secret="bWFsbG9yeQ==") for _ in range(200)]
    unknown = [random.choice(FORMS).notice(user_id=mallory.pk + 1000, amount=1) for _ in range(50)]
    deliveries = good + forged + unknown
    random.shuffle(deliveries)
    assert statuses(send_all(till.url, deliveries, connections=64)) == {200: 200, 401: 200, 404: 50}
    assert Wallet.objects.get(owner__isnull=False).balance == Decimal(200)
    books_balance()
