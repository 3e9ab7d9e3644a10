"""Staff settles deposits and withdrawals as a person does it. Run by `make browser`."""

from typing import Any

import pytest

from payments.models import Deposit, Wallet, Withdrawal
from staff.formats import GROUP
from tests.browser.conftest import Browser
from tests.support import recipes
from tests.support.exchanges import store_rate
from tests.support.ledger import wallet_with
from tests.support.orders import balance_and_held, deposit, make_rule, withdraw
from tests.support.recipes import IBAN

pytestmark = pytest.mark.browser


@pytest.fixture
def wallet(committed_db: None, alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "1000")


@pytest.fixture
def story(alice: Any, admin: Any, wallet: Wallet) -> tuple[Deposit, Withdrawal]:
    """Two deposits wait, and a withdrawal, which holds 250 dollars; a rate is too old."""
    make_rule(admin, percent="1.5")
    make_rule(admin, "withdrawal", fixed="2.00")
    first = deposit(alice, wallet, "100.00", provider="sha1_colon")["id"]
    deposit(alice, wallet, "40.00")
    withdrawal = withdraw(
        alice, wallet, recipes.bank_account.make(owner=alice, details={"iban": IBAN, "holder": "Alice"}), "250.00"
    )["id"]
    store_rate(hours_old=200)
    return Deposit.objects.get(pk=first), Withdrawal.objects.get(pk=withdrawal)


def test_the_front_page_says_what_waits(story: tuple[Deposit, Withdrawal], staff: Browser) -> None:
    staff.open("/admin/")
    waiting = staff.text(".till-attention")
    for line in (
        "Deposits: pending: 2",
        "Withdrawals: pending: 1",
        "Exchange rates: stale: 1",
        "The oldest has waited",
    ):
        assert line in waiting
    staff.press(".till-attention a[href*='/deposit/']")
    assert [row.text for row in staff.all("#result_list tbody .field-amount_net")] == ["98.50 USD", "39.40 USD"]
    assert (staff.complaints(), staff.elsewhere()) == ([], [])


def test_staff_approves_a_deposit(story: tuple[Deposit, Withdrawal], staff: Browser, wallet: Wallet) -> None:
    order, _ = story
    staff.open(f"/admin/payments/deposit/{order.pk}/change/")
    staff.press(".object-tools a[href*=approve]")
    assert f"98.50 USD to wallet {wallet.pk} of alice@example.com; 1.50 USD commission." in staff.text(".till-affected")
    assert balance_and_held(wallet) == ("1000", "250")
    staff.one("#id_bank_reference").send_keys("NTRF 0042")
    staff.press(".submit-row [type=submit]")
    assert ": paid." in staff.text(".messagelist")
    assert balance_and_held(wallet) == ("1098.5", "250")
    assert "NTRF 0042" in staff.text(".field-bank_reference")
    assert not staff.all(".object-tools a[href*=approve]")
    staff.press(".field-booked_as a")
    assert f"1{GROUP}098.50 USD" in staff.text("#postings-group")
    staff.open("/admin/payments/deposit/")
    assert [row.text for row in staff.all("#result_list tbody .field-amount_asked")] == ["40.00 USD"]
    assert (staff.complaints(), staff.elsewhere()) == ([], [])


def test_staff_rejects_a_withdrawal_and_what_it_held_is_free(
    story: tuple[Deposit, Withdrawal], staff: Browser, wallet: Wallet
) -> None:
    _, withdrawal = story
    staff.open(f"/admin/payments/wallet/{wallet.pk}/change/")
    assert "250.00 USD" in staff.text(".field-held_now")
    staff.press(".field-holds a")
    assert IBAN in staff.text(".field-account")
    staff.press(".object-tools a[href*=reject]")
    assert "250.00 USD are free again" in staff.text(".till-affected")
    staff.one("#id_reason").send_keys("The name differs.")
    staff.press(".submit-row [type=submit]")
    assert ": rejected." in staff.text(".messagelist")
    assert "The name differs." in staff.text(".field-reason")
    withdrawal.refresh_from_db()
    assert (withdrawal.status, withdrawal.reason) == ("rejected", "The name differs.")
    staff.press(".field-of_wallet a")
    assert "0.00 USD" in staff.text(".field-held_now")
    assert not staff.all(".field-holds a")
    assert balance_and_held(wallet) == ("1000", "0")
    assert (staff.complaints(), staff.elsewhere()) == ([], [])


def test_staff_rejects_several_from_the_list(story: tuple[Deposit, Withdrawal], staff: Browser, wallet: Wallet) -> None:
    staff.open("/admin/payments/deposit/")
    staff.one("#action-toggle").click()
    staff.one("[name=action] option[value=reject]").click()
    staff.press("[name=index]")
    assert len(staff.all(".till-affected li")) == 2
    staff.one("#id_reason").send_keys("never arrived")
    staff.press(".submit-row [type=submit]")
    assert staff.text(".messagelist").count("rejected.") == 2
    assert "No deposit waits for a verdict." in staff.text(".till-empty")
    assert balance_and_held(wallet) == ("1000", "250")
    assert (staff.complaints(), staff.elsewhere()) == ([], [])


def test_staff_sets_a_rate_and_is_warned(story: tuple[Deposit, Withdrawal], staff: Browser) -> None:
    store_rate("EUR", "USD", "1.2")
    staff.open("/admin/payments/exchangerate/?age=stale")
    staff.press("#result_list tbody a")
    typed = staff.one("#id_rate")
    assert typed.get_attribute("value") == "0.9"
    typed.clear()
    typed.send_keys("0.95")
    staff.press("[name=_save]")
    assert "USD to EUR and back gains" in staff.text(".messagelist .warning")
    assert (staff.complaints(), staff.elsewhere()) == ([], [])


def test_staff_adds_a_commission_rule_for_a_currency_that_is_searched(staff: Browser) -> None:
    staff.open("/admin/payments/commissionrule/add/")
    staff.one("#id_operation option[value=transfer]").click()
    staff.search(".field-currency", "USD")
    staff.one("#id_percent").send_keys("0.5")
    staff.press("[name=_save]")
    assert [cell.text for cell in staff.all("#result_list .field-terms")] == ["0.5 %"]
    assert (staff.complaints(), staff.elsewhere()) == ([], [])
