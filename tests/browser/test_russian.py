"""A Russian member of staff works without an English word of ours on the way. Run by `make browser`."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from payments.models import Withdrawal
from tests.browser.conftest import PASSWORD, Browser
from tests.support import recipes
from tests.support.exchanges import store_rate
from tests.support.ledger import wallet_with
from tests.support.orders import balance_and_held, deposit, withdraw
from tests.support.recipes import IBAN

pytestmark = pytest.mark.browser

#: What a page shows or reads out: its text, and the attributes that have words. Not what only machines read.
SEEN = """
const words = [document.title, document.body.innerText];
for (const element of document.querySelectorAll("[title], [placeholder], [aria-label], [alt]"))
    for (const name of ["title", "placeholder", "aria-label", "alt"])
        words.push(element.getAttribute(name) || "");
for (const element of document.querySelectorAll("input[type=submit], input[type=button]")) words.push(element.value);
return words.join("\\n");
"""
#: Names and signs that are the same in every language, and what the story's people have typed.
ALLOWED = {
    *("Till", "API", "UTC", "CSV", "IBAN", "BIC", "UUID", "JSON", "HTTP", "CIDR", "ISO", "ECB", "Stripe"),
    *("USD", "EUR", "GBP", "BTC", "USDT", "RUB", "Alice", "ADMIN", "English"),
}
#: Addresses, commands, and what has digits or underscores: ids and codes.
DATA = re.compile(r"\S+@\S+|https?://\S+|manage\.py \w+|/[\w/{}.-]+|\b[\w-]*[\d_][\w-]*\b")


def english(page: str) -> list[str]:
    return [word for word in re.findall(r"[A-Za-z]{2,}", DATA.sub(" ", page)) if word not in ALLOWED]


def assert_russian(browser: Browser) -> None:
    page = browser.driver.execute_script(SEEN)
    assert english(page) == [], page
    assert browser.one("html").get_attribute("lang") == "ru"


@pytest.fixture
def russian(browser: Browser) -> Iterator[Browser]:
    def ask_for(headers: dict[str, str]) -> None:
        browser.driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": headers})

    browser.driver.execute_cdp_cmd("Network.enable", {})
    ask_for({"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.5"})
    yield browser
    ask_for({})


@pytest.fixture
def withdrawal(alice: Any, admin: Any, committed_db: None) -> Withdrawal:
    """It waits beside a deposit and an old rate, so that the front page has something to say."""
    wallet = wallet_with(alice, "USD", "1000")
    deposit(alice, wallet, "40.00")
    store_rate(hours_old=200)
    account = recipes.bank_account.make(owner=alice, label="Счёт", details={"iban": IBAN, "holder": "Alice"})
    return Withdrawal.objects.get(pk=withdraw(alice, wallet, account, "250.00")["id"])


def test_a_withdrawal_is_approved_without_an_english_word(russian: Browser, admin: Any, withdrawal: Withdrawal) -> None:
    admin.set_password(PASSWORD)
    admin.save()
    russian.open("/admin/")
    assert_russian(russian)
    russian.one("#id_username").send_keys(admin.email)
    russian.one("#id_password").send_keys(PASSWORD)
    russian.press("[type=submit]")
    assert_russian(russian)
    russian.press(".till-attention a[href*='/withdrawal/']")
    assert_russian(russian)
    russian.press(f"#result_list a[href*='/withdrawal/{withdrawal.pk}/']")
    assert_russian(russian)
    russian.press(".object-tools a[href*=approve]")
    assert_russian(russian)
    russian.press(".submit-row [type=submit]")
    assert "оплачена" in russian.text(".messagelist")
    assert_russian(russian)
    assert balance_and_held(withdrawal.wallet) == ("750", "0")
    assert russian.complaints() == []


def test_staff_change_the_language_in_the_header(staff: Browser) -> None:
    assert staff.one("html").get_attribute("lang") == "en"
    staff.press(".till-language button")
    assert_russian(staff)
    staff.press(".till-language button")
    assert staff.one("html").get_attribute("lang") == "en"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("Одобрить 250.00 USD", []),
        ("alice@example.com: DE89370400440532013000, sha1_colon, /admin/, manage.py load_rates", []),
        ("Одобрить, Reject", ["Reject"]),
    ],
)
def test_an_english_word_is_noticed(page: str, words: list[str]) -> None:
    assert english(page) == words
