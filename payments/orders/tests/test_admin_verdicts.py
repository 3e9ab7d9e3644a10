"""/admin: how staff come to a verdict from the list, what they see before it, and what the bank calls the payment."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.services import set_support
from payments.models import Deposit, ExternalWallet, Wallet, Withdrawal
from payments.orders import services as orders
from tests.support import recipes
from tests.support.admin_pages import (
    DEPOSITS,
    WITHDRAWALS,
    confirm_address,
    listed,
    staff_client,
    staff_log_of,
    text,
)
from tests.support.ledger import wallet_with
from tests.support.orders import deposit, make_rule, stored_deposit, stored_withdrawal, withdraw
from tests.support.recipes import IBAN


@pytest.fixture
def site(admin: Any) -> Client:
    return staff_client(admin)


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "1000")


@pytest.fixture
def incoming(alice: Any, wallet: Wallet) -> Deposit:
    return stored_deposit(deposit(alice, wallet))


@pytest.fixture
def outgoing(alice: Any, admin: Any, wallet: Wallet) -> Withdrawal:
    """100 dollars, of which 2 are commission."""
    make_rule(admin, "withdrawal", fixed="2.00")
    return stored_withdrawal(withdraw(alice, wallet, recipes.bank_account.make(owner=alice)))


@pytest.fixture
def several(alice: Any, service: Any, wallet: Wallet) -> list[int]:
    """Three deposits: two wait, the one between them is rejected."""
    ids: list[int] = [deposit(alice, wallet)["id"] for _ in range(3)]
    orders.settle_deposit(deposit_id=ids[1], settlement="rejected", by=service, reason="Declined.")
    return ids


def test_staff_note_what_the_bank_calls_the_payment_and_find_it_by_that(
    site: Client, outgoing: Withdrawal, several: list[int]
) -> None:
    address = confirm_address(WITHDRAWALS, "approve", outgoing)
    for wrong in ("x" * 141, "a\u202eb"):
        assert "Nothing was done." in site.post(address, {"bank_reference": wrong}).content.decode()
    site.post(address, {"bank_reference": " NTRF 0042 "})
    outgoing.refresh_from_db()
    assert (outgoing.status, outgoing.bank_reference) == ("paid", "NTRF 0042")
    assert staff_log_of(outgoing) == ["Settled: paid. Bank reference: NTRF 0042."]
    assert "NTRF 0042" in text(site, f"{WITHDRAWALS}{outgoing.pk}/change/")
    assert listed(site, WITHDRAWALS, q="NTRF 0042") == [outgoing.pk]
    assert listed(site, DEPOSITS, q="NTRF 0042") == []


# --- the row and the page that asks -----------------------------------------------------------------------------


def row_links(site: Client, page: str) -> int:
    return text(site, page, status="all").count('till-row-actions"><a')


def test_each_pending_row_leads_to_the_question_about_that_one_order(
    site: Client, several: list[int], outgoing: Withdrawal
) -> None:
    page = text(site, DEPOSITS, status="all")
    for order_id, is_pending in zip(several, (True, False, True), strict=True):
        for action in ("approve", "reject"):
            assert (f'href="{DEPOSITS}{action}/?id={order_id}"' in page) == is_pending
    site.get(confirm_address(DEPOSITS, "approve", Deposit.objects.get(pk=several[0])))
    assert Deposit.objects.get(pk=several[0]).status == "pending"
    assert row_links(site, WITHDRAWALS) == 1


def test_no_row_leads_those_to_a_verdict_who_may_not_give_one(
    alice: Any, bob: Any, incoming: Deposit, outgoing: Withdrawal
) -> None:
    support = staff_client(set_support(user_id=bob.pk, on=True))
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True, role="admin")
    for somebody in (support, staff_client(alice)):
        for page, order in ((DEPOSITS, incoming), (WITHDRAWALS, outgoing)):
            assert row_links(somebody, page) == 0
            assert "Approve…" not in text(somebody, f"{page}{order.pk}/change/")


def test_the_page_that_asks_shows_all_that_decides(
    site: Client, alice: Any, wallet: Wallet, outgoing: Withdrawal
) -> None:
    User.objects.filter(pk=alice.pk).update(full_name="Alice Example")
    ExternalWallet.objects.update(details={"iban": IBAN, "holder": "EXAMPLE, Alice"})
    facts = dict(site.get(confirm_address(WITHDRAWALS, "approve", outgoing)).context["facts"])
    assert "Alice Example" in facts["Who"]
    assert "alice@example.com" in facts["Who"]
    assert "(user)" in facts["Who"]
    assert f"{outgoing.created_at:%Y-%m-%d %H:%M:%S} UTC" in facts["Requested"]
    assert "2.00 USD" in facts["Commission"]
    assert "98.00 USD" in facts["Net"]
    amounts = [facts[name] for name in ("Amount", "Balance", "Held", "Available")]
    assert [amount.replace("\u202f", "") for amount in amounts] == [
        "100.00 USD", "1000.00 USD", "100.00 USD", "900.00 USD",
    ]  # fmt: skip
    assert facts["Provider"] == "none was named"
    assert "My bank (bank USD)" in facts["Goes to"]
    assert facts["Holder of the account"] == "<strong>EXAMPLE, Alice</strong>"
    assert IBAN in facts["Account"]


def test_a_holder_with_another_name_is_noticed(site: Client, alice: Any, outgoing: Withdrawal) -> None:
    User.objects.filter(pk=alice.pk).update(full_name="Alice Example")
    ExternalWallet.objects.update(details={"iban": IBAN, "holder": "<Mallory>"})
    page = text(site, confirm_address(WITHDRAWALS, "approve", outgoing))
    assert "<strong>&lt;Mallory&gt;</strong>" in page
    assert "not the user&#x27;s name, Alice Example" in page
