"""Endpoints that are switched off, by staff or because nothing arrives there, and on again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import OutgoingMail, User
from payments.deliveries import queue, services
from payments.models import EventDelivery, EventEndpoint
from tests.support.deliveries import endpoint_at, make_due, positions, work
from tests.support.ledger import fund, sql
from tests.support.receivers import Receiver, failing_at_first, receiver, respond


def test_an_endpoint_that_is_gone_is_switched_off(committed_db: None, wallet: int, admin: User) -> None:
    with receiver(respond(410)) as there:
        endpoint_at(there.url, staff=admin)
        fund(wallet, "10")
        work()
        make_due()
        fund(wallet, "10")
        work()
    assert len(there.requests) == 1
    endpoint = EventEndpoint.objects.get()
    assert (endpoint.is_active, endpoint.disabled_reason) == (False, "gone")
    assert OutgoingMail.objects.filter(user=admin, kind="endpoint_disabled").exists()


def test_an_endpoint_that_is_gone_for_one_event_is_gone_whatever_became_of_others(
    committed_db: None, wallet: int
) -> None:
    with receiver(failing_at_first(1, respond(410))) as there:
        endpoint_at(there.url)
        for _ in range(3):
            fund(wallet, "10")
        work()
    endpoint = EventEndpoint.objects.get()
    assert (endpoint.is_active, endpoint.disabled_reason) == (False, "gone")


def test_no_endpoint_is_switched_off_without_the_mail_about_it(
    committed_db: None, wallet: int, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the worker dies, or the database goes away, between the two."""
    monkeypatch.setattr(queue, "CLAIM_SECONDS", 0)
    with receiver(respond(410)) as there:
        endpoint_at(there.url, staff=admin)
        fund(wallet, "10")
        sql("ALTER TABLE accounts_outgoingmail RENAME TO elsewhere")
        try:
            work()
        finally:
            sql("ALTER TABLE elsewhere RENAME TO accounts_outgoingmail")
        assert EventEndpoint.objects.get().is_active
        make_due()
        work()
    assert not EventEndpoint.objects.get().is_active
    assert OutgoingMail.objects.filter(user=admin, kind="endpoint_disabled").exists()


@pytest.mark.parametrize(("days", "is_active"), [(4.9, True), (5.1, False)])
def test_an_endpoint_that_fails_for_five_days_is_switched_off(
    committed_db: None, wallet: int, days: float, is_active: bool
) -> None:
    with receiver(respond(500)) as there:
        endpoint_at(there.url)
        fund(wallet, "10")
        work()
        EventEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=days))
        make_due()
        work()
    endpoint = EventEndpoint.objects.get()
    assert (endpoint.is_active, endpoint.disabled_reason) == (is_active, "" if is_active else "failing")
    assert OutgoingMail.objects.filter(kind="endpoint_disabled").exists() is not is_active


def test_switched_on_again_an_endpoint_gets_what_it_missed(there: Receiver, wallet: int, admin: User) -> None:
    endpoint = endpoint_at(there.url, staff=admin)
    services.change_endpoint(endpoint_id=endpoint.pk, data={"is_active": False}, staff=admin)
    fund(wallet, "10")
    work()
    assert not there.requests
    services.change_endpoint(endpoint_id=endpoint.pk, data={"is_active": True}, staff=admin)
    work()
    assert [request.headers["webhook-id"] for request in there.requests] == [f"evt_{positions()[-1]}"]


def test_an_endpoint_may_be_switched_off_and_on_again_at_once(committed_db: None, wallet: int, admin: User) -> None:
    with receiver(respond(500)) as there:
        endpoint = endpoint_at(there.url, staff=admin)
        fund(wallet, "10")
        work()
    for is_active in (False, True) * 3:
        services.change_endpoint(endpoint_id=endpoint.pk, data={"is_active": is_active}, staff=admin)
    assert EventDelivery.objects.get().attempts_before == 1
