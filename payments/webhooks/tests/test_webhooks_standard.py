"""Standard Webhooks over HTTP, and the samples that were published for the other two schemes."""

import time
from typing import Any

import pytest

from payments.conftest import Post, stored
from tests.support import recipes
from tests.support.provider import SHA1_COLON, SHA256_CONCAT, STANDARD, Delivery, as_json, standard_signature

JSON = {"content-type": "application/json"}
SHA256_SAMPLE = {
    "transaction_id": '"5eae174f-7cd0-472c-bd36-35660f00132b"',
    "user_id": "1",
    "account_id": "1",
    "amount": "100",
    "signature": '"7b47e41efe564a062029da3367bde8844bea0fb049f894687cee5d57f2858bc8"',
}
SHA1_SAMPLE = {
    "transaction_id": "1234567",
    "user_id": "1",
    "bill_id": "123456",
    "amount": "100",
    "signature": '"70e224ace9d3859aca84ffb88edf593acec92dbb"',
}
PUBLISHED = [("/webhook/payment", SHA256_SAMPLE), ("/payment/webhook", SHA1_SAMPLE)]


@pytest.fixture
def first_user(committed_db: None) -> Any:
    """The samples name user 1."""
    return recipes.user.make(pk=1)


# --- the published samples ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "sample"), PUBLISHED)
def test_a_published_sample_is_credited_and_then_a_duplicate(
    post: Post, first_user: Any, path: str, sample: dict[str, str]
) -> None:
    delivery = Delivery(path, as_json(sample), JSON)
    answers = [post(delivery) for _ in range(3)]
    assert [(answer.status, answer.body["duplicate"]) for answer in answers] == [(200, False), (200, True), (200, True)]
    assert {answer.body["balance"] for answer in answers} == {"100.00"}
    assert stored().balances == 100


@pytest.mark.parametrize(("path", "sample"), PUBLISHED)
def test_a_forged_sample_moves_nothing(post: Post, first_user: Any, path: str, sample: dict[str, str]) -> None:
    other = {"transaction_id": '"another"' if "webhook/p" in path else "7654321", "user_id": "2", "amount": "1000"}
    for name, literal in other.items():
        assert post(Delivery(path, as_json(sample | {name: literal}), JSON)).status == 401
    assert stored().events == 0


@pytest.mark.parametrize("amount", ["100.0", "100.00"])
@pytest.mark.parametrize(("path", "sample"), PUBLISHED)
def test_a_sample_with_its_amount_written_otherwise_is_not_what_was_signed(
    post: Post, first_user: Any, path: str, sample: dict[str, str], amount: str
) -> None:
    assert post(Delivery(path, as_json(sample | {"amount": amount}), JSON)).status == 401
    assert stored().events == 0


def test_digits_shifted_between_account_and_amount_are_a_conflict(post: Post, first_user: Any) -> None:
    """Account 1, amount 1100 and account 11, amount 100 sign alike: the signature is good, the id is spent."""
    fields = SHA256_CONCAT.fields(user_id=1, account_id=1, amount=1100)
    signature = f'"{SHA256_CONCAT.signature(fields)}"'
    shifted = {**fields, "account_id": "11", "amount": "100", "signature": signature}
    assert post(SHA256_CONCAT.deliver(fields)).status == 200
    answer = post(SHA256_CONCAT.unsigned(shifted))
    assert (answer.status, answer.code) == (409, "transaction_id_conflict")
    assert (stored().postings, stored().balances) == (1, 1100)


def test_digits_shifted_into_the_id_are_refused_where_only_uuids_are_taken(
    post: Post, first_user: Any, changed: Any
) -> None:
    changed("sha256_concat", requires_uuid=True)
    fields = SHA256_CONCAT.fields(user_id=1, transaction_id='"5eae174f-7cd0-472c-bd36-35660f00132b"')
    shifted = {**fields, "amount": "1005", "transaction_id": '"eae174f-7cd0-472c-bd36-35660f00132b"'}
    answer = post(SHA256_CONCAT.unsigned({**shifted, "signature": f'"{SHA256_CONCAT.signature(fields)}"'}))
    assert (answer.status, answer.field, stored().events) == (422, "transaction_id", 0)


# --- Standard Webhooks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "status"), [(-290, 200), (0, 200), (290, 200), (-310, 401), (310, 401)])
def test_a_notice_may_be_five_minutes_old_or_early(post: Post, alice: Any, seconds: int, status: int) -> None:
    delivery = STANDARD.deliver(STANDARD.fields(user_id=alice.pk), now=time.time() + seconds)
    assert post(delivery).status == status
    assert stored().events == (status == 200)


def test_a_replayed_message_is_a_duplicate_and_so_is_a_new_message_about_the_same_payment(
    post: Post, alice: Any
) -> None:
    fields = STANDARD.fields(user_id=alice.pk)
    first = STANDARD.deliver(fields)
    assert [post(d).body["duplicate"] for d in (first, first, STANDARD.deliver(fields))] == [False, True, True]


def test_one_good_signature_among_several_is_enough(post: Post, alice: Any) -> None:
    delivery = STANDARD.notice(user_id=alice.pk)
    good = delivery.headers["webhook-signature"]
    several = f"v1,bm90IHRoaXMgb25l v1a,whatever {good}"
    assert post(delivery.with_headers(webhook_signature=several)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook_id": "another"},
        {"webhook_id": ""},
        {"webhook_timestamp": "yesterday"},
        {"webhook_timestamp": "1e9"},
        {"webhook_timestamp": ""},
        {"webhook_signature": ""},
        {"webhook_signature": "v1"},
        {"webhook_signature": "v1,=== ,,, v9,x"},
    ],
    ids=str,
)
def test_malformed_headers_are_an_invalid_signature(post: Post, alice: Any, headers: dict[str, str]) -> None:
    answer = post(STANDARD.notice(user_id=alice.pk).with_headers(**headers))
    assert (answer.status, answer.code, stored().events) == (401, "invalid_signature", 0)


def test_a_changed_body_is_an_invalid_signature(post: Post, alice: Any, mallory: Any) -> None:
    delivery = STANDARD.notice(user_id=alice.pk)
    changed = delivery.body.replace(f'"user_id": {alice.pk}'.encode(), f'"user_id": {mallory.pk}'.encode())
    for body in (changed, delivery.body + b" "):
        assert post(delivery.with_body(body)).status == 401
    assert stored().events == 0


def test_the_form_with_a_bill_and_a_number_is_as_good(post: Post, alice: Any) -> None:
    body = f'{{"transaction_id": 9, "user_id": {alice.pk}, "bill_id": 78, "amount": "1.5"}}'.encode()
    seconds = str(int(time.time()))
    signature = standard_signature("msg_1", seconds, body, STANDARD.secret)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}
    answer = post(Delivery(STANDARD.path, body, JSON | headers))
    assert (answer.body["transaction_id"], answer.body["account_id"], answer.body["amount"]) == ("9", 78, "1.50")


def test_any_provider_is_served_at_its_own_address(post: Post, alice: Any) -> None:
    for form in (SHA1_COLON, SHA256_CONCAT):
        body = form.notice(user_id=alice.pk).body
        addresses = (f"/api/v1/webhooks/{form.name}", form.path)
        assert [post(Delivery(path, body, JSON)).body["duplicate"] for path in addresses] == [False, True]


@pytest.mark.parametrize("number", ["0", "-5", str(2**63), "9" * 150])
def test_a_number_as_transaction_id_is_in_range_here_too(post: Post, alice: Any, number: str) -> None:
    answer = post(STANDARD.notice(user_id=alice.pk, transaction_id=number))
    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "transaction_id")
    assert stored().events == 0
