"""Nobody decides about his own money, at any door: not his orders, notices, purchases, transactions or wallets."""

from typing import Any

import pytest
from django.test import Client

from catalog.models import Purchase
from payments.models import Deposit, Reversal, Transaction, Wallet, WebhookEvent, Withdrawal
from tests.support import recipes
from tests.support.admin_pages import DEPOSITS, TRANSACTIONS, WALLETS, WITHDRAWALS, confirm_address, staff_client
from tests.support.ledger import wallet_with
from tests.support.ledger_checks import nothing_changes
from tests.support.notices import credit
from tests.support.notices import refused_notice as refused_notice
from tests.support.orders import balance_and_held, deposit, settle, withdraw
from tests.support.purchases import a_product, bought, refund
from tests.support.rest import API, refused, signed_in

EVENTS = "/admin/payments/webhookevent/"
TOLD = "This is your own money"


@pytest.fixture
def admins_wallet(admin: Any) -> Wallet:
    return wallet_with(admin, "USD", "1000")


@pytest.fixture
def site(admin: Any) -> Client:
    return staff_client(admin)


def refused_page(site: Client, page: str, action: str, *targets: Any, **fields: str) -> None:
    """The page says why, and nothing changes in any table."""
    with nothing_changes():
        answer = site.post(confirm_address(page, action, *targets), {"reason": "mine", **fields})
    assert answer.status_code == 200
    assert TOLD in answer.content.decode()


@pytest.mark.parametrize("action", ["paid", "rejected"])
@pytest.mark.parametrize("name", ["deposits", "withdrawals"])
def test_an_admin_settles_no_order_of_his_own(
    admin: Any, site: Client, admins_wallet: Wallet, name: str, action: str
) -> None:
    order = (
        deposit(admin, admins_wallet)
        if name == "deposits"
        else withdraw(admin, admins_wallet, recipes.bank_account.make(owner=admin))
    )
    with nothing_changes():
        refused(settle(admin, name, order, action), 403, "own_order")
    kind, page = (Deposit, DEPOSITS) if name == "deposits" else (Withdrawal, WITHDRAWALS)
    refused_page(site, page, "approve" if action == "paid" else "reject", kind.objects.get(pk=order["id"]))


def test_an_order_stays_ones_own_in_another_role(alice: Any, service: Any) -> None:
    order = deposit(alice, wallet_with(alice, "USD", "1"))
    alice.take_role("service")
    alice.save()
    recipes.settlement_scope.make(service=alice)
    with nothing_changes():
        refused(settle(alice, "deposits", order), 403, "own_order")
    assert settle(service, "deposits", order).status_code == 200


def test_of_many_only_ones_own_is_refused(admin: Any, alice: Any, site: Client, admins_wallet: Wallet) -> None:
    mine, hers = deposit(admin, admins_wallet), deposit(alice, wallet_with(alice, "USD", "1"))
    both = Deposit.objects.filter(pk__in=(mine["id"], hers["id"]))
    answer = site.post(confirm_address(DEPOSITS, "approve", *both), {"reason": "all"}, follow=True)
    assert TOLD in answer.content.decode()
    assert dict(both.values_list("pk", "status")) == {mine["id"]: "pending", hers["id"]: "paid"}
    assert balance_and_held(admins_wallet) == ("1000", "0")


def test_an_admin_replays_no_notice_to_himself(admin: Any, alice: Any, site: Client) -> None:
    credit(alice, 4711)
    event = refused_notice(user_id=admin.pk, account=4711)
    with nothing_changes():
        refused(signed_in(admin).post(f"{API}/webhook-events/{event.pk}/replay"), 403, "own_order")
    refused_page(site, EVENTS, "replay", WebhookEvent.objects.get(pk=event.pk))


def test_an_admin_reverses_nothing_that_touched_his_wallet(
    admin: Any, alice: Any, site: Client, admins_wallet: Wallet
) -> None:
    hers = wallet_with(alice, "USD", "50")
    body = {"source": hers.pk, "destination": admins_wallet.pk, "amount": "5"}
    sent = signed_in(alice).post(f"{API}/transfers", body, headers={"Idempotency-Key": "a"}).json()
    came_in = Transaction.objects.get(postings__destination=admins_wallet, kind="deposit")
    for transaction in (came_in, Transaction.objects.get(pk=sent["transaction"])):
        with nothing_changes():
            body = {"reason": "mine"}
            refused(signed_in(admin).post(f"{API}/transactions/{transaction.pk}/reverse", body), 403, "own_order")
        refused_page(site, TRANSACTIONS, "reverse", transaction)
    assert not Reversal.objects.exists()


def test_an_admin_refunds_no_purchase_of_his_own(admin: Any, site: Client, admins_wallet: Wallet) -> None:
    purchase = Purchase.objects.get(pk=bought(admin, a_product(), admins_wallet)["id"])
    answer = refund(admin, purchase.pk)
    refused(answer, 403, "own_order")
    refused_page(site, "/admin/catalog/purchase/", "refund", purchase, refunded="0")
    assert Purchase.objects.get().refunded == 0


def test_an_admin_allows_himself_no_overdraft(admin: Any, site: Client, admins_wallet: Wallet) -> None:
    with nothing_changes():
        answer = signed_in(admin).patch(f"{API}/wallets/{admins_wallet.pk}", {"may_overdraw": True})
        refused(answer, 403, "own_order")
    refused_page(site, WALLETS, "allow-overdraft", admins_wallet)
