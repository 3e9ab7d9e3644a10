"""The staff site over the books: everything can be looked at, nothing can be changed."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from payments.models import Transaction, Wallet
from tests.support import recipes
from tests.support.admin_forms import shown_field
from tests.support.admin_pages import staff_client
from tests.support.ledger import book_transfer, clearing_wallet
from tests.support.notices import ALICES, BOBS, NOBODY, credit, many_credits, refused_notice
from tests.support.rest import signed_in

PAGES = ("payments/wallet", "payments/transaction", "payments/webhookevent", "payments/provider", "payments/currency")
READ_ONLY = ("payments/wallet", "payments/transaction", "payments/webhookevent")


@pytest.fixture
def site(admin: Any) -> Client:
    return staff_client(admin)


def text(site: Client, path: str, **query: str) -> str:
    answer = site.get(f"/admin/{path}", query)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


def listed(site: Client, path: str, **query: str) -> list[int]:
    """The ids of the rows of a list, in its order."""
    answer = site.get(f"/admin/{path}/", query)
    assert answer.status_code == 200
    return [row.pk for row in answer.context["cl"].result_list]


@pytest.fixture
def story(alice: Any, bob: Any) -> dict[str, int]:
    deposit = credit(alice, ALICES, "25", external_id="7001").transaction_id
    credit(bob, BOBS, "1", external_id="7002")
    event = refused_notice(user_id=NOBODY, account=303, external_id="7003")
    transfer = book_transfer((ALICES, BOBS, "5"), reference="rent of May")
    return {"deposit": deposit, "transfer": transfer, "event": event.pk}


# --- looking --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["", *(f"{page}/" for page in PAGES), "accounts/user/"])
def test_every_page_works_before_anything_has_happened(page: str, site: Client) -> None:
    assert "Till" in text(site, page)


def test_the_staff_site_shows_a_transaction_with_its_postings(story: dict[str, int], site: Client) -> None:
    page = text(site, f"payments/transaction/{story['transfer']}/change/")
    for phrase in ("alice@example.com", "bob@example.com", "5.00 USD", "20.00 USD", "6.00 USD", "rent of May"):
        assert phrase in page


def test_the_staff_site_shows_a_users_wallets_first(story: dict[str, int], alice: Any, site: Client) -> None:
    page = text(site, f"accounts/user/{alice.pk}/change/")
    assert f"/admin/payments/wallet/{ALICES}/change/" in page
    assert "20.00 USD" in page
    money = page.partition("till-wallets")[2].partition("</table>")[0]
    assert f"wallet/{ALICES}/" in money
    assert f"wallet/{BOBS}/" not in money


def test_a_user_with_wallets_can_still_be_changed(story: dict[str, int], alice: Any, site: Client) -> None:
    fields = {"email": alice.email, "full_name": "Alice Cooper", "role": "user", "is_active": "on"}
    inline = {f"wallets-{name}": value for name, value in {"TOTAL_FORMS": "0", "INITIAL_FORMS": "0"}.items()}
    page = f"/admin/accounts/user/{alice.pk}/change/"
    answer = site.post(page, shown_field(site, page) | fields | inline)
    assert answer.status_code == 302, answer.context["errors"]
    alice.refresh_from_db()
    assert alice.full_name == "Alice Cooper"


def test_the_staff_site_derives_the_balances_of_the_house(story: dict[str, int], site: Client) -> None:
    assert "-26.00 USD" in text(site, "payments/wallet/", of="house", currency__code__exact="USD")
    assert "-26.00 USD" in text(site, f"payments/wallet/{clearing_wallet()}/change/")
    assert listed(site, "payments/wallet", of="users") == [ALICES, BOBS]


def test_the_staff_site_shows_an_event_and_what_became_of_it(story: dict[str, int], site: Client) -> None:
    page = text(site, f"payments/webhookevent/{story['event']}/change/")
    assert "7003" in page
    assert "No such user" in page
    assert listed(site, "payments/webhookevent", attention="yes") == [story["event"]]


# --- searching ------------------------------------------------------------------------------------------------


def test_the_staff_site_finds_transactions(story: dict[str, int], site: Client) -> None:
    deposit, transfer = story["deposit"], story["transfer"]
    for term, expected in {
        "7001": [deposit],
        "sha1_colon 7001": [deposit],
        str(ALICES): [transfer, deposit],
        "alice@": [transfer, deposit],
        str(transfer): [transfer],
        "rent of May": [transfer],
        "nothing like it": [],
        str(2**63): [],
        "' OR 1=1 --": [],
    }.items():
        assert listed(site, "payments/transaction", q=term) == expected, term


def test_the_list_of_one_users_transactions_holds_no_others(story: dict[str, int], bob: Any, site: Client) -> None:
    credit(bob, BOBS, "1", external_id="7004")
    alice = User.objects.get(email="alice@example.com")
    assert listed(site, "payments/transaction", of_user=str(alice.pk)) == [story["transfer"], story["deposit"]]


def test_the_page_of_a_wallet_that_is_not_there_leads_back(site: Client) -> None:
    answer = site.get(f"/admin/payments/wallet/{NOBODY}/change/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_the_staff_site_finds_wallets(story: dict[str, int], alice: Any, site: Client) -> None:
    for term, expected in {str(ALICES): [ALICES], str(alice.pk): [ALICES], "BOB@": [BOBS], "nobody": []}.items():
        assert listed(site, "payments/wallet", q=term) == expected, term


def test_the_staff_site_finds_events(story: dict[str, int], alice: Any, site: Client) -> None:
    event = story["event"]
    assert listed(site, "payments/webhookevent", q="7003") == [event]
    assert listed(site, "payments/webhookevent", q="303") == [event]
    assert len(listed(site, "payments/webhookevent", q=str(BOBS))) == 1
    assert len(listed(site, "payments/webhookevent", q="alice@")) == 1
    assert listed(site, "payments/webhookevent", q="nothing") == []


# --- changing nothing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", READ_ONLY)
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_adds_or_deletes(page: str, method: str, story: dict[str, int], site: Client) -> None:
    pk = {"payments/wallet": ALICES, "payments/transaction": story["deposit"]}.get(page, story["event"])
    for path in ("add/", f"{pk}/delete/"):
        answer = getattr(site, method)(f"/admin/{page}/{path}", {"post": "yes"} if method == "post" else {})
        assert answer.status_code == 403, path


@pytest.mark.parametrize("page", READ_ONLY)
def test_nobody_changes(page: str, story: dict[str, int], site: Client) -> None:
    pk = {"payments/wallet": ALICES, "payments/transaction": story["deposit"]}.get(page, story["event"])
    answer = site.post(f"/admin/{page}/{pk}/change/", {"balance": "1000000", "kind": "refund", "verdict": "credited"})
    assert answer.status_code == 403
    assert Wallet.objects.get(pk=ALICES).balance == 20
    assert "Save" not in text(site, f"{page}/{pk}/change/")


@pytest.mark.parametrize("page", [*READ_ONLY, "payments/provider", "payments/currency"])
def test_nothing_is_deleted_by_the_dozen(page: str, story: dict[str, int], site: Client) -> None:
    assert "delete_selected" not in text(site, f"{page}/")
    before = Transaction.objects.count()
    site.post(f"/admin/{page}/", {"action": "delete_selected", "_selected_action": [story["deposit"]], "post": "yes"})
    assert Transaction.objects.count() == before


@pytest.mark.parametrize("page", ["", *(f"{page}/" for page in PAGES), f"payments/wallet/{ALICES}/change/"])
def test_mallory_does_not_get_in(page: str, story: dict[str, int], mallory: Any) -> None:
    client = Client()
    for _ in range(2):  # as a stranger, then signed in as herself
        answer = client.get(f"/admin/{page}")
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")
        client.force_login(mallory)
    assert signed_in(mallory).get(f"/admin/{page}").status_code == 302


def test_staff_without_rights_sees_no_money(story: dict[str, int], mallory: Any) -> None:
    User.objects.filter(pk=mallory.pk).update(is_staff=True)
    client = staff_client(mallory)
    assert [client.get(f"/admin/{page}/").status_code for page in PAGES] == [403] * len(PAGES)


# --- costs ----------------------------------------------------------------------------------------------------


def queries(site: Client, path: str, **query: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        text(site, path, **query)
    return len(captured)


@pytest.mark.parametrize("page", [*PAGES, "accounts/user"])
def test_a_list_costs_the_same_however_long_it_is(page: str, alice: Any, bob: Any, site: Client) -> None:
    def grow(first: int, last: int) -> None:
        for number in range(first, last):
            credit(alice if number % 2 else bob, 1000 + number, external_id=f"{number}")
            refused_notice(user_id=NOBODY + number, account=303, external_id=f"x{number}")
        recipes.user.make(_quantity=last - first)

    grow(0, 3)
    queries(site, f"{page}/")
    few = queries(site, f"{page}/")
    grow(3, 30)
    assert queries(site, f"{page}/") == few
    assert few <= 12


def test_a_users_page_costs_the_same_however_many_wallets(alice: Any, site: Client) -> None:
    path = f"accounts/user/{alice.pk}/change/"
    for number in range(3):
        credit(alice, 1000 + number)
    few = queries(site, path)
    for number in range(3, 30):
        credit(alice, 1000 + number)
    assert queries(site, path) == few


def test_a_transactions_page_costs_the_same_however_many_postings(alice: Any, bob: Any, site: Client) -> None:
    credit(alice, ALICES, "1000")
    credit(bob, BOBS)
    few = book_transfer(*[(ALICES, BOBS, "1")] * 3)
    many = book_transfer(*[(ALICES, BOBS, "1")] * 30)
    paths = [f"payments/transaction/{pk}/change/" for pk in (few, few, many)]
    costs = [queries(site, path) for path in paths]
    assert costs[1] == costs[2]


def test_no_list_offers_to_count_the_rows_behind_its_filters(story: dict[str, int], site: Client) -> None:
    for page in READ_ONLY:
        assert "_facets" not in text(site, f"{page}/")
        assert queries(site, f"{page}/", _facets="True") == queries(site, f"{page}/")


def test_a_list_counts_no_further_than_it_pages(alice: Any, site: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    many_credits(alice, ALICES, 30)
    monkeypatch.setattr("staff.read_only.MAX_LISTED", 20)
    answer = site.get("/admin/payments/transaction/")
    assert answer.context["cl"].result_count == 20
