"""/admin: deposits and withdrawals, approved and rejected once; what is held; what is reversed."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.services import set_support
from payments.models import Deposit, ExternalWallet, Transaction, Wallet, Withdrawal
from payments.orders import services as orders
from payments.orders.services.external_wallets import add_external_wallet
from tests.support import recipes
from tests.support.admin_pages import (
    DEPOSITS,
    EXTERNALS,
    TRANSACTIONS,
    WALLETS,
    WITHDRAWALS,
    confirm,
    confirm_address,
    listed,
    staff_client,
    staff_log_of,
    text,
)
from tests.support.exchanges import store_rate
from tests.support.ledger import book_transfer, clearing_wallet, postings, wallet_with
from tests.support.ledger_checks import assert_ledger_balances
from tests.support.orders import (
    balance_and_held,
    deposit,
    make_rule,
    stored_deposit,
    stored_withdrawal,
    withdraw,
)
from tests.support.recipes import IBAN


@pytest.fixture
def site(admin: Any) -> Client:
    return staff_client(admin)


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "1000")


@pytest.fixture
def bank(alice: Any) -> ExternalWallet:
    return recipes.bank_account.make(owner=alice)


@pytest.fixture
def incoming(alice: Any, admin: Any, wallet: Wallet) -> Deposit:
    """100 dollars, of which 1.50 are commission."""
    make_rule(admin, percent="1.5")
    return stored_deposit(deposit(alice, wallet))


@pytest.fixture
def outgoing(alice: Any, admin: Any, wallet: Wallet, bank: ExternalWallet) -> Withdrawal:
    """100 dollars, of which 2 are commission."""
    make_rule(admin, "withdrawal", fixed="2.00")
    return stored_withdrawal(withdraw(alice, wallet, bank))


# --- the queue ------------------------------------------------------------------------------------------------


@pytest.fixture
def several(alice: Any, service: Any, wallet: Wallet) -> list[int]:
    """Three deposits: two wait, the one between them is rejected."""
    withdrawal = [deposit(alice, wallet)["id"] for _ in range(3)]
    orders.settle_deposit(deposit_id=withdrawal[1], settlement="rejected", by=service, reason="Declined.")
    return withdrawal


def test_the_order_list_begins_with_what_waits_the_longest(site: Client, several: list[int]) -> None:
    first, rejected, last = several
    assert listed(site, DEPOSITS) == [first, last]
    assert listed(site, DEPOSITS, status="all") == [last, rejected, first]
    assert listed(site, DEPOSITS, status="rejected") == [rejected]
    assert listed(site, DEPOSITS, status="paid") == []
    assert site.get(DEPOSITS, {"status": "nonsense"}).status_code == 302


def test_the_order_list_finds_orders_whatever_their_status(
    site: Client, several: list[int], alice: Any, wallet: Wallet
) -> None:
    newest_first = several[::-1]
    for term in (str(wallet.pk), str(alice.pk), "alice@"):
        assert [pk for pk in listed(site, DEPOSITS, q=term) if pk in several] == newest_first, term
    assert several[1] in listed(site, DEPOSITS, q=str(several[1]))
    for term in ("bob@", str(2**63), "' OR 1=1 --"):
        assert listed(site, DEPOSITS, q=term) == [], term


def test_the_order_list_is_narrowed_by_currency_provider_and_time(site: Client, alice: Any, wallet: Wallet) -> None:
    theirs = deposit(alice, wallet, provider="sha1_colon")["id"]
    other = deposit(alice, wallet)["id"]
    provider = Deposit.objects.get(pk=theirs).provider
    assert provider is not None
    assert listed(site, DEPOSITS, provider__id__exact=str(provider.pk)) == [theirs]
    assert listed(site, DEPOSITS, currency__code__exact="USD", period="today") == [theirs, other]
    assert listed(site, DEPOSITS, currency__code__exact="EUR") == []


@pytest.mark.parametrize("page", [DEPOSITS, WITHDRAWALS, EXTERNALS])
def test_a_list_costs_the_same_however_long_it_is(page: str, site: Client, alice: Any, wallet: Wallet) -> None:
    def cost_with(more: int) -> int:
        for _ in range(more):
            deposit(alice, wallet, "1.00")
            withdraw(alice, wallet, recipes.bank_account.make(owner=alice), "1.00")
        with CaptureQueriesContext(connection) as captured:
            text(site, page)
        return len(captured)

    cost_with(2)
    assert cost_with(0) == cost_with(10) <= 8


def test_the_front_page_counts_what_waits_and_says_since_when(
    site: Client, several: list[int], outgoing: Withdrawal, mallory: Any
) -> None:
    store_rate(hours_old=200)
    page = text(site, "/admin/")
    for phrase in ("Deposits: pending: <strong>2</strong>", "Withdrawals: pending: <strong>1</strong>"):
        assert phrase in page
    assert page.count("The oldest has waited for 0\xa0minutes.") == 2
    assert "Exchange rates: stale: <strong>1</strong>" in page
    assert f"{DEPOSITS}?status=pending" in page
    User.objects.filter(pk=mallory.pk).update(is_staff=True)
    mallory.user_permissions.add(Permission.objects.get(codename="view_withdrawal"))
    page = text(staff_client(mallory), "/admin/")
    assert "Withdrawals: pending" in page
    assert "Deposits: pending" not in page
    assert "Exchange rates" not in page


# --- deposits -------------------------------------------------------------------------------------------------


def test_the_page_says_what_will_happen_before_it_does(site: Client, incoming: Deposit, wallet: Wallet) -> None:
    page = text(site, confirm_address(DEPOSITS, "approve", incoming))
    assert f"98.50 USD to wallet {wallet.pk} of alice@example.com; 1.50 USD commission." in page
    page = text(site, f"{DEPOSITS}{incoming.pk}/change/")
    for phrase in ("Approve…", "Reject…", "100.00 USD", "1.50 USD", "98.50 USD", "alice@example.com"):
        assert phrase in page
    assert f"/admin/payments/wallet/{wallet.pk}/change/" in page
    assert "_save" not in page
    assert balance_and_held(wallet) == ("1000", "0")


def test_what_staff_approve_is_booked_with_its_commission(
    site: Client, admin: Any, incoming: Deposit, wallet: Wallet
) -> None:
    assert "paid." in confirm(site, DEPOSITS, "approve", incoming)
    incoming.refresh_from_db()
    assert (incoming.status, incoming.settled_by, incoming.reason) == ("paid", admin, "")
    assert [amount for _, _, amount in postings(incoming.transaction_id)] == ["100", "1.5"]
    assert balance_and_held(wallet) == ("1098.5", "0")
    assert staff_log_of(incoming) == ["Settled: paid. Reason: seen on the statement"]
    page = text(site, f"{DEPOSITS}{incoming.pk}/change/")
    assert f"/admin/payments/transaction/{incoming.transaction_id}/change/" in page
    assert "Approve…" not in page
    assert_ledger_balances()


def test_the_same_form_sent_twice_books_once(site: Client, incoming: Deposit, wallet: Wallet) -> None:
    confirm(site, DEPOSITS, "approve", incoming)
    assert "was paid already; nothing moved." in confirm(site, DEPOSITS, "approve", incoming)
    assert balance_and_held(wallet) == ("1098.5", "0")
    assert len(staff_log_of(incoming)) == 1


def test_another_verdict_is_refused_and_the_form_says_so(site: Client, incoming: Deposit, wallet: Wallet) -> None:
    confirm(site, DEPOSITS, "approve", incoming)
    assert "was paid already; nothing will move." in text(site, confirm_address(DEPOSITS, "reject", incoming))
    assert "The order was paid already." in confirm(site, DEPOSITS, "reject", incoming)
    assert balance_and_held(wallet) == ("1098.5", "0")
    assert len(staff_log_of(incoming)) == 1


def test_what_would_not_fit_the_ledger_stays_pending(
    site: Client, admin: Any, incoming: Deposit, wallet: Wallet
) -> None:
    book_transfer((clearing_wallet(), wallet.pk, str(10**28 - 1 - 1000)), kind="deposit")
    assert "more digits than the ledger keeps" in confirm(site, DEPOSITS, "approve", incoming)
    incoming.refresh_from_db()
    assert incoming.status == "pending"
    assert not staff_log_of(incoming)


def test_many_are_approved_at_once_and_each_refusal_is_told(
    site: Client, alice: Any, several: list[int], wallet: Wallet
) -> None:
    answer = site.post(DEPOSITS, {"action": "approve", "_selected_action": several[:1] + several[2:]})
    assert answer.status_code == 302
    chosen = list(Deposit.objects.filter(pk__in=several).order_by("pk"))
    page = confirm(site, DEPOSITS, "approve", *chosen)
    assert page.count("”: paid.") == 2
    assert "The order was rejected already." in page
    assert balance_and_held(wallet) == ("1200", "0")
    assert_ledger_balances()


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201, "a\u202eb"])
def test_nothing_is_rejected_without_a_reason(site: Client, incoming: Deposit, wallet: Wallet, reason: str) -> None:
    assert "Nothing was done." in confirm(site, DEPOSITS, "reject", incoming, reason=reason)
    incoming.refresh_from_db()
    assert (incoming.status, balance_and_held(wallet)) == ("pending", ("1000", "0"))


def test_the_usual_verdict_needs_no_reason(site: Client, incoming: Deposit, wallet: Wallet) -> None:
    assert "paid." in confirm(site, DEPOSITS, "approve", incoming, reason="")
    assert staff_log_of(incoming) == ["Settled: paid."]
    assert balance_and_held(wallet) == ("1098.5", "0")


def test_a_right_that_was_given_by_hand_does_not_settle(incoming: Deposit, bob: Any, wallet: Wallet) -> None:
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    bob.user_permissions.add(*Permission.objects.filter(codename__in=["view_deposit", "change_deposit"]))
    assert "Only admins give a verdict here." in confirm(staff_client(bob), DEPOSITS, "approve", incoming)
    assert balance_and_held(wallet) == ("1000", "0")


# --- withdrawals and what they hold ---------------------------------------------------------------------------


def test_a_withdrawal_shows_where_it_goes(site: Client, alice: Any, outgoing: Withdrawal, wallet: Wallet) -> None:
    page = text(site, f"{WITHDRAWALS}{outgoing.pk}/change/")
    for phrase in (IBAN, "My bank (bank USD)", "98.00 USD", "2.00 USD"):
        assert phrase in page
    assert f"from wallet {wallet.pk} of alice@example.com to My bank (bank USD): iban {IBAN}" in text(
        site, confirm_address(WITHDRAWALS, "approve", outgoing)
    )


def test_of_a_card_there_is_only_the_tail(site: Client, alice: Any, wallet: Wallet) -> None:
    card = add_external_wallet(
        owner_id=alice.pk,
        label="Card",
        currency="USD",
        kind="card",
        details={"last4": "4242", "holder": "<b>Alice</b>"},
    )
    withdrawal = stored_withdrawal(withdraw(alice, wallet, card))
    for page in (f"{WITHDRAWALS}{withdrawal.pk}/change/", f"{EXTERNALS}{card.pk}/change/"):
        page_text = text(site, page)
        assert "**** 4242" in page_text
        assert "&lt;b&gt;Alice" in page_text


def test_what_is_approved_leaves_the_wallet_and_the_hold_is_gone(
    site: Client, outgoing: Withdrawal, wallet: Wallet
) -> None:
    assert balance_and_held(wallet) == ("1000", "100")
    confirm(site, WITHDRAWALS, "approve", outgoing)
    assert balance_and_held(wallet) == ("900", "0")
    assert "was paid already; nothing moved." in confirm(site, WITHDRAWALS, "approve", outgoing)
    assert balance_and_held(wallet) == ("900", "0")
    assert_ledger_balances()


def test_what_is_rejected_is_free_again_and_its_owner_reads_why(
    site: Client, outgoing: Withdrawal, wallet: Wallet
) -> None:
    assert "rejected." in confirm(site, WITHDRAWALS, "reject", outgoing, reason="The name differs.")
    outgoing.refresh_from_db()
    assert (outgoing.status, outgoing.reason) == ("rejected", "The name differs.")
    assert balance_and_held(wallet) == ("1000", "0")
    assert staff_log_of(outgoing) == ["Settled: rejected. Reason: The name differs."]
    assert_ledger_balances()


# --- who may --------------------------------------------------------------------------------------------------


@pytest.fixture
def addresses(incoming: Deposit, outgoing: Withdrawal, wallet: Wallet) -> list[str]:
    came_in = Transaction.objects.filter(kind="deposit").earliest("pk")
    return [
        *(confirm_address(DEPOSITS, action, incoming) for action in ("approve", "reject")),
        *(confirm_address(WITHDRAWALS, action, outgoing) for action in ("approve", "reject")),
        *(confirm_address(WALLETS, action, wallet) for action in ("allow-overdraft", "stop-overdraft")),
        confirm_address(TRANSACTIONS, "reverse", came_in),
    ]


def test_support_looks_and_gives_no_verdict(addresses: list[str], bob: Any, wallet: Wallet) -> None:
    support = staff_client(set_support(user_id=bob.pk, on=True))
    for path in addresses:
        assert support.post(path, {"reason": "please"}).status_code == 403, path
        assert support.get(path).status_code == 403, path
    assert support.post(DEPOSITS, {"action": "approve", "_selected_action": ["1"]}).status_code == 403
    assert len(listed(support, DEPOSITS)) == len(listed(support, WITHDRAWALS)) == 1
    assert balance_and_held(wallet) == ("1000", "100")


def test_mallory_gives_no_verdict(addresses: list[str], mallory: Any, service: Any, wallet: Wallet) -> None:
    for somebody in (mallory, service):
        for path in addresses:
            assert staff_client(somebody).post(path, {"reason": "mine"}).status_code == 302, path
    assert balance_and_held(wallet) == ("1000", "100")


@pytest.mark.parametrize("path", ["add/", "{}/delete/", "{}/change/"])
def test_an_order_is_not_written_by_hand(site: Client, incoming: Deposit, outgoing: Withdrawal, path: str) -> None:
    before = [*Deposit.objects.values(), *Withdrawal.objects.values()]
    for page, order in ((DEPOSITS, incoming), (WITHDRAWALS, outgoing)):
        forged = {"status": "paid", "amount": "1", "post": "yes", "settled_at_0": str(timezone.now().date())}
        assert site.post(f"{page}{path.format(order.pk)}", forged).status_code == 403
    assert [*Deposit.objects.values(), *Withdrawal.objects.values()] == before
    assert before[0]["amount"] == Decimal(100)


def test_who_disables_a_user_and_who_pays_him_out_see_it(alice: Any, site: Client, wallet: Wallet) -> None:
    withdrawal = Withdrawal.objects.get(
        pk=withdraw(alice, wallet, recipes.bank_account.make(owner=alice), "40.00")["id"]
    )
    page = site.get(f"/admin/accounts/user/disable/?id={alice.pk}").content.decode()
    assert "1 pending withdrawal of 40.00 USD. It stays" in page
    assert "The owner is disabled" not in site.get(confirm_address(WITHDRAWALS, "approve", withdrawal)).content.decode()
    site.post(f"/admin/accounts/user/disable/?id={alice.pk}", {"reason": "fraud"})
    assert "The owner is disabled" in site.get(confirm_address(WITHDRAWALS, "approve", withdrawal)).content.decode()
    assert "alice@example.com (disabled)" in site.get(WITHDRAWALS).content.decode()
