"""Every list of the staff site, full of long rows: nothing is wider than its frame, and every text can be read.

The facts are measured in the page, at the widths of a laptop and of a phone, and never by comparing pictures.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker
from selenium import webdriver

from accounts.models import User
from tests.browser.conftest import Browser
from tests.support.long_rows import UUID, fill_lists, remove_what_stays
from tests.support.staff_site import MODEL_ADMINS, named, url

pytestmark = pytest.mark.browser

LAPTOPS, PHONE, WIDE = (1280, 1440), 390, 1600
#: Of WCAG 2.2, for text of an ordinary size.
MIN_CONTRAST = 4.5
FACTS = Path(__file__).with_name("layout_facts.js").read_text()
#: Lists that would begin with what is pending.
EVERYTHING = {"payments.deposit": "?status=all", "payments.withdrawal": "?status=all"}


@pytest.fixture(autouse=True)
def _nothing_stays(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Currencies and providers are in tables that no test empties."""
    yield
    with django_db_blocker.unblock():
        remove_what_stays()


@pytest.fixture
def screen(chromium: webdriver.Chrome) -> Iterator["Screen"]:
    screen = Screen(chromium)
    yield screen
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.fixture
def filled(committed_db: None, admin: User) -> None:
    fill_lists(admin)


class Screen:
    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver

    def resize(self, width: int) -> None:
        size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def paint(self, scheme: str) -> None:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def measure(self, fact: str) -> Any:
        return self._driver.execute_script(f"{FACTS}\nreturn {fact};")


def test_no_list_is_wider_than_its_frame_and_every_text_of_it_can_be_read(
    filled: None, staff: Browser, screen: Screen
) -> None:
    faults = []
    for model in MODEL_ADMINS:
        staff.open(f"{url(model, 'changelist')}{EVERYTHING.get(named(model), '')}")
        assert staff.all("#result_list tbody tr"), f"no row of {named(model)}: add one to tests/support/long_rows.py"
        faults += [f"{named(model)}: {fault}" for fault in faults_of_list(screen)]
    assert not faults, "\n".join(faults)
    assert (staff.complaints(), staff.elsewhere()) == ([], [])


def faults_of_list(screen: Screen) -> Iterator[str]:
    for width in (*LAPTOPS, PHONE):
        screen.resize(width)
        for fault in screen.measure(f"tooWide({str(width > PHONE).lower()})"):
            yield f"at {width}: {fault}"
    screen.resize(LAPTOPS[0])
    yield from screen.measure("strangeCells()")
    for scheme in ("dark", "light"):
        screen.paint(scheme)
        for fault in screen.measure(f"tooPale({MIN_CONTRAST})"):
            yield f"{scheme}: {fault}"


def test_filters_are_folded_where_they_would_take_the_rows_room(filled: None, staff: Browser, screen: Screen) -> None:
    screen.resize(WIDE)
    staff.open("/admin/payments/transaction/?kind__exact=deposit")
    filters, bar = staff.one("#changelist-filter"), staff.one(".till-filters")
    assert (filters.is_displayed(), bar.is_displayed()) == (True, False)
    for width in (LAPTOPS[1], PHONE):
        screen.resize(width)
        assert (filters.is_displayed(), bar.is_displayed()) == (False, True)
        assert "Kind: Deposit" in bar.text
        for is_open in (True, False):
            staff.one(".till-filters summary").click()
            assert filters.is_displayed() is is_open
            assert not screen.measure("tooWide(false)")
    staff.one(".till-filters summary").click()
    staff.press("#changelist-filter a[href*='kind__exact=transfer']")
    assert staff.one("#changelist-filter").is_displayed(), "it stays open while somebody chooses"
    assert "Kind: Transfer" in staff.text(".till-filters")


def test_a_long_id_is_short_to_the_eye_and_whole_to_whoever_copies_it(
    filled: None, staff: Browser, screen: Screen
) -> None:
    staff.open(f"/admin/payments/webhookevent/?q={UUID}")
    cell = ".field-id_of_provider .till-id"
    assert 50 < staff.one(cell).size["width"] < 120, "both ends, and a dot for each that is left out"
    assert screen.measure(f"selected({cell!r})") == UUID
    assert staff.one(cell).get_attribute("title") == UUID
