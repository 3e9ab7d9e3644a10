"""Providers with documents of their own, through every door: Stripe, Paystack, and any other."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prometheus_client import REGISTRY
from pytest_django.plugin import DjangoDbBlocker

from payments.conftest import Post, Stored, in_process, stored
from payments.ledger.services.wallets import open_wallet
from payments.models import Provider, Wallet, WebhookEvent
from payments.webhooks import receiving
from payments.webhooks.presets import PRESETS
from tests.support import recipes
from tests.support.documents import (
    generic,
    generic_event,
    paystack,
    paystack_event,
    stripe,
    stripe_event,
)
from tests.support.mapped_providers import committed_providers
from tests.support.provider import Delivery

pytestmark = pytest.mark.slow

Unmoved = Callable[[], Stored]


@pytest.fixture(scope="module", autouse=True)
def providers(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One of each preset. They go after the tests' events."""
    with committed_providers(django_db_blocker, *PRESETS):
        yield


@pytest.fixture(params=["stripe", "paystack", "generic"])
def send(request: pytest.FixtureRequest) -> Callable[..., Delivery]:
    """A payment of 12.50 by any of them, with an id that can be given again."""

    def sent(*, user_id: Any, payment: str, type_: str = "") -> Delivery:
        named = {"type_": type_} if type_ else {}
        if request.param == "stripe":
            return stripe(stripe_event(user_id=user_id, payment=payment, **named))
        if request.param == "paystack":
            named = {"event": type_} if type_ else {}
            return paystack(paystack_event(user_id=user_id, amount=1250, reference=payment, **named))
        return generic(generic_event(user_id=user_id, payment=payment, **named))

    return sent


# --- credited -----------------------------------------------------------------------------------------------


def test_a_providers_own_document_credits_the_first_wallet_and_a_repeat_is_a_duplicate(
    post: Post, send: Callable[..., Delivery], alice: Any
) -> None:
    first = post(send(user_id=alice.pk, payment="pay_1"))
    assert first.status == 200, first.content
    [wallet] = Wallet.objects.filter(owner=alice)
    assert first.body == {
        "status": "credited",
        "duplicate": False,
        "transaction_id": "pay_1",
        "account_id": wallet.pk,
        "amount": "12.50",
        "currency": "USD",
        "balance": "12.50",
    }
    assert (wallet.balance, wallet.currency_id) == (Decimal("12.5"), "USD")
    repeat = post(send(user_id=alice.pk, payment="pay_1"))
    assert repeat.body == first.body | {"duplicate": True}
    assert (stored().postings, stored().wallets) == (1, 1)


def test_a_repeat_stays_a_duplicate_when_the_user_has_another_first_wallet(
    post: Post, send: Callable[..., Delivery], alice: Any
) -> None:
    wallet = open_wallet(owner_id=alice.pk, currency="USD")
    delivery = send(user_id=alice.pk, payment="pay_1")
    first = post(delivery)
    Wallet.objects.filter(pk=wallet.pk).update(created_at=wallet.created_at.replace(year=2099))
    other = open_wallet(owner_id=alice.pk, currency="USD")
    assert post(delivery).body == first.body | {"duplicate": True}
    assert post(send(user_id=alice.pk, payment="pay_2")).body["account_id"] == other.pk


def test_other_types_of_events_are_answered_and_leave_nothing(
    post: Post, send: Callable[..., Delivery], alice: Any, unmoved: Unmoved
) -> None:
    for type_ in ("charge.updated", "", "x" * 5_000):
        answer = post(send(user_id=alice.pk, payment="pay_1", type_=type_ or "payment_intent.created"))
        assert (answer.status, answer.body) == (200, {"status": "ignored"})
    assert unmoved().events == 0


def test_ignored_events_are_counted(alice: Any, committed_db: None, fresh_registry: None) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("till_webhook_ignored_total", {"provider": "stripe"}) or 0

    before = counted()
    in_process(stripe(stripe_event(user_id=alice.pk, type_="charge.updated")))
    in_process(stripe(stripe_event(user_id=alice.pk, type_="charge.updated"), secret="whsec_forged"))
    assert counted() == before + 1


def test_a_type_that_was_chosen_a_moment_ago_credits_at_once(
    post: Post, alice: Any, changed: Callable[..., Provider]
) -> None:
    """Its sender would not try an event again that was ignored by what a worker remembered."""
    delivery = generic(generic_event(user_id=alice.pk, type_="payment.settled"))
    assert post(delivery).body["status"] == "ignored"
    changed("generic", credited_types="payment.settled")
    assert post(delivery).body["status"] == "credited"
    changed("generic", credited_types="payment.settled", user_pointer="/data/owner")
    assert post(generic(generic_event(user_id=alice.pk, type_="payment.settled"))).field == "/data/owner"
    changed("generic", credited_types="payment.settled", user_pointer="/data/user_id")
    assert post(generic(generic_event(user_id=alice.pk, type_="payment.settled"))).status == 200


def test_reading_providers_costs_as_much_whatever_they_may_pay_in(db: None) -> None:
    """Forgeries make a worker read them: strangers must not pay less for more of its time."""
    receiving.provider_cache.invalidate()
    with CaptureQueriesContext(connection) as queries:
        known = [receiving.provider_cache.get(slug) for slug in PRESETS]
    assert all(provider and len(provider.currencies) > 1 for provider in known)
    assert len(queries) == 2  # the providers, the currencies


def test_an_ignored_event_takes_no_id_from_the_payment(post: Post, send: Callable[..., Delivery], alice: Any) -> None:
    other = send(user_id=alice.pk, payment="pay_1", type_="charge.pending")
    answers = [post(delivery).body for delivery in (other, send(user_id=alice.pk, payment="pay_1"), other)]
    assert [answer["status"] for answer in answers] == ["ignored", "credited", "ignored"]
    assert stored().postings == 1


def test_the_same_id_with_another_content_is_a_conflict(post: Post, alice: Any, bob: Any) -> None:
    assert post(stripe(stripe_event(user_id=alice.pk, payment="pi_1"))).status == 200
    others: list[dict[str, Any]] = [{"user_id": bob.pk}, {"amount": 1251}, {"currency": "eur"}]
    for other in others:
        answer = post(stripe(stripe_event(**{"user_id": alice.pk, "payment": "pi_1"} | other)))
        assert (answer.status, answer.code) == (409, "transaction_id_conflict"), other
    assert (stored().postings, stored().balances) == (1, Decimal("12.5"))
    assert not Wallet.objects.filter(owner=bob).exists()


def test_a_uuid_is_the_same_in_capitals_and_no_other_id_is(post: Post, alice: Any) -> None:
    known = str(uuid.uuid4())
    ids = (known, known.upper(), "Pay-1", "pay-1")
    answers = [post(generic(generic_event(user_id=alice.pk, payment=id_))).body for id_ in ids]
    assert [answer["duplicate"] for answer in answers] == [False, True, False, False]
    assert [answer["transaction_id"] for answer in answers] == [known, known, "Pay-1", "pay-1"]


def test_an_unknown_user_is_kept_and_credited_when_there_is_one(post: Post, alice: Any) -> None:
    nobody = alice.pk + 1000
    delivery = stripe(stripe_event(user_id=nobody, currency="eur", payment="pi_1"))
    assert post(delivery).code == "user_not_found"
    event = WebhookEvent.objects.get()
    assert (event.verdict, event.wallet, event.currency_id, event.body) == (
        *("unmatched", None, "EUR"),
        delivery.body.decode(),
    )
    recipes.user.make(pk=nobody)
    assert receiving.replay(event).balance == Decimal("12.5")
    event.refresh_from_db()
    assert (event.verdict, event.wallet) == ("credited", Wallet.objects.get(owner_id=nobody).pk)
    assert post(delivery).body["duplicate"] is True


def test_an_event_in_a_currency_that_is_not_taken_any_more_is_not_replayed(
    post: Post, alice: Any, changed: Callable[..., Provider]
) -> None:
    nobody = alice.pk + 1000
    assert post(stripe(stripe_event(user_id=nobody, currency="eur"))).code == "user_not_found"
    recipes.user.make(pk=nobody)
    changed("stripe", max_amount=Decimal(20))
    with pytest.raises(receiving.EventNotReplayable, match="does not pay in this currency"):
        receiving.replay(WebhookEvent.objects.get())
    assert stored().postings == 0


def test_each_currency_has_a_wallet_of_its_own(post: Post, alice: Any) -> None:
    dollars, euros = (post(stripe(stripe_event(user_id=alice.pk, currency=code))).body for code in ("usd", "EUR"))
    assert (dollars["currency"], euros["currency"]) == ("USD", "EUR")
    assert dollars["account_id"] != euros["account_id"]


def test_a_document_may_name_the_wallet(post: Post, alice: Any, bob: Any, changed: Callable[..., Provider]) -> None:
    changed("generic", wallet_pointer="/data/wallets/0")
    event = generic_event(user_id=alice.pk)
    for wallets, status in ((["77"], 200), ([77], 200), ([], 400), ({"1": 77}, 400), (["077"], 400), (["0"], 422)):
        event["data"] |= {"wallets": wallets}
        assert post(generic(event)).status == status, wallets
    assert stored().balances == Decimal("12.5")
    event = generic_event(user_id=bob.pk)
    event["data"] |= {"wallets": [77]}
    assert post(generic(event)).code == "wallet_owner_mismatch"


def test_a_repeat_names_the_same_currency_even_for_the_same_wallet(
    post: Post, alice: Any, changed: Callable[..., Provider]
) -> None:
    """A single notice of a wallet is one statement, which compares by itself."""
    changed("generic", wallet_pointer="/data/wallet")
    event = generic_event(user_id=alice.pk)
    event["data"] |= {"wallet": 78}
    assert post(generic(event)).status == 200
    assert post(generic(event)).body["duplicate"] is True
    event["data"] |= {"currency": "EUR"}
    assert post(generic(event)).code == "transaction_id_conflict"
    assert stored().balances == Decimal("12.5")


# --- units and currencies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "minor", "amount"), [("usd", 1, "0.01"), ("usd", 123456789, "1234567.89"), ("jpy", 500, "500")]
)
def test_minor_units_are_those_of_the_currency(post: Post, alice: Any, currency: str, minor: int, amount: str) -> None:
    answer = post(stripe(stripe_event(user_id=alice.pk, amount=minor, currency=currency)))
    assert (answer.body["amount"], answer.body["currency"]) == (amount, currency.upper())


def test_hundredths_are_hundredths_whatever_the_currency(post: Post, alice: Any) -> None:
    assert post(paystack(paystack_event(user_id=alice.pk, amount=50_000, currency="JPY"))).body["amount"] == "500"
    answer = post(paystack(paystack_event(user_id=alice.pk, amount=50_050, currency="JPY")))
    assert (answer.status, answer.field, answer.body["errors"][0]["code"]) == (422, "/data/amount", "too_many_decimals")


def test_a_currency_that_is_not_here_is_refused(post: Post, alice: Any, unmoved: Unmoved) -> None:
    answer = post(stripe(stripe_event(user_id=alice.pk, currency="xts")))
    assert (answer.status, answer.field) == (422, "/data/object/currency")
    assert answer.body["errors"][0]["code"] == "currency_not_taken"
    assert unmoved().events == 0


def test_with_a_limit_only_the_providers_currency_is_taken(
    post: Post, alice: Any, changed: Callable[..., Provider]
) -> None:
    changed("stripe", max_amount=Decimal(20))
    answers = [
        post(stripe(stripe_event(user_id=alice.pk, amount=amount, currency=currency)))
        for amount, currency in ((2000, "usd"), (2001, "usd"), (1, "jpy"))
    ]
    assert [(answer.status, answer.status == 422 and answer.field) for answer in answers] == [
        *((200, False), (422, "/data/object/amount_received"), (422, "/data/object/currency")),
    ]


def test_a_provider_may_demand_uuids_of_documents_too(post: Post, alice: Any, changed: Callable[..., Provider]) -> None:
    changed("generic", requires_uuid=True)
    refused = post(generic(generic_event(user_id=alice.pk, payment="order-17")))
    assert (refused.status, refused.field) == (422, "/data/id")
    assert post(generic(generic_event(user_id=alice.pk))).status == 200


# --- what a sender can get wrong ----------------------------------------------------------------------------


def test_operators_hear_of_an_authentic_notice_that_was_not_kept(
    alice: Any, committed_db: None, fresh_registry: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Money may have arrived: the provider's own pages are all that is left of it."""

    def counted(code: str) -> float:
        return REGISTRY.get_sample_value("till_webhook_refused_total", {"provider": "stripe", "code": code}) or 0

    nobodys, foreign = stripe_event(user_id=None), stripe_event(user_id=alice.pk, currency="xyz")
    for code, event in (("malformed_event", nobodys), ("currency_not_taken", foreign)):
        before = counted(code)
        caplog.clear()
        in_process(stripe(event))
        assert counted(code) == before + 1
        assert "An authentic notice of stripe was refused" in caplog.text
        caplog.clear()
        in_process(stripe(event, secret="whsec_forged"))
        assert (counted(code), "authentic" in caplog.text) == (before + 1, False)


def test_a_field_that_is_missing_or_of_another_kind_is_named_after_the_signature(
    post: Post, alice: Any, unmoved: Unmoved
) -> None:
    wrong: dict[str, list[Any]] = {
        "id": [None, True, "", "a b", "x" * 129, 1.5, [1], {}],
        "amount": [None, "1e2", "+5", " 1", "01", "1,000", True, [], "\uff19"],
        "user_id": [None, "", "07", "-", " 7", "\u0667", 7.0, "7.0", "1e3", True, [7], "9" * 100],
        "currency": [None, 840, "U$D", "", [], "USDUSDUSDUSD"],
    }
    for name, values in wrong.items():
        for value in values:
            event = generic_event(user_id=alice.pk)
            event["data"][name] = value
            answer = post(generic(event))
            assert (answer.status, answer.code, answer.field) == (400, "malformed_event", f"/data/{name}"), value
        event = generic_event(user_id=alice.pk)
        del event["data"][name]
        assert post(generic(event)).field == f"/data/{name}"
    untyped: list[dict[str, Any]] = [{"data": {}}, {"type": 7}, {"type": ["payment.succeeded"]}, {}]
    for document in untyped:
        assert post(generic(document)).field == "/type"
    for number in (0, -1, 2**63, 10**30):
        for name in ("id", "user_id"):
            event = generic_event(user_id=alice.pk)
            event["data"][name] = number
            assert (post(generic(event)).status, post(generic(event)).field) == (422, f"/data/{name}")
    assert unmoved().events == 0


def test_amounts_are_exact_and_positive(post: Post, alice: Any, unmoved: Unmoved) -> None:
    for amount, code in ((0, "amount_not_positive"), (-1, "amount_not_positive"), (10**30, "amount_too_large")):
        answer = post(stripe(stripe_event(user_id=alice.pk, amount=amount)))
        assert (answer.status, answer.body["errors"][0]["code"]) == (422, code)
    for odd in (1.0, 12.5, "12.50", "1_0", True, None):
        assert post(stripe(stripe_event(user_id=alice.pk, amount=odd))).status == 400
    assert unmoved().events == 0


def test_without_a_valid_signature_every_answer_is_alike_whatever_the_document(
    post: Post, alice: Any, unmoved: Unmoved
) -> None:
    good = stripe(stripe_event(user_id=alice.pk))
    bodies = [good.body, b"{}", json.dumps({"data": [1] * 100}).encode(), generic(generic_event(user_id=1)).body]
    signed = good.headers["stripe-signature"]
    signatures = ["", "t=1", signed.partition(",v1=")[0], signed.replace("v1=", "v2="), signed + ",t=1", "v1=" * 500,
                  signed.replace("t=", "t=+"), "t=²,v1=x"]  # fmt: skip
    answers = {
        post(Delivery(f"/api/v1/webhooks/{slug}", body, {"content-type": "application/json"})).content
        for slug in ("stripe", "paystack", "generic", "nobody", "sha1_colon", "standard_webhooks")
        for body in bodies
    }
    answers |= {
        post(good.with_headers(stripe_signature=signature)).content for signature in signatures if signature.isascii()
    }
    answers |= {post(delivery).content for delivery in (
        stripe(stripe_event(user_id=alice.pk), secret="whsec_another"),
        paystack(paystack_event(user_id=alice.pk), secret="sk_another"),
        generic(generic_event(user_id=alice.pk), secret=""),
    )}  # fmt: skip
    assert len(answers) == 1
    assert b"invalid_signature" in answers.pop()
    assert unmoved().events == 0


@pytest.mark.parametrize(("seconds", "status"), [(-310, 401), (-290, 200), (290, 200), (310, 401)])
def test_stripes_signature_lasts_for_five_minutes(post: Post, alice: Any, seconds: int, status: int) -> None:
    delivery = stripe(stripe_event(user_id=alice.pk), now=time.time() + seconds)
    assert post(delivery).status == status


def test_keys_that_stand_twice_are_refused_before_the_signature(post: Post, alice: Any, unmoved: Unmoved) -> None:
    body = json.dumps(generic_event(user_id=alice.pk)).replace('"amount"', '"amount": "1.00", "amount"').encode()
    for delivery in (generic(body), generic(body).with_headers(x_signature="")):
        assert (post(delivery).status, post(delivery).field) == (400, "amount")
    assert unmoved().events == 0
