"""The table of answers in docs/webhooks.md, row by row: every form, through every door."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from payments.conftest import Post, Stored, stored
from payments.ledger import booking
from payments.ledger.models.wallets import FIRST_OWN_WALLET_ID
from payments.models import Posting, Provider, Transaction, Wallet, WebhookEvent
from tests.support import recipes
from tests.support.ledger import open_provider_wallet
from tests.support.provider import SHA256_CONCAT, STANDARD, Form, new_uuid

pytestmark = pytest.mark.slow

Unmoved = Callable[[], Stored]


def open_wallet(id_: int, owner: Any, currency: str = "USD") -> None:
    with transaction.atomic():
        open_provider_wallet(booking.lock([id_]), id_, owner, currency)


# --- credited -----------------------------------------------------------------------------------------------


def test_the_first_delivery_is_credited(post: Post, form: Form, alice: Any) -> None:
    fields = form.fields(user_id=alice.pk, account_id=77, amount="12.5")
    answer = post(form.deliver(fields))
    assert answer.status == 200, answer.content
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == {
        "status": "credited",
        "duplicate": False,
        "transaction_id": fields["transaction_id"].strip('"'),
        "account_id": 77,
        "amount": "12.50",
        "currency": "USD",
        "balance": "12.50",
    }


def test_a_delivery_leaves_one_event_one_transaction_and_one_posting(post: Post, form: Form, alice: Any) -> None:
    post(form.notice(user_id=alice.pk, amount="12.5"))
    event, posting = WebhookEvent.objects.get(), Posting.objects.get()
    assert (event.verdict, event.balance, event.transaction_id) == ("credited", Decimal("12.5"), posting.transaction_id)
    assert posting.transaction.kind == Transaction.Kind.DEPOSIT
    assert (posting.source.house, posting.destination_id, posting.amount) == ("clearing", 77, Decimal("12.5"))
    wallet = Wallet.objects.get(pk=77)
    assert wallet.owner == alice
    assert (wallet.currency_id, wallet.balance) == ("USD", Decimal("12.5"))


def test_a_repeat_is_answered_with_the_first_result_whatever_came_in_between(
    post: Post, form: Form, alice: Any
) -> None:
    first, other = form.notice(user_id=alice.pk), form.notice(user_id=alice.pk, amount="7")
    answers = [post(first), post(other), post(first), post(first)]
    before = stored()
    assert [answer.body["duplicate"] for answer in answers] == [False, False, True, True]
    assert answers[2].body == answers[0].body | {"duplicate": True}
    assert post(first).status == 200
    assert stored() == before
    assert before.balances == 107


def test_a_repeat_may_write_the_same_amount_otherwise(post: Post, form: Form, alice: Any) -> None:
    fields = form.fields(user_id=alice.pk)
    post(form.deliver(fields))
    for rewritten in ("100.0", "100.00", '"100"', '"100.00"'):
        answer = post(form.deliver({**fields, "amount": rewritten}))
        assert (answer.status, answer.body["duplicate"], stored().balances) == (200, True, Decimal(100))


@pytest.mark.parametrize("active", ["disabled", "never activated"])
def test_money_that_has_arrived_is_credited_to_a_user_who_cannot_sign_in(
    post: Post, form: Form, alice: Any, active: str
) -> None:
    alice.is_active = False
    alice.activated_at = alice.activated_at if active == "disabled" else None
    alice.save()
    assert post(form.notice(user_id=alice.pk)).status == 200
    assert stored().balances == 100


def test_a_wallet_that_the_service_opened_is_credited(post: Post, form: Form, alice: Any) -> None:
    wallet = recipes.wallet.make(owner=alice)
    assert wallet.pk >= FIRST_OWN_WALLET_ID
    assert post(form.notice(user_id=alice.pk, account_id=wallet.pk)).status == 200


def test_the_largest_ids_of_providers_are_theirs(post: Post, form: Form, alice: Any) -> None:
    answer = post(form.notice(user_id=alice.pk, account_id=FIRST_OWN_WALLET_ID - 1))
    assert (answer.status, answer.body["account_id"]) == (200, 10**15 - 1)


def test_every_digit_of_a_large_amount_arrives(post: Post, form: Form, alice: Any) -> None:
    answer = post(form.notice(user_id=alice.pk, amount="100000000000000.07"))
    assert answer.body["balance"] == "100000000000000.07"


# --- other content ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["amount", "user", "account"])
def test_other_content_under_a_known_id_is_a_conflict_kept_for_staff(
    post: Post, form: Form, alice: Any, mallory: Any, what: str
) -> None:
    fields = form.fields(user_id=alice.pk)
    other = {"amount": {"amount": "1100"}, "user": {"user_id": str(mallory.pk)}, "account": {form.account_field: "78"}}
    post(form.deliver(fields))
    answers = [post(form.deliver(fields | other[what])) for _ in range(2)]
    assert [(answer.status, answer.code) for answer in answers] == [(409, "transaction_id_conflict")] * 2
    assert stored() == Stored(wallets=1, postings=1, events=2, balances=Decimal(100))
    conflict = WebhookEvent.objects.get(verdict="conflict")
    assert (conflict.reason, conflict.transaction_id) == ("transaction_id_conflict", None)
    assert post(form.deliver(fields)).body["duplicate"] is True


def test_the_same_id_from_another_provider_is_another_notice(post: Post, alice: Any) -> None:
    same = new_uuid()
    for form in (SHA256_CONCAT, STANDARD):
        assert post(form.notice(user_id=alice.pk, transaction_id=same)).body["duplicate"] is False
    assert stored().balances == 200


def test_a_uuid_is_the_same_in_capitals(post: Post, alice: Any) -> None:
    fields = SHA256_CONCAT.fields(user_id=alice.pk)
    answers = [
        post(SHA256_CONCAT.deliver(fields | {"transaction_id": id_}))
        for id_ in (fields["transaction_id"], fields["transaction_id"].upper())
    ]
    assert [answer.body["duplicate"] for answer in answers] == [False, True]


# --- nobody and nowhere to credit ---------------------------------------------------------------------------


def test_a_notice_for_an_unknown_user_is_kept_and_succeeds_once_he_exists(post: Post, form: Form, alice: Any) -> None:
    later = alice.pk + 1000
    delivery = form.notice(user_id=later)
    for _ in range(2):
        answer = post(delivery)
        assert (answer.status, answer.code) == (404, "user_not_found")
    assert WebhookEvent.objects.values_list("verdict", "reason").get() == ("unmatched", "user_not_found")
    recipes.user.make(pk=later)
    assert [post(delivery).body["duplicate"] for _ in range(2)] == [False, True]
    assert stored() == Stored(wallets=1, postings=1, events=1, balances=Decimal(100))


@pytest.mark.parametrize("account_id", [FIRST_OWN_WALLET_ID, 2**63 - 1])
def test_a_wallet_id_that_the_service_gives_is_not_created(post: Post, form: Form, alice: Any, account_id: int) -> None:
    answer = post(form.notice(user_id=alice.pk, account_id=account_id))
    assert (answer.status, answer.code) == (404, "wallet_not_found")
    assert WebhookEvent.objects.values_list("verdict", "reason").get() == ("unmatched", "wallet_not_found")


def test_a_wallet_of_the_house_is_nobodys_to_credit(post: Post, form: Form, alice: Any) -> None:
    sales = Wallet.objects.filter(house="sales", currency="USD").get()
    answer = post(form.notice(user_id=alice.pk, account_id=sales.pk))
    assert (answer.status, answer.code, stored().postings) == (404, "wallet_not_found", 0)


def test_a_wallet_of_another_user_is_not_credited(post: Post, form: Form, alice: Any, mallory: Any) -> None:
    open_wallet(77, alice)
    answer = post(form.notice(user_id=mallory.pk, account_id=77))
    assert (answer.status, answer.code) == (409, "wallet_owner_mismatch")
    assert stored() == Stored(wallets=1, postings=0, events=1, balances=Decimal(0))
    assert WebhookEvent.objects.values_list("verdict", "reason").get() == ("unmatched", "wallet_owner_mismatch")


def test_a_wallet_of_another_currency_is_not_credited(post: Post, form: Form, alice: Any) -> None:
    open_wallet(77, alice, "EUR")
    answer = post(form.notice(user_id=alice.pk, account_id=77))
    assert (answer.status, answer.code) == (422, "currency_mismatch")
    assert WebhookEvent.objects.values_list("verdict", "reason").get() == ("unmatched", "currency_mismatch")


# --- authentic, but against the rules: nothing is stored -----------------------------------------------------


REFUSED_AMOUNTS = {
    "amount_not_positive": ["0", "0.00", "-5", '"-0.00"'],
    "too_many_decimals": ["0.001", "100.000"],
    "amount_too_large": ["1000000000000000000.01", "9" * 100],
}


def test_an_amount_against_the_rules_is_refused(post: Post, form: Form, alice: Any, unmoved: Unmoved) -> None:
    for code, amount in ((code, amount) for code, amounts in REFUSED_AMOUNTS.items() for amount in amounts):
        answer = post(form.notice(user_id=alice.pk, amount=amount))
        assert (answer.status, answer.code, answer.field) == (422, "invalid_notice", "amount"), amount
        assert answer.body["errors"][0]["code"] == code
    assert unmoved().events == 0


@pytest.mark.parametrize("name", ["user_id", "account_id"])
def test_an_id_out_of_range_is_refused(post: Post, form: Form, alice: Any, unmoved: Unmoved, name: str) -> None:
    for value in (0, -1, 2**63, 10**100):
        answer = post(form.notice(**{"user_id": alice.pk, name: value}))
        assert answer.status == 422
        assert answer.field == (form.account_field if name == "account_id" else name)
    assert unmoved().events == 0


# --- the provider's own rules -------------------------------------------------------------------------------


def test_a_provider_may_have_a_largest_amount(
    post: Post, form: Form, alice: Any, changed: Callable[..., Provider]
) -> None:
    changed(form.name, max_amount=Decimal("99.99"))
    refused, credited = (post(form.notice(user_id=alice.pk, amount=amount)) for amount in ("100", "99.99"))
    assert (refused.status, refused.field, credited.status) == (422, "amount", 200)


def test_a_provider_may_demand_uuids(post: Post, alice: Any, changed: Callable[..., Provider]) -> None:
    changed("sha256_concat", requires_uuid=True)
    refused = post(SHA256_CONCAT.notice(user_id=alice.pk, transaction_id='"order-17"'))
    assert (refused.status, refused.field) == (422, "transaction_id")
    assert post(SHA256_CONCAT.notice(user_id=alice.pk)).status == 200


def test_a_provider_pays_in_its_own_currency(
    post: Post, form: Form, alice: Any, changed: Callable[..., Provider]
) -> None:
    changed(form.name, currency_id="JPY")
    answer = post(form.notice(user_id=alice.pk, amount="250"))
    assert (answer.body["amount"], answer.body["currency"], answer.body["balance"]) == ("250", "JPY", "250")
    assert post(form.notice(user_id=alice.pk, amount="250.0")).field == "amount"
