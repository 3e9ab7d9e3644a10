"""Staff's second try: what could not be credited when it came can be credited later, once."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from payments.conftest import in_process, stored
from payments.models import Provider, WebhookEvent
from payments.webhooks.receiving import EventNotReplayable, UserNotFound, WalletOwnerMismatch, replay
from tests.support import recipes
from tests.support.provider import SHA1_COLON, SHA256_CONCAT, Form

Changed = Callable[..., Provider]


@pytest.fixture
def unmatched(form: Form, alice: Any, committed_db: None, fresh_registry: None) -> WebhookEvent:
    """A notice for a user who will exist later."""
    assert in_process(form.notice(user_id=alice.pk + 1000)).status == 404
    return WebhookEvent.objects.get()


def let_him_exist(event: WebhookEvent) -> None:
    recipes.user.make(pk=event.user_id)


def test_a_replay_credits_an_unmatched_event_once(unmatched: WebhookEvent) -> None:
    let_him_exist(unmatched)
    first = replay(unmatched)
    unmatched.refresh_from_db()
    second = replay(unmatched)
    assert (first.duplicate, second.duplicate) == (False, True)
    assert (first.transaction_id, first.balance) == (second.transaction_id, second.balance)
    assert (unmatched.verdict, unmatched.reason, unmatched.balance) == ("credited", "", Decimal(100))
    assert stored().balances == 100


def test_the_providers_own_repeat_is_then_a_duplicate(form: Form, unmatched: WebhookEvent) -> None:
    let_him_exist(unmatched)
    replay(unmatched)
    quote = '"' if form is not SHA1_COLON else ""
    delivery = form.notice(user_id=unmatched.user_id, transaction_id=f"{quote}{unmatched.external_id}{quote}")
    assert in_process(delivery).body["duplicate"] is True


def test_what_still_stands_in_the_way_is_told_and_recorded(unmatched: WebhookEvent, mallory: Any) -> None:
    with pytest.raises(UserNotFound):
        replay(unmatched)
    let_him_exist(unmatched)
    in_process(SHA256_CONCAT.notice(user_id=mallory.pk, account_id=unmatched.account_id))
    with pytest.raises(WalletOwnerMismatch):
        replay(unmatched)
    unmatched.refresh_from_db()
    assert (unmatched.verdict, unmatched.reason) == ("unmatched", "wallet_owner_mismatch")


def test_a_conflict_cannot_be_replayed(form: Form, alice: Any, committed_db: None, fresh_registry: None) -> None:
    fields = form.fields(user_id=alice.pk)
    in_process(form.deliver(fields))
    in_process(form.deliver(fields | {"amount": "999"}))
    with pytest.raises(EventNotReplayable):
        replay(WebhookEvent.objects.get(verdict="conflict"))
    assert stored().balances == 100


def test_an_event_of_a_provider_that_was_switched_off_cannot_be_replayed(
    form: Form, unmatched: WebhookEvent, changed: Changed
) -> None:
    let_him_exist(unmatched)
    changed(form.name, is_active=False)
    with pytest.raises(EventNotReplayable):
        replay(unmatched)
    assert stored().postings == 0
