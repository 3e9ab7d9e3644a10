"""POST purchases/{id}/refunds: by admins, whole or in part, never more than was paid."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from rest_framework.test import APIClient

from catalog.models import Product, Purchase, Refund
from payments.ledger import booking
from payments.models import Transaction, Wallet
from tests.support.ledger import wallet_with
from tests.support.purchases import PURCHASES, a_product, bought, refund, shown_balance
from tests.support.rest import new_key, refused, signed_in


@pytest.fixture
def purchase(alice: Any, pen: Product, wallet: Wallet) -> int:
    """Two of alice's pens: 50 of her 100 dollars."""
    return int(bought(alice, pen, wallet, quantity=2)["id"])


def status_and_refunded(user: Any, purchase: int) -> tuple[str, str]:
    body = signed_in(user).get(f"{PURCHASES}/{purchase}").json()
    return body["refunded"], body["status"]


def test_a_refund_pays_back_all_when_no_amount_is_given(alice: Any, admin: Any, purchase: int, wallet: Wallet) -> None:
    answer = refund(admin, purchase)
    assert answer.status_code == 201
    body, refund_row = answer.json(), Refund.objects.get()
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": refund_row.pk, "purchase": purchase, "amount": "50.00", "reason": "",
        "transaction": refund_row.transaction_id,
    }  # fmt: skip
    assert shown_balance(wallet) == "100.00"
    assert status_and_refunded(alice, purchase) == ("50.00", "refunded")


def test_a_refund_books_the_way_back_as_a_transaction_of_its_own(admin: Any, purchase: int, wallet: Wallet) -> None:
    booked = Transaction.objects.get(pk=refund(admin, purchase).json()["transaction"])
    [posting] = booked.postings.all()
    assert (booked.kind, booked.reference) == ("refund", f"refund of purchase {purchase}")
    assert (posting.source_id, posting.destination_id) == (booking.house_wallet("sales", "USD"), wallet.pk)


def test_the_history_of_a_refund_says_which_admin_did_it_and_why(admin: Any, purchase: int) -> None:
    client, address, key = signed_in(admin), f"{PURCHASES}/{purchase}/refunds", new_key()
    for _ in range(2):  # the second is a replay
        client.post(address, {"amount": "10", "reason": "A scratch."}, headers=key)
    refund(admin, purchase)
    refused(refund(admin, purchase), 409, "refund_exceeds_purchase")
    notes = LogEntry.objects.filter(user=admin, object_id=str(purchase)).order_by("pk")
    assert [note.change_message for note in notes] == [
        "Refunded 10.00 USD. Reason: A scratch.",
        "Refunded 40.00 USD.",
    ]


def test_refunds_pay_back_in_parts_until_nothing_is_left(alice: Any, admin: Any, purchase: int, wallet: Wallet) -> None:
    assert refund(admin, purchase, amount="0.01", reason="A scratch.").json()["reason"] == "A scratch."
    assert status_and_refunded(alice, purchase) == ("0.01", "partially_refunded")
    assert refund(admin, purchase).json()["amount"] == "49.99"
    assert shown_balance(wallet) == "100.00"
    body = refused(refund(admin, purchase), 409, "refund_exceeds_purchase", "amount")
    assert body["refundable"] == "0.00"


@pytest.mark.parametrize("amount", ["50.01", "1000000", "9" * 60])
def test_refunds_never_pay_back_more_than_was_paid(admin: Any, purchase: int, wallet: Wallet, amount: str) -> None:
    body = refused(refund(admin, purchase, amount=amount), 409, "refund_exceeds_purchase", "amount")
    assert body["refundable"] == "50.00"
    assert shown_balance(wallet) == "50.00"


@pytest.mark.parametrize(("amount", "code"), [("0", "amount_not_positive"), ("-1", "amount_not_positive"),
                                              ("0.001", "too_many_decimals")])  # fmt: skip
def test_a_refund_refuses_an_amount_that_breaks_a_rule(admin: Any, purchase: int, amount: str, code: str) -> None:
    body = refused(refund(admin, purchase, amount=amount), 422, "invalid_amount", "amount")
    assert body["errors"][0]["code"] == code


@pytest.mark.parametrize(
    "body", [{"amount": "x"}, {"amount": None}, {"amount": True}, {"reason": 5}, {"reason": "x" * 201}]
)
def test_a_refund_refuses_a_wrong_shape(admin: Any, purchase: int, body: dict[str, Any]) -> None:
    refused(refund(admin, purchase, **body), 400, "invalid_request", *body)


def test_only_admins_pay_back(alice: Any, mallory: Any, purchase: int, wallet: Wallet) -> None:
    for user in (alice, mallory):
        refused(refund(user, purchase), 403, "permission_denied")
    refused(APIClient().post(f"{PURCHASES}/{purchase}/refunds", headers=new_key()), 401, "not_authenticated")
    assert shown_balance(wallet) == "50.00"


def test_a_refund_of_no_purchase_is_404(admin: Any) -> None:
    for number in (0, 2**62, 10**30):
        refused(refund(admin, number), 404, "purchase_not_found")


def test_a_refund_requires_a_key_and_pays_back_once_for_it(admin: Any, purchase: int, wallet: Wallet) -> None:
    client, address, key = signed_in(admin), f"{PURCHASES}/{purchase}/refunds", new_key()
    refused(client.post(address, {"amount": "10"}), 400, "idempotency_key_required")
    first, again = (client.post(address, {"amount": "10"}, headers=key) for _ in range(2))
    assert first.content == again.content
    assert shown_balance(wallet) == "60.00"


def test_a_refund_refuses_what_is_not_for_the_client_to_set(
    mallory: Any, admin: Any, purchase: int, wallet: Wallet
) -> None:
    hers = wallet_with(mallory, "USD", "1")
    planted = {"wallet": hers.pk, "purchase": 1, "id": 999, "transaction": 1, "currency": "EUR", "user": mallory.pk}
    answer = signed_in(admin).post(f"{PURCHASES}/{purchase}/refunds", planted, headers=new_key())
    refused(answer, 400, "invalid_request", *planted)
    assert (shown_balance(hers), shown_balance(wallet)) == ("1.00", "50.00")


def test_a_refund_pays_back_at_the_price_that_was_paid(admin: Any, purchase: int, pen: Product) -> None:
    Product.objects.filter(pk=pen.pk).update(price=1, is_active=False, version=2)
    assert refund(admin, purchase).json()["amount"] == "50.00"


def test_a_refund_leaves_the_stock_to_staff(alice: Any, admin: Any, wallet: Wallet) -> None:
    product = a_product(stock=5)
    refund(admin, bought(alice, product, wallet)["id"])
    product.refresh_from_db()
    assert product.stock == 4


def test_a_refund_pays_back_a_buyer_who_was_disabled_since(
    alice: Any, admin: Any, purchase: int, wallet: Wallet
) -> None:
    type(alice).objects.filter(pk=alice.pk).update(is_active=False)
    assert refund(admin, purchase).status_code == 201
    assert shown_balance(wallet) == "100.00"


def test_a_refund_pays_back_what_the_houses_sales_no_longer_hold(admin: Any, purchase: int, wallet: Wallet) -> None:
    """The house's wallets are derived and may go below zero: a refund is owed whatever was moved on since."""
    sales = booking.house_wallet("sales", "USD")
    line = booking.NewPosting(sales, booking.house_wallet("clearing", "USD"), Purchase.objects.get().amount)
    booking.book([booking.NewTransaction("transfer", (line,))])
    assert refund(admin, purchase).status_code == 201


def test_a_refund_takes_few_queries(admin: Any, purchase: int, django_assert_max_num_queries: Any) -> None:
    refund(admin, purchase, amount="1")
    with django_assert_max_num_queries(22):  # of which eight are savepoints, and the plan's nine go in two pipelines
        refund(admin, purchase, amount="1")
