"""/admin: exchange rates, set and removed by staff; quotes, exchanges and transfers to look at."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.services import set_support
from payments.exchange.services import is_stale
from payments.models import Currency, Exchange, ExchangeRate, Quote, Transfer, Wallet
from tests.support import recipes
from tests.support.admin_forms import shown_field
from tests.support.admin_pages import staff_client
from tests.support.exchanges import new_quote, post_exchange, post_transfer, store_rate
from tests.support.ledger import wallet_with
from tests.support.rest import succeeded

RATES, QUOTES, EXCHANGES, TRANSFERS = (
    f"/admin/payments/{name}/" for name in ("exchangerate", "quote", "exchange", "transfer")
)


@pytest.fixture
def site(admin: Any) -> Client:
    return signed(admin)


def signed(user: Any) -> Client:
    return staff_client(user)


def add(site: Client, **fields: str) -> Any:
    form = {"source_currency": "USD", "target_currency": "EUR", "rate": "0.9", "origin": "staff"} | fields
    return site.post(f"{RATES}add/", form, follow=True)


def change(site: Client, rate: ExchangeRate, value: str, origin: str = "staff") -> Any:
    page = f"{RATES}{rate.pk}/change/"
    return site.post(page, shown_field(site, page) | {"rate": value, "origin": origin}, follow=True)


def listed(site: Client, page: str, **query: str) -> list[int]:
    answer = site.get(page, query)
    assert answer.status_code == 200
    return [row.pk for row in answer.context["cl"].result_list]


def text(site: Client, path: str) -> str:
    answer = site.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def notes() -> list[str]:
    return [entry.change_message.partition(", as of")[0] for entry in LogEntry.objects.order_by("pk")]


# --- rates ----------------------------------------------------------------------------------------------------


def test_a_rate_is_added_as_of_now_and_noted_once(site: Client) -> None:
    before = timezone.now()
    assert "was added successfully" in add(site, rate="0.9123456789", origin="Reuters").content.decode()
    rate = ExchangeRate.objects.get()
    assert (str(rate), rate.rate, rate.origin) == ("USD to EUR", Decimal("0.9123456789"), "Reuters")
    assert before <= rate.as_of <= timezone.now()
    assert notes() == ["Added: 0.9123456789, Reuters"]


def test_a_rate_is_changed_and_only_its_number(site: Client) -> None:
    old = store_rate(value="0.9", hours_old=200)
    answer = site.post(
        f"{RATES}{old.pk}/change/",
        shown_field(site, f"{RATES}{old.pk}/change/")
        | {"rate": "0.95", "origin": "staff", "source_currency": "KZT", "target_currency": "USD"},
        follow=True,
    )
    assert "was changed successfully" in answer.content.decode()
    old.refresh_from_db()
    assert (str(old), old.rate, old.origin) == ("USD to EUR", Decimal("0.95"), "staff")
    assert not is_stale(old)
    assert notes() == ["Set: 0.95, staff"]


def test_a_stale_rate_that_is_saved_again_holds_from_now_on(site: Client) -> None:
    old = store_rate(value="0.9", hours_old=200)
    change(site, old, "0.9")
    old.refresh_from_db()
    assert not is_stale(old)


def test_the_rate_form_says_whom_the_rate_is_from(site: Client) -> None:
    known = store_rate()
    assert 'value="staff"' in text(site, f"{RATES}{known.pk}/change/")
    assert 'value="0.9"' in text(site, f"{RATES}{known.pk}/change/")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"rate": "0"}, "rate"),
        ({"rate": "-1"}, "rate"),
        ({"rate": "0.12345678901"}, "rate"),
        ({"rate": "1e3"}, "rate"),
        ({"rate": "٣"}, "rate"),
        ({"rate": "NaN"}, "rate"),
        ({"rate": "1000000000000000000"}, "rate"),
        ({"rate": ""}, "rate"),
        ({"origin": ""}, "origin"),
        ({"origin": "a\u202eb"}, "origin"),
        ({"target_currency": "USD"}, "target_currency"),
        ({"target_currency": "XXX"}, "target_currency"),
        ({"source_currency": ""}, "source_currency"),
    ],
)
def test_what_is_wrong_is_named_and_sets_nothing(site: Client, wrong: dict[str, str], field: str) -> None:
    answer = add(site, **wrong)
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not ExchangeRate.objects.exists()
    assert not LogEntry.objects.exists()


def test_a_wrong_change_changes_nothing(site: Client) -> None:
    known = store_rate(hours_old=200)
    assert list(change(site, known, "0").context["adminform"].form.errors) == ["rate"]
    known.refresh_from_db()
    assert is_stale(known)


def test_there_is_one_rate_for_a_direction(site: Client) -> None:
    store_rate(value="0.9")
    answer = add(site, rate="0.8")
    assert list(answer.context["adminform"].form.errors) == ["target_currency"]
    assert ExchangeRate.objects.get().rate == Decimal("0.9")


def test_a_currency_that_is_not_in_use_has_no_new_rate(site: Client) -> None:
    Currency.objects.filter(pk="EUR").update(is_active=False)
    assert list(add(site).context["adminform"].form.errors) == ["target_currency"]
    known = store_rate("USD", "EUR")
    assert "EUR is not a currency in use here." in change(site, known, "0.8").content.decode()
    assert ExchangeRate.objects.get().rate == Decimal("0.9")


def test_the_rate_form_warns_when_there_and_back_gains(site: Client) -> None:
    store_rate("EUR", "USD", "1.1")
    assert "gains" not in add(site, rate="0.9").content.decode()
    page = change(site, ExchangeRate.objects.get(source_currency="USD"), "0.92").content.decode()
    assert "USD to EUR and back gains, at the house&#x27;s cost: the way back is 1.1." in page
    assert ExchangeRate.objects.get(source_currency="USD").rate == Decimal("0.92")


def test_a_rate_that_moves_far_is_asked_for_once_more(site: Client) -> None:
    known = store_rate(value="0.9")
    form = change(site, known, "9").context["adminform"].form
    assert list(form.errors) == ["confirm"]
    assert "was 0.9000000000 and would be 9.0000000000" in str(form.errors)
    page = f"{RATES}{known.pk}/change/"
    site.post(page, shown_field(site, page) | {"rate": "9", "origin": "staff", "confirm": "on"})
    assert ExchangeRate.objects.get().rate == 9


def test_stale_rates_are_marked_and_found(site: Client) -> None:
    fresh, stale = store_rate("USD", "EUR"), store_rate("EUR", "USD", "1.1", hours_old=200)
    assert listed(site, RATES, age="stale") == [stale.pk]
    assert listed(site, RATES, age="usable") == [fresh.pk]
    page = text(site, RATES)
    assert (page.count(">Usable</span>"), page.count(">Stale</span>")) == (1, 1)
    assert listed(site, RATES, q="EUR USD") == [stale.pk, fresh.pk]


def test_a_rate_is_removed_and_noted_once(site: Client) -> None:
    known = store_rate(value="0.9")
    answer = site.post(f"{RATES}{known.pk}/delete/", {"post": "yes"}, follow=True)
    assert "was deleted successfully" in answer.content.decode()
    assert not ExchangeRate.objects.exists()
    assert notes() == ["Removed: was 0.9000000000, test."]
    assert "delete_selected" not in text(site, RATES)


def test_support_and_mallory_set_no_rate(bob: Any, mallory: Any) -> None:
    known = store_rate(value="0.9")
    support = signed(set_support(user_id=bob.pk, on=True))
    assert listed(support, RATES) == [known.pk]
    for client, status in ((support, 403), (signed(mallory), 302)):
        for path in ("add/", f"{known.pk}/change/", f"{known.pk}/delete/"):
            body = {"rate": "9", "origin": "x", "source_currency": "EUR", "target_currency": "USD", "post": "yes"}
            assert client.post(f"{RATES}{path}", body).status_code == status
    assert ExchangeRate.objects.get().rate == Decimal("0.9")


# --- what was promised, exchanged and sent --------------------------------------------------------------------


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "1000")


@pytest.fixture
def story(alice: Any, bob: Any, wallet: Wallet) -> dict[str, int]:
    """Alice is quoted, exchanges by the quote, and sends bob a little; both with a fee."""
    store_rate(value="0.3333333333")
    recipes.commission_rule.make(operation="exchange", percent=Decimal(1))
    recipes.commission_rule.make(operation="transfer", fixed=Decimal("0.50"))
    euros, his = wallet_with(alice, "EUR", "1"), wallet_with(bob, "USD", "1")
    promised = new_quote(alice, "10.01")
    exchanged = succeeded(post_exchange(alice, wallet, euros, quote=promised))["id"]
    sent = succeeded(post_transfer(alice, wallet, "5.00", destination=his, note="lunch"))["id"]
    return {QUOTES: promised, EXCHANGES: exchanged, TRANSFERS: sent}


def test_they_show_what_happened_and_lead_to_it(site: Client, story: dict[str, int], wallet: Wallet) -> None:
    exchange, sent = Exchange.objects.get(), Transfer.objects.get()
    texts = {
        QUOTES: ("10.01 USD", "0.3333333333", f"/exchange/{exchange.pk}/change/"),
        EXCHANGES: (
            *("10.01 USD", "0.11 USD", "3.3366666663 EUR", f"quote {exchange.quote_id}"),
            *(f"/wallet/{wallet.pk}/change/", f"/transaction/{exchange.transaction_id}/change/"),
        ),
        TRANSFERS: (
            *("5.00 USD", "0.50 USD", "lunch", "alice@example.com", "bob@example.com"),
            *(f"/wallet/{sent.destination_id}/change/", f"/transaction/{sent.transaction_id}/change/"),
        ),
    }
    for page, pk in story.items():
        page_text = text(site, f"{page}{pk}/change/")
        for part in texts[page]:
            assert part in page_text, (page, part)
        assert listed(site, page, period="today") == [pk]


def test_they_are_found_by_whom_and_what_they_touch(
    site: Client, story: dict[str, int], alice: Any, bob: Any, wallet: Wallet
) -> None:
    for page, pk in story.items():
        for term in ("alice@", str(alice.pk), str(pk)):
            assert listed(site, page, q=term) == [pk], (page, term)
        assert listed(site, page, q="mallory@") == []
    for page in (EXCHANGES, TRANSFERS):
        assert listed(site, page, q=str(wallet.pk)) == [story[page]]
    assert listed(site, TRANSFERS, q="bob@") == [story[TRANSFERS]]
    assert listed(site, EXCHANGES, q="bob@") == []


@pytest.mark.parametrize("page", [QUOTES, EXCHANGES, TRANSFERS])
def test_nobody_writes_them_by_hand(page: str, site: Client, story: dict[str, int]) -> None:
    def rows() -> list[Any]:
        return [list(model._default_manager.values()) for model in (Quote, Exchange, Transfer)]

    before = rows()
    for path in ("add/", f"{story[page]}/change/", f"{story[page]}/delete/"):
        assert site.post(f"{page}{path}", {"amount": "1", "rate": "9", "post": "yes"}).status_code == 403
    assert rows() == before


@pytest.mark.parametrize("page", [RATES, QUOTES, EXCHANGES, TRANSFERS])
def test_a_list_costs_the_same_however_long_it_is(
    page: str, site: Client, alice: Any, story: dict[str, int], wallet: Wallet
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            text(site, page)
        return len(captured)

    euros = Wallet.objects.get(owner=alice, currency="EUR")
    text(site, page)
    few = cost()
    for _ in range(5):
        succeeded(post_exchange(alice, wallet, euros, quote=new_quote(alice, "1")))
        succeeded(post_transfer(alice, wallet, "1", recipient="bob@example.com"))
    store_rate("EUR", "USD", "2")
    assert cost() == few <= 9
