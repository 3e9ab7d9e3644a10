"""/admin: a user's page begins with their money, and with what waits for somebody."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from payments.models import Wallet
from tests.support import recipes
from tests.support.admin_pages import staff_client, text
from tests.support.ledger import book_transfer, wallet_with
from tests.support.notices import BOBS, credit, refused_notice
from tests.support.orders import deposit, withdraw


@pytest.fixture
def site(admin: Any) -> Client:
    return staff_client(admin)


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "1234567")


def page_of(site: Client, user: User) -> str:
    return text(site, f"/admin/accounts/user/{user.pk}/change/").partition('id="content"')[2]


def test_wallets_come_first_then_rights_and_history(site: Client, alice: User, wallet: Wallet) -> None:
    withdraw(alice, wallet, recipes.bank_account.make(owner=alice), "234567")
    page = page_of(site, alice).replace("\u202f", " ")
    places = [page.index(mark) for mark in ("till-wallets", "till-waiting", "id_email", "id_role")]
    assert places == sorted(places)
    row = page.partition('class="till-wallets"')[2].partition("</table>")[0]
    for phrase in (f"/wallet/{wallet.pk}/", "1 234 567.00 USD", "234 567.00 USD", "1 000 000.00 USD"):
        assert phrase in row


def test_what_waits_is_listed_with_its_page(site: Client, alice: User, bob: User, wallet: Wallet) -> None:
    assert "Nothing of this user" in page_of(site, alice)
    ids = [deposit(alice, wallet)["id"], withdraw(alice, wallet, recipes.bank_account.make(owner=alice))["id"]]
    credit(bob, BOBS)
    refused_notice(user_id=alice.pk, account=BOBS, amount="7", external_id="7003")
    waiting = page_of(site, alice).partition('class="till-waiting"')[2].partition("</table>")[0]
    assert waiting.count("<tr>") == 1 + 3
    for phrase in (f"/deposit/{ids[0]}/", f"/withdrawal/{ids[1]}/", "sha1_colon 7003", "ago"):
        assert phrase in waiting
    assert "Nothing of this user" in page_of(site, bob)


@pytest.mark.parametrize("rights", [["view_user"], ["view_user", "view_wallet"]])
def test_money_is_for_those_who_may_look_at_all_of_it(
    alice: User, mallory: User, wallet: Wallet, rights: list[str]
) -> None:
    User.objects.filter(pk=mallory.pk).update(is_staff=True)
    mallory.user_permissions.add(*Permission.objects.filter(codename__in=rights))
    page = page_of(staff_client(mallory), alice)
    assert alice.email in page
    assert "till-wallets" not in page
    assert "till-latest" not in page


def test_the_other_side_is_named_in_the_language_of_staff(site: Client, alice: User, bob: Any, wallet: Wallet) -> None:
    theirs = wallet_with(bob, "USD", "1")
    book_transfer((wallet.pk, theirs.pk, "5"))
    page = site.get(f"/admin/accounts/user/{alice.pk}/change/", headers={"accept-language": "ru"}).content.decode()
    assert f">кошелёк {theirs.pk}</a>" in page
    assert f">wallet {theirs.pk}</a>" not in page
