"""/admin: one search over ids, emails, references and providers' ids."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.services import set_support
from payments.models import Transaction, Wallet
from tests.support.admin_pages import staff_client
from tests.support.ledger import wallet_with
from tests.support.notices import ALICES, credit
from tests.support.orders import deposit, settle

SEARCH = "/admin/search/"


@pytest.fixture
def site(admin: User) -> Client:
    return staff_client(admin)


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "1000")


def leads_to(site: Client, term: Any) -> str:
    answer = site.get(SEARCH, {"q": term})
    assert answer.status_code == 302, answer.content
    return str(answer["Location"])


def titles(site: Client, term: Any) -> list[str]:
    return [group.title for group in site.get(SEARCH, {"q": term}).context["groups"]]


def test_an_email_leads_to_its_user(site: Client, alice: User) -> None:
    for term in ("alice@example.com", "  ALICE@example.com "):
        assert leads_to(site, term) == f"/admin/accounts/user/{alice.pk}/change/"


def test_references_of_clients_and_banks_lead_to_their_order(
    site: Client, alice: Any, service: Any, wallet: Wallet
) -> None:
    order = deposit(alice, wallet, reference="INV-7")
    settle(service, "deposits", order, bank_reference="NTRF 0042")
    for term in ("INV-7", "NTRF 0042"):
        assert leads_to(site, term) == f"/admin/payments/deposit/{order['id']}/change/"


def test_a_providers_id_leads_to_its_notice_and_its_transaction(site: Client, alice: User) -> None:
    credit(alice, ALICES, "5", external_id="pay_7001")
    assert titles(site, "pay_7001") == ["webhook events", "transactions"]


def test_a_number_is_any_id(site: Client, alice: User, wallet: Wallet) -> None:
    assert titles(site, alice.pk) == ["users", "wallets"]
    booked = Transaction.objects.latest("pk")
    assert "transactions" in titles(site, booked.pk)
    page = site.get(SEARCH, {"q": booked.pk}).content.decode()
    assert f"/admin/payments/transaction/{booked.pk}/change/" in page


@pytest.mark.parametrize("term", ["nobody@example.com", "' OR 1=1 --", "%", "<b>", str(2**63), "-1", "alice"])
def test_what_nothing_has_is_said(site: Client, alice: User, term: str) -> None:
    page = site.get(SEARCH, {"q": term}).content.decode()
    assert "Nothing has" in page
    assert "<b>" not in page


def test_of_many_the_newest_are_shown(site: Client, alice: Any, wallet: Wallet) -> None:
    ids = [deposit(alice, wallet, "1.00", reference="monthly")["id"] for _ in range(11)]
    [group] = site.get(SEARCH, {"q": "monthly"}).context["groups"]
    assert [hit.url.split("/")[-3] for hit in group.hits] == [str(pk) for pk in ids[:0:-1]]
    assert group.has_more


def test_a_search_has_a_cost_that_does_not_grow_and_a_length(site: Client, alice: Any, wallet: Wallet) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            site.get(SEARCH, {"q": "monthly"})
        return len(captured)

    deposit(alice, wallet, "1.00", reference="monthly")
    deposit(alice, wallet, "1.00", reference="monthly")
    before = cost()
    for _ in range(10):
        deposit(alice, wallet, "1.00", reference="monthly")
    assert cost() == before
    page = site.get(SEARCH, {"q": "a" * 5000}).content.decode()
    assert "Only the first 200 characters were looked for." in page


def test_everybody_finds_what_they_may_look_at(site: Client, alice: User, bob: User, mallory: User) -> None:
    support = staff_client(set_support(user_id=bob.pk, on=True))
    assert leads_to(support, alice.email).endswith(f"/{alice.pk}/change/")
    assert site.post(SEARCH, {"q": alice.email}).status_code == 405
    assert staff_client(mallory).get(SEARCH, {"q": alice.email})["Location"].startswith("/admin/login/")
    User.objects.filter(pk=mallory.pk).update(is_staff=True)
    mallory.user_permissions.add(Permission.objects.get(codename="view_wallet"))
    assert titles(staff_client(mallory), alice.email) == []


def test_every_page_has_the_search(site: Client, alice: User) -> None:
    for page in ("/admin/", "/admin/payments/deposit/", f"/admin/accounts/user/{alice.pk}/change/", SEARCH):
        assert f'role="search" action="{SEARCH}"' in site.get(page).content.decode()
    assert 'role="search"' not in Client().get("/admin/login/").content.decode()
