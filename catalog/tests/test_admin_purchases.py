"""/admin: purchases. Everything can be looked at; the one thing to do is to refund, once for each form."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.test import Client

from catalog.models import Product, Purchase, Refund
from payments.models import Transaction, Wallet
from tests.support.admin_pages import staff_client
from tests.support.purchases import bought, shown_balance
from tests.support.threads import at_once

LIST = "/admin/catalog/purchase/"


@pytest.fixture
def site(admin: Any) -> Client:
    return staff_client(admin)


@pytest.fixture
def purchase(alice: Any, pen: Product, wallet: Wallet) -> Purchase:
    return Purchase.objects.get(pk=bought(alice, pen, wallet, quantity=2)["id"])


def address(purchase: Purchase) -> str:
    return f"{LIST}refund/?id={purchase.pk}"


def refund(site: Client, purchase: Purchase, **fields: str) -> Any:
    return site.post(address(purchase), {"refunded": "0.00", "amount": "", "reason": "broken"} | fields, follow=True)


def test_the_purchase_page_shows_and_finds_purchases(
    site: Client, alice: Any, pen: Product, purchase: Purchase
) -> None:
    for term in ("alice@", "PEN", str(purchase.pk), str(purchase.wallet_id), str(purchase.transaction_id)):
        assert [row.pk for row in site.get(LIST, {"q": term}).context["cl"].result_list] == [purchase.pk], term
    assert not site.get(LIST, {"q": "bob@"}).context["cl"].result_list
    page = site.get(f"{LIST}{purchase.pk}/change/").content.decode()
    for phrase in ("alice@example.com", "50.00 USD", "25.00 USD", "Paid", "Refund…"):
        assert phrase in page
    assert "_save" not in page


def test_the_purchase_page_asks_before_it_refunds_and_says_whom_and_how_much(site: Client, purchase: Purchase) -> None:
    page = site.get(address(purchase)).content.decode()
    assert "50.00 USD paid from wallet" in page
    assert "by alice@example.com; 0.00 USD refunded, 50.00 USD left." in page
    assert not Refund.objects.exists()


def test_staff_refund_a_part_then_all_that_is_left(
    site: Client, admin: Any, wallet: Wallet, purchase: Purchase
) -> None:
    assert "20.00 USD refunded." in refund(site, purchase, amount="20.00").content.decode()
    assert shown_balance(wallet) == "70.00"
    assert "30.00 USD refunded." in refund(site, purchase, refunded="20.00").content.decode()
    assert shown_balance(wallet) == "100.00"
    notes = list(LogEntry.objects.filter(user=admin, object_id=str(purchase.pk)).order_by("pk"))
    assert [note.change_message for note in notes] == [
        "Refunded 20.00 USD. Reason: broken",
        "Refunded 30.00 USD. Reason: broken",
    ]
    assert set(Refund.objects.values_list("reason", flat=True)) == {"broken"}
    assert "broken" in site.get(f"{LIST}{purchase.pk}/history/").content.decode()
    assert "Refund…" not in site.get(f"{LIST}{purchase.pk}/change/").content.decode()
    call_command("check_ledger")


def test_the_same_form_sent_twice_refunds_once(site: Client, wallet: Wallet, purchase: Purchase) -> None:
    refund(site, purchase, amount="20.00")
    again = refund(site, purchase, amount="20.00")
    assert "was refunded since this page was shown" in str(again.context["form"].errors)
    assert (shown_balance(wallet), Refund.objects.count()) == ("70.00", 1)


def test_the_same_form_sent_by_eight_at_once_refunds_once(
    committed_db: None, site: Client, admin: Any, wallet: Wallet, purchase: Purchase
) -> None:
    def send() -> int:
        client = staff_client(admin)
        form = {"refunded": "0.00", "amount": "5.00", "reason": "broken"}
        return client.post(address(purchase), form).status_code

    assert sorted(at_once(*[send] * 8)) == [200] * 7 + [302]
    assert (shown_balance(wallet), Refund.objects.count()) == ("55.00", 1)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount": "50.01"}, "amount"),
        ({"amount": "1.001"}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "1e1"}, "amount"),
        ({"amount": "all"}, "amount"),
        ({"reason": ""}, "reason"),
        ({"reason": "   "}, "reason"),
        ({"reason": "a\u202eb"}, "reason"),
        ({"reason": "x" * 201}, "reason"),
        ({"refunded": ""}, "refunded"),
        ({"refunded": "x"}, "refunded"),
    ],
)
def test_what_is_wrong_is_named_and_moves_nothing(
    site: Client, wallet: Wallet, purchase: Purchase, wrong: dict[str, str], field: str
) -> None:
    answer = refund(site, purchase, **wrong)
    assert list(answer.context["form"].errors) == [field]
    assert "Nothing was done." in answer.content.decode()
    assert (shown_balance(wallet), Transaction.objects.filter(kind="refund").count()) == ("50.00", 0)
    assert not LogEntry.objects.exists()


def test_nothing_is_left_of_a_purchase_that_was_refunded(site: Client, purchase: Purchase) -> None:
    refund(site, purchase)
    assert "0.00 of the purchase is left" in refund(site, purchase, refunded="50.00").content.decode()


@pytest.mark.parametrize("path", ["add/", "{}/delete/", "{}/change/"])
def test_a_purchase_is_not_written_by_hand(site: Client, purchase: Purchase, path: str) -> None:
    before = Purchase.objects.values().get()
    assert site.post(f"{LIST}{path.format(purchase.pk)}", {"post": "yes", "refunded": "50"}).status_code == 403
    assert Purchase.objects.values().get() == before
    assert before["refunded"] == Decimal(0)


def test_mallory_refunds_nothing(mallory: Any, purchase: Purchase) -> None:
    client = staff_client(mallory)
    assert client.post(address(purchase), {"refunded": "0.00", "reason": "mine"}).status_code == 302
    assert not Refund.objects.exists()
