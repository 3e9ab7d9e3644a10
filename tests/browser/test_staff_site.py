"""Staff's daily tool as a person uses it. Run by `make browser`."""

from decimal import Decimal
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from accounts.services import set_support
from catalog.models import Product, Purchase, Refund
from payments.models import Wallet
from tests.browser.conftest import PASSWORD, Browser
from tests.support.ledger import book_transfer
from tests.support.notices import ALICES, BOBS, NOBODY, credit, refused_notice
from tests.support.purchases import a_product, bought

pytestmark = pytest.mark.browser


@pytest.fixture
def story(committed_db: None, alice: Any, bob: Any) -> Purchase:
    """Money came in, moved and was spent; two notices wait. Returns what was bought."""
    credit(alice, ALICES, "250", external_id="7001")
    credit(bob, BOBS, "1", external_id="7002")
    refused_notice(user_id=NOBODY, account=303, external_id="7003")
    refused_notice(user_id=alice.pk, account=ALICES, amount="99", external_id="7001")
    book_transfer((ALICES, BOBS, "5"), reference="rent of May")
    a_product(title="Desk lamp", description="Warm light.", price=Decimal("59.00"), stock=40)
    purchase = bought(alice, a_product(title="Fountain pen"), Wallet.objects.get(pk=ALICES), quantity=2)
    return Purchase.objects.get(pk=purchase["id"])


def test_the_front_page_shows_how_things_stand(story: Purchase, staff: Browser) -> None:
    staff.open("/admin/")
    assert "The books were never checked." in staff.text(".till-books")
    assert "Webhook events: unmatched: 1" in staff.text(".till-attention")
    assert [figure.text.split(" (")[0] for figure in staff.all(".till-plot figcaption")] == [
        *("Credits 2", "Purchases 1", "Refunds 0"),
    ]
    for plot in staff.all(".till-plot svg"):
        assert plot.size["width"] > 150
        assert plot.find_elements(By.CSS_SELECTOR, "rect.till-ground")[13].is_displayed()
    staff.press(".till-attention a[href*=unmatched]")
    assert [row.text for row in staff.all("#result_list tbody .field-id_of_provider")] == ["7003"]
    assert (staff.complaints(), staff.elsewhere()) == ([], [])


def test_staff_disables_a_user_from_his_page_with_a_reason(story: Purchase, staff: Browser, alice: Any) -> None:
    staff.open(f"/admin/accounts/user/{alice.pk}/change/")
    assert "195.00 USD" in staff.text(".till-wallets")
    assert "rent of May" in staff.text(".field-latest_transactions")
    staff.press(".object-tools a[href*=disable]")
    assert "alice@example.com" in staff.text(".till-affected")
    staff.press(".submit-row [type=submit]")
    assert "This field is required." in staff.text(".errorlist")
    staff.one("#id_reason").send_keys("stolen phone")
    staff.press(".submit-row [type=submit]")
    assert "“alice@example.com”: Disabled." in staff.text(".messagelist")
    alice.refresh_from_db()
    assert not alice.is_active
    staff.press(".object-tools a[href*=history]")
    assert "Disabled. Reason: stolen phone" in staff.text("#change-history")
    assert (staff.complaints(), staff.elsewhere()) == ([], [])


def test_staff_changes_a_price_in_the_list(story: Purchase, staff: Browser) -> None:
    staff.open("/admin/catalog/product/?q=LAMP")
    price = staff.one("[name=form-0-price]")
    assert price.get_attribute("value") == "59.00"
    price.clear()
    price.send_keys("49.005")
    staff.press("[name=_save]")
    assert "The currency has 2 decimal places." in staff.text("#result_list")
    price = staff.one("[name=form-0-price]")
    price.clear()
    price.send_keys("49.50")
    staff.press("[name=_save]")
    assert "1 product was changed successfully." in staff.text(".messagelist")
    assert f"{Product.objects.get(title='Desk lamp').price:.2f}" == "49.50"
    assert (staff.complaints(), staff.elsewhere()) == ([], [])


def test_staff_adds_a_product_with_a_currency_that_is_searched(story: Purchase, staff: Browser) -> None:
    staff.open("/admin/catalog/product/add/")
    staff.one("#id_title").send_keys("Ink")
    staff.one("#id_price").send_keys("7.50")
    staff.search(".field-currency", "USD")
    staff.press("[name=_save]")
    assert Product.objects.get(title="Ink").currency_id == "USD"
    assert (staff.complaints(), staff.elsewhere()) == ([], [])


def test_staff_refunds_a_part_of_a_purchase(story: Purchase, staff: Browser) -> None:
    staff.open(f"/admin/catalog/purchase/{story.pk}/change/")
    staff.press(".object-tools a[href*=refund]")
    assert "50.00 USD paid from wallet" in staff.text(".till-affected")
    staff.one("#id_amount").send_keys("60")
    staff.one("#id_reason").send_keys("one of two was broken")
    staff.press(".submit-row [type=submit]")
    assert "50.00 of the purchase is left to refund." in staff.text(".field-amount .errorlist")
    amount = staff.one("#id_amount")
    amount.clear()
    amount.send_keys("25.00")
    staff.press(".submit-row [type=submit]")
    assert "25.00 USD refunded." in staff.text(".messagelist")
    assert "one of two was broken" in staff.text("#refunds-group")
    assert Refund.objects.count() == 1
    assert (staff.complaints(), staff.elsewhere()) == ([], [])


def test_support_looks_and_is_offered_nothing_else(story: Purchase, browser: Browser, bob: Any, alice: Any) -> None:
    bob.set_password(PASSWORD)
    bob.save()
    set_support(user_id=bob.pk, on=True)
    browser.open("/admin/")
    browser.one("#id_username").send_keys(bob.email)
    browser.one("#id_password").send_keys(PASSWORD)
    browser.press("[type=submit]")
    assert "Needs attention" in browser.text(".till-attention")
    for path in ("accounts/user/", f"accounts/user/{alice.pk}/change/", f"catalog/purchase/{story.pk}/change/"):
        browser.open(f"/admin/{path}")
        assert "alice@example.com" in browser.text("#content")
        assert not browser.all("#content [name=_save], #content [name=action], #content .till-do")
    assert (browser.complaints(), browser.elsewhere()) == ([], [])
