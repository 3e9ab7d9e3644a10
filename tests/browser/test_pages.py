"""The staff site and the documentation as a person sees them. Run by `make browser`."""

from collections.abc import Iterator
from typing import Any

import pytest

from payments.models import Provider, WebhookEvent
from tests.browser.conftest import Browser
from tests.support.ledger import book_transfer
from tests.support.notices import ALICES, BOBS, NOBODY, credit, refused_notice

pytestmark = pytest.mark.browser


@pytest.fixture
def story(committed_db: None, alice: Any, bob: Any) -> int:
    """Money has come in and moved on; one notice waits. Returns the id of the transfer."""
    credit(alice, ALICES, "25", external_id="7001")
    credit(bob, BOBS, "1", external_id="7002")
    refused_notice(user_id=NOBODY, account=303, external_id="7003")
    return book_transfer((ALICES, BOBS, "5"), reference="rent of May")


def test_staff_sees_what_there_is_to_see(story: int, staff: Browser, alice: Any) -> None:
    assert "Till" in staff.text("#site-name")
    for name in ("Users", "Wallets", "Transactions", "Webhook events", "Providers", "Currencies"):
        assert name in staff.text("#content")
    staff.open(f"/admin/accounts/user/{alice.pk}/change/")
    assert "20.00 USD" in staff.text(".till-wallets")
    staff.open("/admin/payments/wallet/?of=house&currency__code__exact=USD")
    assert "-26.00 USD" in staff.text("#result_list")
    staff.open("/admin/payments/transaction/")
    staff.press(f"#result_list a[href*='/{story}/']")
    postings = staff.text("#postings-group")
    for phrase in ("alice@example.com", "bob@example.com", "5.00 USD", "20.00 USD", "6.00 USD"):
        assert phrase in postings
    assert not staff.all("[name=_save]")
    assert (staff.complaints(), staff.elsewhere()) == ([], [])


def test_staff_finds_by_search_and_filter(story: int, staff: Browser) -> None:
    staff.open("/admin/payments/transaction/")
    staff.one("#searchbar").send_keys("7001")
    staff.press("#changelist-search [type=submit]")
    assert len(staff.all("#result_list tbody tr")) == 1
    staff.open("/admin/payments/webhookevent/")
    staff.one(".till-filters summary").click()
    staff.press("#changelist-filter a[href*='attention=yes']")
    assert [row.text for row in staff.all("#result_list tbody .field-id_of_provider")] == ["7003"]


def choose(staff: Browser, pk: int, action: str) -> str:
    """Tick one row of a list, run an action and give a reason; return what the page says."""
    staff.one(f"[name=_selected_action][value='{pk}']").click()
    staff.one(f"[name=action] option[value={action}]").click()
    staff.press("[name=index]")
    staff.one("#id_reason").send_keys("asked by phone")
    staff.press(".submit-row [type=submit]")
    return staff.text("#container")


def test_staff_disables_and_enables_a_user(staff: Browser, alice: Any) -> None:
    for action, message, active in (("disable", "Disabled.", False), ("enable", "Enabled.", True)):
        staff.open("/admin/accounts/user/")
        assert f"“alice@example.com”: {message}" in choose(staff, alice.pk, action)
        alice.refresh_from_db()
        assert alice.is_active is active
    assert (staff.complaints(), staff.elsewhere()) == ([], [])


def test_staff_replays_an_event(story: int, staff: Browser) -> None:
    event = WebhookEvent.objects.get(external_id="7003")
    staff.open("/admin/payments/webhookevent/?attention=yes")
    assert "There is no such user" in choose(staff, event.pk, "replay")


@pytest.fixture
def without_acme(committed_db: None) -> Iterator[None]:
    """Providers stay when the tables are emptied: this one goes."""
    yield
    Provider.objects.filter(slug="acme").delete()


def test_staff_rotates_a_secret_that_no_page_shows(without_acme: None, staff: Browser) -> None:
    staff.open("/admin/payments/provider/add/")
    for field, value in {"slug": "acme", "secret": "the-first-secret-of-acme-4711"}.items():
        staff.one(f"#id_{field}").send_keys(value)
    staff.one("#id_scheme option[value=sha1_colon]").click()
    staff.search(".field-currency", "USD")
    staff.press("[name=_continue]")
    staff.one("#id_secret").send_keys("the-second-secret-of-acme-0815")
    staff.press("[name=_continue]")
    assert "Being rotated" in staff.text(".field-rotating")
    assert "-secret-of-" not in staff.driver.page_source


def test_swagger_works_without_the_internet(browser: Browser) -> None:
    browser.open("/docs")
    browser.until(lambda: browser.one(".opblock-summary").is_displayed(), "nothing is drawn")
    browser.until(lambda: "/payment/webhook" in browser.driver.page_source, "an operation is missing")
    assert (browser.complaints(), browser.elsewhere()) == ([], [])


def test_the_page_of_other_services_addresses_works_without_the_internet(browser: Browser) -> None:
    browser.open("/docs/legacy")
    browser.until(lambda: browser.one(".opblock-summary").is_displayed(), "nothing is drawn")
    browser.until(lambda: "/service/transaction/deposit" in browser.driver.page_source, "an operation is missing")
    assert (browser.complaints(), browser.elsewhere()) == ([], [])


def test_redoc_works_without_the_internet(browser: Browser) -> None:
    """Its bundle would load a logo from elsewhere: the page forbids it, and the console says so."""
    browser.open("/redoc")
    browser.until(lambda: browser.one("[data-section-id]").is_displayed(), "nothing is drawn")
    browser.until(lambda: "/payment/webhook" in browser.driver.page_source, "an operation is missing")
    assert not [complaint for complaint in browser.complaints() if "has been blocked" not in complaint]
