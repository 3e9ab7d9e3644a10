"""/admin: menus in staff's words and order, lists that are shown whole, and errors that are pages."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from catalog.models import Product
from tests.support import recipes, staff_site
from tests.support.admin_forms import loaded
from tests.support.admin_pages import staff_client, text
from tests.support.staff_site import url

pytestmark = pytest.mark.postgres

PRODUCTS = "/admin/catalog/product/"


@pytest.fixture
def site(admin: User) -> Client:
    return staff_client(admin)


# --- menus and words ------------------------------------------------------------------------------------------------


def test_menus_begin_with_what_staff_do_daily(site: Client) -> None:
    apps = site.get("/admin/").context["app_list"]
    assert [app["app_label"] for app in apps] == ["payments", "accounts", "catalog", "axes", "admin"]
    assert [model["object_name"] for model in apps[0]["models"]][:4] == [
        *("Deposit", "Withdrawal", "WebhookEvent", "Transaction"),
    ]


def test_no_menu_or_page_has_the_words_of_a_library(site: Client, alice: User, admin: User) -> None:
    story = staff_site.every_object(alice, admin)
    pages = ["/admin/", *(url(model, "change", row.pk) for model, row in story.items() if row)]
    for page in pages:
        own = text(site, page).partition("<body")[2]
        for word in ("Axes", "External id", "external id:", "Token epoch"):
            assert word not in own, (page, word)
    assert "Failed sign-ins" in text(site, "/admin/")


def test_a_status_and_a_verdict_explain_themselves(site: Client, alice: User, admin: User) -> None:
    story = staff_site.every_object(alice, admin)
    sentences = {"Deposit": "It waits for somebody", "WebhookEvent": "Paid, but not credited: the reason says why."}
    for model, row in story.items():
        if sentence := sentences.get(model.__name__):
            assert f'<span class="help">{sentence}' in text(site, url(model, "change", row.pk))


def test_a_webhook_event_is_named_by_provider_and_id(site: Client, alice: User, admin: User) -> None:
    story = staff_site.every_object(alice, admin)
    [event] = [row for model, row in story.items() if model.__name__ == "WebhookEvent"]
    assert "<title>sha1_colon 7003 |" in text(site, url(type(event), "change", event.pk))


# --- lists that are shown whole ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "listed"), [(164, 164), (200, 200), (1000, 50)])
def test_a_list_that_is_shown_whole_can_be_saved(site: Client, rows: int, listed: int) -> None:
    """Of more than 200 rows there is no such link, and the address shows the first page."""
    recipes.product.make(_quantity=rows, _bulk_create=True)
    page = f"{PRODUCTS}?all="
    typed = loaded(site, page)
    assert typed["form-TOTAL_FORMS"] == str(listed)
    assert ('class="showall"' in text(site, PRODUCTS)) == (listed == rows)
    answer = site.post(page, typed | {"form-7-stock": "41", "_save": "Save"})
    assert answer.status_code == 302, answer.content[:500]
    assert Product.objects.filter(stock=41).count() == 1


# --- errors are pages -------------------------------------------------------------------------------------------------


def page_of(answer: Any, status: int) -> str:
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (status, "text/html")
    return str(answer.content.decode())


def test_a_form_with_too_many_fields_is_refused_on_a_page(site: Client) -> None:
    answer = site.post(PRODUCTS, {f"form-{number}-price": "1" for number in range(2500)} | {"_save": "Save"})
    assert "Nothing was done." in page_of(answer, 400)


def test_a_form_that_is_too_large_is_refused_on_a_page(site: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 5000
    assert "The body is too large" in page_of(site.post(PRODUCTS, {"title": "x" * 6000}), 413)


def test_what_is_not_there_and_what_is_not_allowed_are_pages(site: Client, mallory: User) -> None:
    page_of(site.get("/admin/payments/nothing/"), 404)
    page_of(site.get("/admin/payments/deposit/?user__password__startswith=a"), 400)
    User.objects.filter(pk=mallory.pk).update(is_staff=True)
    page_of(staff_client(mallory).get("/admin/payments/deposit/"), 403)


def test_a_locked_sign_in_is_refused_on_a_page(db: None, settings: Any) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT + 1):
        answer = Client().post("/admin/login/", {"username": "nobody@example.com", "password": "wrong"})
    assert "Try again in" in page_of(answer, 429)
    assert int(answer["Retry-After"]) > 0
