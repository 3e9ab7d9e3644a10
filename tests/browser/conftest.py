"""A real Chromium, empty and offline in all but the address under test."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import pytest
from pytest_django.plugin import DjangoDbBlocker
from selenium import webdriver
from selenium.common.exceptions import NoAlertPresentException, StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.support.live import LiveTill

PASSWORD = "correct horse 42"
WAIT_SECONDS = 60  # for a machine that is busy with other things; what is there is not waited for
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1400,1000"),
)

Result = TypeVar("Result")


class Browser:
    """What a person does: open, read, type, press. Waits for what has to appear."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, path: str) -> None:
        self.driver.get(f"{self.url}{path}")

    def until(self, holds: Callable[[], Result | None], message: str) -> Result:
        """Ask again and again, as the page may be changing under the question."""
        patient = WebDriverWait(self.driver, WAIT_SECONDS, ignored_exceptions=[StaleElementReferenceException])
        return patient.until(lambda _: holds() or False, message)

    def one(self, css: str) -> WebElement:
        return self.until(lambda: next(iter(self.all(css)), None), f"there is no {css}")

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css: str = "body") -> str:
        return self.one(css).text

    def press(self, css: str) -> None:
        """Click what leads to another page, and wait until that one is there as a whole."""
        page = self.one("html")
        self.one(css).click()
        self.until(lambda: is_gone(page), f"nothing came of pressing {css}")
        self.until(lambda: self.driver.execute_script("return document.readyState") == "complete", "half a page")

    def search(self, field: str, wanted: str) -> None:
        """Choose in a field that searches as one types: "Searching…" and what fewer letters found are no answers."""
        self.one(f"{field} .select2-selection").click()
        self.one(".select2-search__field").send_keys(wanted)

        def chosen() -> bool:
            offered = self.all(".select2-results__option[aria-selected]")
            if len(offered) == 1 and wanted in offered[0].text:
                offered[0].click()
            return wanted in self.text(f"{field} .select2-selection__rendered")

        self.until(chosen, f"{field} does not offer {wanted}")

    def complaints(self) -> list[str]:
        """What the console has said, from warnings on; that browsers look for an icon is no fault of a page."""
        messages = [entry["message"] for entry in self._log("browser") if entry["level"] in ("WARNING", "SEVERE")]
        return [message for message in messages if "/favicon.ico" not in message]

    def elsewhere(self) -> list[str]:
        """The addresses outside of Till that pages have asked for; the browser's own pages are no such."""
        events = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return [
            url
            for url in urls
            if not url.startswith((self.url, "data:", "blob:", "about:", "chrome:", "chrome-untrusted:"))
        ]

    def _log(self, name: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.get_log(name)  # type: ignore[no-untyped-call]  # selenium's gap
        return entries


def is_gone(element: WebElement) -> bool:
    try:
        element.is_enabled()
    except WebDriverException:
        return True
    return False


@pytest.fixture(scope="module")
def shared_till(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[LiveTill]:
    """One served Till for a file's tests: a start for each would take longer than the test."""
    with django_db_blocker.unblock():
        till = LiveTill()
        till.start()
    yield till
    till.stop()


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    program, driver_program = shutil.which("chromium"), shutil.which("chromedriver")
    assert program, "install chromium"
    assert driver_program, "install chromedriver"
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_program))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def browser(shared_till: LiveTill, chromium: webdriver.Chrome, committed_db: None) -> Iterator[Browser]:
    """One tab of one Chromium; later it has forgotten the test: cookies, storage, cache and what it has logged."""
    browser = Browser(chromium, shared_till.url)
    yield browser
    with suppress(NoAlertPresentException):  # nothing else can be done while one is open
        chromium.switch_to.alert.dismiss()
    first, *others = chromium.window_handles
    for window in others:
        chromium.switch_to.window(window)
        chromium.close()
    chromium.switch_to.window(first)
    chromium.get("about:blank")
    chromium.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": shared_till.url, "storageTypes": "all"})
    chromium.execute_cdp_cmd("Network.clearBrowserCache", {})
    browser.complaints()
    browser.elsewhere()


@pytest.fixture
def staff(admin: Any, browser: Browser) -> Browser:
    """The browser, signed in as an admin through the form."""
    sign_in(browser, admin)
    return browser


def sign_in(browser: Browser, user: Any) -> None:
    user.set_password(PASSWORD)
    user.save()
    browser.open("/admin/")
    browser.one("#id_username").send_keys(user.email)
    browser.one("#id_password").send_keys(PASSWORD)
    browser.press("[type=submit]")
