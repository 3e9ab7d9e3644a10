"""The staff site for everybody: axe-core on each kind of page, the keyboard alone, and narrow and wide windows."""

from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from catalog.models import Product, Purchase
from payments.models import CommissionRule, Deposit, ExchangeRate, Provider, WebhookEvent, Withdrawal
from tests.browser.accessibility import serious_faults, set_theme
from tests.browser.conftest import Browser, is_gone, sign_in
from tests.support import staff_site
from tests.support.admin_pages import DEPOSITS, WITHDRAWALS, confirm_address
from tests.support.staff_site import MODEL_ADMINS, url

pytestmark = pytest.mark.browser

#: What is wider than its frame: what a page shows beside its right edge, and does not scroll by itself.
_TOO_WIDE = """
const edge = document.documentElement.clientWidth + 1;
const own = element => ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(element).overflowX);
const scrolls = element => element && (own(element) || scrolls(element.parentElement));
return [...document.querySelectorAll("#container *")]
    .filter(element => element.getBoundingClientRect().right > edge && element.getBoundingClientRect().width > 0)
    .filter(element => !element.closest(".visually-hidden, .select2-container") && !scrolls(element.parentElement))
    .map(element => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`);
"""


@pytest.fixture
def story(committed_db: None, alice: Any, admin: Any) -> dict[type, Any]:
    return staff_site.every_object(alice, admin)


def each_kind_of_page(story: dict[type, Any], alice: Any) -> list[str]:
    changes = [url(model, "change", story[model].pk) for model in (Withdrawal, WebhookEvent, Product, Purchase)]
    return [
        *("/admin/", "/admin/search/?q=nothing", "/admin/password_change/", WITHDRAWALS, url(Product, "changelist")),
        *(url(type(alice), "change", alice.pk), url(type(alice), "history", alice.pk), *changes),
        *(url(type(alice), "add"), url(CommissionRule, "add")),
        confirm_address(WITHDRAWALS, "approve", story[Withdrawal]),
    ]


def every_page(story: dict[type, Any]) -> list[str]:
    """The list of each model, and the page of an object in each."""
    lists = [url(model, "changelist") for model in MODEL_ADMINS]
    adding = [url(model, "add") for model in (Provider, ExchangeRate)]
    return [*lists, *adding, *(url(model, "change", row.pk) for model, row in story.items() if row)]


def faults_of(browser: Browser, pages: list[str]) -> dict[str, list[str]]:
    faults = {}
    for page in pages:
        browser.open(page)
        if serious := serious_faults(browser):
            faults[page] = serious
    return faults


def test_no_kind_of_page_has_a_serious_fault(story: dict[type, Any], alice: Any, browser: Browser, admin: Any) -> None:
    assert faults_of(browser, ["/admin/login/"]) == {}
    sign_in(browser, admin)
    assert faults_of(browser, each_kind_of_page(story, alice)) == {}


@pytest.mark.torture
def test_no_page_at_all_has_a_serious_fault(story: dict[type, Any], staff: Browser) -> None:
    assert faults_of(staff, every_page(story)) == {}


# --- the keyboard alone -----------------------------------------------------------------------------------------------


def press_key(browser: Browser, *keys: str) -> None:
    ActionChains(browser.driver).send_keys(*keys).perform()


def tab_to(browser: Browser, css: str) -> None:
    """Press Tab until the focus is there, where everybody sees it."""
    for _ in range(150):
        press_key(browser, Keys.TAB)
        focus = browser.driver.switch_to.active_element
        if browser.driver.execute_script("return arguments[0].matches(arguments[1])", focus, css):
            style = browser.driver.execute_script("return {...getComputedStyle(arguments[0])}.outlineStyle", focus)
            assert style != "none", f"nobody sees the focus on {css}"
            return
    pytest.fail(f"Tab does not lead to {css}")


def enter(browser: Browser, css: str) -> None:
    tab_to(browser, css)
    page = browser.one("html")
    press_key(browser, Keys.ENTER)
    browser.until(lambda: is_gone(page), f"nothing came of Enter on {css}")
    browser.until(lambda: browser.driver.execute_script("return document.readyState") == "complete", "half a page")


def test_staff_approve_with_the_keyboard_alone(story: dict[type, Any], staff: Browser) -> None:
    enter(staff, ".till-attention a[href*='/withdrawal/']")
    enter(staff, "#result_list a[href*='/approve/']")
    tab_to(staff, "#id_bank_reference")
    press_key(staff, "NTRF 0042")
    enter(staff, ".submit-row [type=submit]")
    assert ": paid." in staff.text(".messagelist")
    withdrawal = Withdrawal.objects.get(pk=story[Withdrawal].pk)
    assert (withdrawal.status, withdrawal.bank_reference) == ("paid", "NTRF 0042")


# --- every width ---------------------------------------------------------------------------------------------------


WIDTHS = (390, 1280, 1440)


def test_nothing_is_wider_than_its_frame(story: dict[type, Any], alice: Any, staff: Browser) -> None:
    pages = ["/admin/", confirm_address(DEPOSITS, "approve", story[Deposit]), "/admin/search/?q=nothing"]
    pages += [url(type(alice), "change", alice.pk), url(Withdrawal, "change", story[Withdrawal].pk)]
    too_wide = {}
    try:
        for page in pages:
            staff.open(page)
            set_theme(staff, "dark")
            too_wide[page] = {width: wider_than_its_frame(staff, width) for width in WIDTHS}
    finally:
        staff.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert too_wide == {page: {width: [] for width in WIDTHS} for page in pages}


def wider_than_its_frame(browser: Browser, width: int) -> Any:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    return browser.driver.execute_script(_TOO_WIDE)
