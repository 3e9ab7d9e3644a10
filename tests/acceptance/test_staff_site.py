"""The staff site's front page, and the results of check_ledger that it shows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from payments.ledger.queries import daily_counts
from payments.models import LedgerCheck
from tests.support import recipes, staff_site
from tests.support.admin_pages import staff_client
from tests.support.notices import ALICES, NOBODY, credit, many_credits, refused_notice

FRONT = "/admin/"


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """The front page remembers days that are over; tests go back in time."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def site(admin: User) -> Client:
    return staff_client(admin)


@pytest.fixture
def story(alice: User, admin: User) -> dict[type, Any]:
    return staff_site.every_object(alice, admin)


# --- the front page -------------------------------------------------------------------------------------------


def front(site: Client) -> str:
    answer = site.get(FRONT)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_front_page_plots_what_was_booked_by_day(story: dict[type, Any], site: Client, alice: User) -> None:
    many_credits(alice, ALICES, 4)
    plots = {plot.kind: plot for plot in site.get(FRONT).context["plots"]}
    assert {kind: (plot.total, plot.today) for kind, plot in plots.items()} == {
        "deposit": (5, 5),
        "purchase": (1, 1),
        "refund": (1, 1),
    }
    assert [len(plot.bars) for plot in plots.values()] == [14] * 3
    page = front(site)
    assert '<svg viewBox="0 0 280 108" role="img" aria-labelledby="plot-deposit-title plot-deposit-text">' in page
    today = timezone.now()
    assert f"{today:%d} {today:%B}".lstrip("0") + ": 5" in page


def test_each_transaction_is_counted_on_its_day(db: None, alice: User) -> None:
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    _backdated([now - timedelta(days=ago, hours=hours) for ago in range(20) for hours in (0, 11, 12) if ago % 3 == 0])
    counted = {day.date.day: day.counts["deposit"] for day in daily_counts.booked(days=7, now=now)}
    assert counted == {4: 3, 5: 0, 6: 0, 7: 3, 8: 0, 9: 0, 10: 3}


def _backdated(moments: list[datetime]) -> None:
    """Transactions of the past, in the order of their ids."""
    with connection.cursor() as cursor:
        for moment in sorted(moments):
            cursor.execute(
                "INSERT INTO payments_transaction (kind, reference, created_at) VALUES ('deposit', '', %s)", [moment]
            )


def test_a_day_that_is_over_is_counted_once(story: dict[type, Any], site: Client) -> None:
    front(site)
    with CaptureQueriesContext(connection) as captured:
        front(site)
    assert not [query for query in captured if "payments_transaction" in query["sql"]]
    assert len(captured) <= 9


def test_the_front_page_says_what_needs_attention_and_leads_there(site: Client, alice: User) -> None:
    assert "Nothing waits for anybody." in front(site)
    refused_notice(user_id=NOBODY, account=303, external_id="1")
    refused_notice(user_id=NOBODY, account=304, external_id="2")
    credit(alice, ALICES, external_id="3")
    refused_notice(user_id=alice.pk, account=ALICES, amount="99", external_id="3")
    page = front(site)
    assert "Webhook events: unmatched: <strong>2</strong>" in page
    assert "Webhook events: conflict: <strong>1</strong>" in page
    listed = site.get("/admin/payments/webhookevent/?verdict__exact=unmatched").context["cl"].result_list
    assert len(listed) == 2


def test_the_front_page_counts_no_further_than_necessary(site: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.admin_site.queues.MAX_COUNTED", 3)
    for number in range(5):
        refused_notice(user_id=NOBODY, account=303, external_id=str(number))
    assert "3 or more" in front(site)


def test_the_front_page_says_whether_the_books_balance(site: Client, alice: User) -> None:
    assert "The books were never checked." in front(site)
    credit(alice, ALICES)
    call_command("check_ledger")
    assert "The books balance." in front(site)
    LedgerCheck.objects.update(checked_at=timezone.now() - timedelta(hours=25))
    assert "more than a day ago" in front(site)
    recipes.ledger_check.make(differences=2)
    assert "The books do not balance: 2 differences." in front(site)


@pytest.mark.parametrize(
    ("right", "part"),
    [
        ("view_wallet", "Money by currency"),
        ("view_transaction", "The last 14 days"),
        ("view_webhookevent", "Needs attention"),
        ("view_ledgercheck", "books"),
    ],
)
def test_each_part_is_for_whoever_may_look_at_it(mallory: User, right: str, part: str) -> None:
    User.objects.filter(pk=mallory.pk).update(is_staff=True)
    assert "till-front" not in front(staff_client(mallory))
    mallory.user_permissions.add(Permission.objects.get(codename=right))
    page = front(staff_client(mallory))
    assert part in page
    assert page.count('class="till-card') == 1


def test_the_staff_site_has_no_inline_script_or_style(story: dict[type, Any], site: Client) -> None:
    own = front(site).partition('class="till-front"')[2].partition('id="content-main"')[0]
    assert "<svg" in own
    for inline in ("<script", "<style", " style=", " onclick=", "javascript:"):
        assert inline not in own


# --- check_ledger's results -------------------------------------------------------------------------------------


def test_the_newest_hundred_results_are_kept(db: None) -> None:
    recipes.ledger_check.make(_quantity=120, _bulk_create=True)
    call_command("check_ledger")
    assert LedgerCheck.objects.count() == 100
    assert LedgerCheck.objects.first().postings == 0  # type: ignore[union-attr]  # the one just made: empty books


def test_a_check_is_good_where_nothing_can_be_written(
    db: None, capsys: pytest.CaptureFixture[str], django_db_blocker: Any
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    call_command("check_ledger")
    output = capsys.readouterr()
    assert "The books balance" in output.out
    assert "The result is not kept for /admin" in output.err
