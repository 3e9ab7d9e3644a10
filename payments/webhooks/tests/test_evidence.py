"""What is kept of a webhook: its body, and the headers of a list. Staff see no secret of it."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from payments.conftest import in_process
from payments.models import Provider, WebhookEvent
from payments.webhooks.receiving.evidence import MAX_HEADER_LENGTH, kept_headers
from payments.webhooks.signatures import HmacOptions
from tests.support import recipes
from tests.support.admin_pages import staff_client
from tests.support.documents import paystack, paystack_event, stripe, stripe_event
from tests.support.mapped_providers import make_provider
from tests.support.provider import FORMS, SHA256_CONCAT, STANDARD, Delivery, Form
from tests.support.rest import signed_in

SECRET_HEADERS = {"authorization": "Bearer abc", "cookie": "sessionid=abc", "x-forwarded-for": "203.0.113.7"}


@pytest.fixture
def mapped(db: None, fresh_registry: None) -> None:
    for slug in ("stripe", "paystack"):
        make_provider(slug)


def received(delivery: Delivery) -> WebhookEvent:
    in_process(Delivery(delivery.path, delivery.body, delivery.headers | SECRET_HEADERS))
    return WebhookEvent.objects.latest("pk")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@pytest.mark.parametrize("account_id", [77, 78])
def test_an_event_keeps_its_body_byte_for_byte(form: Form, account_id: int, alice: Any, fresh_registry: None) -> None:
    """A single notice for a wallet that is there, for one that is not, and those of a batch."""
    in_process(form.notice(user_id=alice.pk, account_id=78))
    fields = {**form.fields(user_id=alice.pk, account_id=account_id), "note": r'"\\ \" é 日本 { , } \u0000 NULL"'}
    delivery = form.deliver(fields).with_headers(user_agent="Acme/2.0 (x86)")
    event = received(delivery)
    assert (event.verdict, event.body) == ("credited", delivery.body.decode())
    assert event.kept_headers["content-type"] == "application/json"
    assert event.kept_headers["user-agent"] == "Acme/2.0 (x86)"


def test_unmatched_events_and_conflicts_keep_theirs(alice: Any, fresh_registry: None) -> None:
    unmatched = SHA256_CONCAT.notice(user_id=alice.pk + 1000)
    assert received(unmatched).body == unmatched.body.decode()
    fields = SHA256_CONCAT.fields(user_id=alice.pk)
    in_process(SHA256_CONCAT.deliver(fields))
    conflict = SHA256_CONCAT.deliver({**fields, "amount": "7"})
    event = received(conflict)
    assert (event.verdict, event.body) == ("conflict", conflict.body.decode())


def test_a_later_delivery_leaves_what_the_first_one_said(alice: Any, fresh_registry: None) -> None:
    nobody = alice.pk + 1000
    fields = SHA256_CONCAT.fields(user_id=nobody)
    first = received(SHA256_CONCAT.deliver(fields))
    recipes.user.make(pk=nobody)
    in_process(SHA256_CONCAT.deliver({**fields, "amount": "100.00"}))
    event = WebhookEvent.objects.get(pk=first.pk)
    assert (event.verdict, event.body) == ("credited", first.body)


def test_only_headers_of_the_list_are_kept(mapped: None, alice: Any) -> None:
    expected: list[tuple[Delivery, set[str]]] = [
        (STANDARD.notice(user_id=alice.pk), {"webhook-id", "webhook-timestamp", "webhook-signature"}),
        (stripe(stripe_event(user_id=alice.pk)), {"stripe-signature"}),
        (paystack(paystack_event(user_id=alice.pk)), {"x-paystack-signature"}),
        (SHA256_CONCAT.notice(user_id=alice.pk), set()),
    ]
    for delivery, names in expected:
        headers = received(delivery).kept_headers
        assert headers.keys() - {"user-agent"} == {"content-type", *names}
        assert {headers[name] for name in names} == {delivery.headers[name] for name in names}


def test_headers_are_bounded_and_plain() -> None:
    options = HmacOptions("x-signature", "sha256", "hex")
    headers = {"user-agent": "x" * 10_000, "content-type": "a\nb: c\0é", "x-signature": "s", "cookie": "c"}
    assert kept_headers(headers, "hmac_body", options).split("\n") == [
        r"content-type: a\nb: c\x00\xe9",
        "user-agent: " + "x" * MAX_HEADER_LENGTH,
        "x-signature: s",
    ]


@pytest.mark.parametrize("column", ["body", "headers", "currency_id"])
def test_postgresql_keeps_them_as_they_came(alice: Any, fresh_registry: None, column: str) -> None:
    event = received(SHA256_CONCAT.notice(user_id=alice.pk + 1000))
    with pytest.raises(DatabaseError, match="stays as it was received"), transaction.atomic():
        WebhookEvent.objects.filter(pk=event.pk).update(**{column: "EUR"})


def test_staff_see_the_body_without_secrets(mapped: None, alice: Any, admin: Any) -> None:
    event = stripe_event(user_id=alice.pk)
    payment, charge = event["data"]["object"], paystack_event(user_id=alice.pk)
    events = [received(delivery) for delivery in (
        stripe(event), paystack(charge), SHA256_CONCAT.notice(user_id=alice.pk, account_id=90),
    )]  # fmt: skip
    secrets = [payment["client_secret"], charge["data"]["authorization"]["authorization_code"]]
    for number, (stored, text_of_it) in enumerate(zip(events, (payment["id"], "4081", "account_id"), strict=True)):
        api = signed_in(admin).get(f"/api/v1/webhook-events/{stored.pk}").json()
        page = staff_client(admin).get(f"/admin/payments/webhookevent/{stored.pk}/change/").content.decode()
        for text in (api["body"], page):
            assert text_of_it in text
            assert not any(secret in text for secret in secrets)
        assert api["headers"] == stored.kept_headers
        if number == 2:
            assert '"signature": "…"' in api["body"]
            assert stored.body
            assert stored.body.partition('"signature": "')[2][:40] not in page


def test_a_list_has_no_bodies(alice: Any, admin: Any, fresh_registry: None) -> None:
    received(SHA256_CONCAT.notice(user_id=alice.pk))
    [row] = signed_in(admin).get("/api/v1/webhook-events").json()["results"]
    assert {"body", "headers"}.isdisjoint(row)


def test_no_list_reads_bodies(alice: Any, admin: Any, fresh_registry: None) -> None:
    """A page of fifty would read megabytes."""
    received(SHA256_CONCAT.notice(user_id=alice.pk))
    with CaptureQueriesContext(connection) as queries:
        assert signed_in(admin).get("/api/v1/webhook-events").status_code == 200
        assert "<td" in staff_client(admin).get("/admin/payments/webhookevent/").content.decode()
    read = [query["sql"] for query in queries if 'FROM "payments_webhookevent"' in query["sql"]]
    assert len(read) >= 2
    assert not any('"payments_webhookevent"."body"' in sql for sql in read)


def test_the_wallet_that_was_credited_finds_an_event(mapped: None, alice: Any, admin: Any) -> None:
    event = received(stripe(stripe_event(user_id=alice.pk)))
    assert event.account_id == 0
    [row] = signed_in(admin).get("/api/v1/webhook-events", {"account": str(event.wallet)}).json()["results"]
    assert (row["id"], row["account_id"], row["currency"]) == (event.pk, event.wallet, "USD")
    assert Provider.objects.get(slug="stripe").events.count() == 1
