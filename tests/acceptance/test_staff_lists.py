"""Every list of the staff site: as CSV, narrowed by time; the staff log; what a user's page lists."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from catalog.models import Product, Purchase, Refund
from payments.models import Transaction, Wallet, WebhookEvent
from staff.csv_export import CsvExportMixin
from staff.history import record
from staff.period_filters import period
from tests.support import staff_site
from tests.support.admin_pages import staff_client
from tests.support.ledger import book_transfer, clearing_wallet
from tests.support.notices import ALICES, BOBS, credit, many_credits
from tests.support.staff_site import OURS, exported, named, url

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


@pytest.fixture
def site(admin: User) -> Client:
    return staff_client(admin)


@pytest.fixture
def story(alice: User, admin: User) -> dict[type, Any]:
    return staff_site.every_object(alice, admin)


@pytest.mark.parametrize("model", OURS, ids=named)
def test_a_search_for_thousands_of_words_is_cut_before_postgresql_plans_it(model: Any, site: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        page = site.get(url(model, "changelist"), {"q": "a " * 5000}, follow=True)
    assert page.status_code == 200
    assert sum(len(query["sql"]) for query in queries) < 150_000
    assert "Only the first 200 characters were looked for." in page.content.decode()


def test_so_is_one_of_a_field_that_completes(site: Client) -> None:
    named = {"app_label": "payments", "model_name": "commissionrule", "field_name": "currency"}
    with CaptureQueriesContext(connection) as queries:
        site.get("/admin/autocomplete/", {"term": "a " * 5000, **named})
    assert sum(len(query["sql"]) for query in queries) < 150_000


@pytest.mark.parametrize("model", [Transaction, WebhookEvent, Wallet], ids=named)
def test_a_list_that_names_users_costs_the_same_however_long_it_is(
    model: Any, story: dict[type, Any], site: Client, alice: User, bob: User
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            site.get(url(model, "changelist"))
        return len(captured)

    cost()
    before = cost()
    credit(bob, BOBS)
    many_credits(alice, ALICES, 20)
    book_transfer((ALICES, BOBS, "5"), (BOBS, ALICES, "1"))
    assert cost() == before <= 14


# --- CSV ------------------------------------------------------------------------------------------------------


def test_every_list_can_be_exported(story: dict[type, Any], site: Client) -> None:
    for model, managed in OURS.items():
        assert isinstance(managed, CsvExportMixin)
        expected = site.get(url(model, "changelist")).context["cl"].result_count
        rows = exported(site, model)
        assert len(rows) == expected + (model is LogEntry), model  # the export itself is in the log that it shows
        assert url(model, "export") in site.get(url(model, "changelist")).content.decode()
        columns = " ".join(rows[0]) if rows else ""
        for secret in ("secret", "password", "token", "hash"):
            assert secret not in columns


def test_an_export_is_the_list_that_is_shown(story: dict[type, Any], site: Client, bob: User) -> None:
    credit(bob, BOBS, "3", external_id="7009")
    rows = exported(site, Wallet, of="users", q="bob@")
    assert [(row["id"], row["owner_email"], row["balance"]) for row in rows] == [(str(BOBS), "bob@example.com", "3.00")]
    assert [row["external_id"] for row in exported(site, WebhookEvent, verdict__exact="unmatched")] == ["7003"]
    assert site.get(url(Wallet, "export"), {"nonsense": "1"}).status_code == 302
    assert site.get(url(Wallet, "export"), {"owner__password__startswith": "a"}).status_code == 400
    assert site.post(url(Wallet, "export")).status_code == 405


def test_no_cell_is_a_formula_and_amounts_are_exact(story: dict[type, Any], site: Client) -> None:
    assert exported(site, Product)[0]["title"] == "'=1+1"
    assert exported(site, Refund)[0]["reason"] == "'-broken"
    book_transfer((clearing_wallet(), ALICES, "0.0000000001"), reference="dust")
    rows = exported(site, Transaction, q="dust")
    assert [(row["postings_amount"], row["postings_destination_balance"]) for row in rows] == [
        ("0.0000000001", "1000.0000000001")
    ]


def test_the_balances_of_the_house_are_derived_in_the_export_too(story: dict[type, Any], site: Client) -> None:
    rows = exported(site, Wallet, of="house", currency__code__exact="USD")
    assert {row["house"]: row["balance"] for row in rows}["clearing"] == "-1000.00"


def test_an_export_reads_in_batches_whatever_its_length(
    story: dict[type, Any], alice: User, site: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def batches(size: int) -> int:
        monkeypatch.setattr("staff.csv_export.ROWS_AT_ONCE", size)
        with CaptureQueriesContext(connection) as captured:
            exported(site, Transaction)
        return len(captured)

    many_credits(alice, ALICES, 50)
    assert batches(7) == batches(1000)  # one statement; a cursor on the server hands out the batches
    assert len(exported(site, Transaction)) > 50


# --- the staff log ----------------------------------------------------------------------------------------------


def test_the_log_says_who_did_what_to_whom_and_why(site: Client, alice: User, bob: User, admin: User) -> None:
    site.post(f"{url(User, 'disable')}?id={alice.pk}&id={bob.pk}", {"reason": "asked by phone"})
    page = site.get(url(LogEntry, "changelist"), {"q": "phone", "user__id__exact": str(admin.pk)}).content.decode()
    for phrase in ("alice@example.com", "bob@example.com", "admin@example.com", "Disabled. Reason: asked by phone"):
        assert phrase in page
    rows = exported(site, LogEntry, q="alice")
    assert [(row["user_email"], row["change_message"]) for row in rows] == [
        ("admin@example.com", "Exported the list as CSV, narrowed by q=alice."),
        ("admin@example.com", "Disabled. Reason: asked by phone"),
    ]


@pytest.mark.parametrize("path", ["add/", "{}/change/", "{}/delete/"])
def test_the_log_is_not_rewritten(site: Client, admin: User, alice: User, path: str) -> None:
    record(about=alice, staff=admin, text="Looked into it.")
    entry = LogEntry.objects.get()
    assert (
        site.post(f"{url(LogEntry, 'changelist')}{path.format(entry.pk)}", {"change_message": "x"}).status_code == 403
    )
    assert LogEntry.objects.get().change_message == "Looked into it."


# --- small things -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("today", "2026-03-01", None),
        ("yesterday", "2026-02-28", "2026-03-01"),
        ("week", "2026-02-23", None),
        ("month", "2026-03-01", None),
        ("last-month", "2026-02-01", "2026-03-01"),
        ("year", "2026-01-01", None),
    ],
)
def test_a_period_begins_and_ends_at_midnight(name: str, start: str, end: str | None) -> None:
    def midnight(day: str) -> datetime:
        return datetime.fromisoformat(f"{day}T00:00:00+00:00")

    assert period(name, datetime(2026, 3, 1, 23, 59, tzinfo=UTC)) == (midnight(start), midnight(end) if end else None)


def test_lists_are_narrowed_by_time(story: dict[type, Any], site: Client) -> None:
    for model in (Transaction, WebhookEvent, Purchase, Refund):
        lengths = [
            len(site.get(url(model, "changelist"), query).context["cl"].result_list)
            for query in ({}, {"period": "today"}, {"period": "yesterday"})
        ]
        assert lengths == [lengths[0], lengths[0], 0] != [0, 0, 0], model
        assert site.get(url(model, "changelist"), {"period": "nonsense"}).status_code == 302


def test_a_users_page_shows_the_latest_transactions_and_leads_to_all(
    story: dict[type, Any], site: Client, alice: User, bob: User
) -> None:
    credit(bob, BOBS)
    transfer = book_transfer((ALICES, BOBS, "5"), reference="rent of May")
    many_credits(alice, ALICES, 30)
    page = site.get(url(User, "change", bob.pk)).content.decode()
    for phrase in (f"/transaction/{transfer}/", "+5.00 USD", "15.00 USD", "rent of May", f"wallet {ALICES}"):
        assert phrase in page
    page = site.get(url(User, "change", alice.pk)).content.decode()
    assert page.rpartition("till-latest")[2].count("till-amount") == 2 * (20 + 1)
    assert f"?of_user={alice.pk}" in page
    listed = site.get(url(Transaction, "changelist"), {"of_user": alice.pk}).context["cl"].result_list
    assert len(listed) == 34
    assert len(site.get(url(Transaction, "changelist"), {"of_user": bob.pk}).context["cl"].result_list) == 2
