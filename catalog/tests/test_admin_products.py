"""/admin: products, by the same rules as the API's."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog import services
from catalog.models import Product
from payments.models import Wallet
from tests.support import recipes
from tests.support.admin_forms import loaded, shown_field
from tests.support.admin_pages import staff_client
from tests.support.purchases import a_product, bought

LIST = "/admin/catalog/product/"


@pytest.fixture
def site(admin: Any) -> Client:
    return staff_client(admin)


def listed(site: Client, **query: str) -> list[str]:
    return [product.title for product in site.get(LIST, query).context["cl"].result_list]


def form(product: Product, **changed: Any) -> dict[str, Any]:
    product.refresh_from_db()
    fields = {
        "title": product.title,
        "description": product.description,
        "price": f"{product.price:.2f}",
        "currency": product.currency_id,
        "stock": "" if product.stock is None else product.stock,
        "is_active": "on",
    }
    return {name: value for name, value in (fields | changed).items() if value is not None}


def change(site: Client, product: Product, **changed: Any) -> Any:
    page = f"{LIST}{product.pk}/change/"
    return site.post(page, shown_field(site, page) | form(product, **changed))


def errors(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200, answer
    return dict(answer.context["adminform"].form.errors)


def rows(site: Client) -> dict[str, Any]:
    """What a browser that has loaded the list sends when nothing was typed: the newest product is row 0."""
    return loaded(site, LIST) | {"_save": "Save"}


# --- finding --------------------------------------------------------------------------------------------------


def test_the_product_list_finds_as_the_api_does_whatever_the_case(site: Client, pen: Product) -> None:
    strasse = a_product(title="Plan der STRASSE", description="100 % waterproof_")
    for term in ("straße", "strasse", "Plan DER", "100 %", "waterproof_", str(strasse.pk)):
        assert listed(site, q=term) == ["Plan der STRASSE"], term
    assert listed(site, q="nothing like it") == []
    assert listed(site) == ["Plan der STRASSE", "Pen"]


def test_an_empty_product_list_says_what_would_be_here(site: Client) -> None:
    assert "Add a product, and everybody" in site.get(LIST).content.decode()
    assert "Nothing here matches" in site.get(LIST, {"q": "pen"}).content.decode()


def test_the_product_list_costs_the_same_for_many_as_for_few(site: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert site.get(LIST).status_code == 200
        return len(captured)

    a_product()
    few = queries()
    for _ in range(20):
        a_product()
    assert queries() == few <= 14


# --- adding and changing --------------------------------------------------------------------------------------


def test_the_product_form_adds_a_product_and_writes_it_down(site: Client, admin: Any) -> None:
    body = {"title": "Ink", "description": "Black.", "price": "7.50", "currency": "USD", "stock": "3"}
    answer = site.post(f"{LIST}add/", body | {"is_active": "on"})
    assert answer.status_code == 302
    ink = Product.objects.get()
    assert (ink.title, ink.price, ink.stock, ink.is_active, ink.version) == ("Ink", Decimal("7.5"), 3, True, 1)
    assert ink.search_text == "ink\nblack."
    assert LogEntry.objects.get(user=admin).object_id == str(ink.pk)
    site.post(f"{LIST}add/", body)
    assert not Product.objects.first().is_active  # type: ignore[union-attr]  # there is one


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"price": "7.505"}, "price"),
        ({"price": "0"}, "price"),
        ({"price": "-1"}, "price"),
        ({"price": "1e2"}, "price"),
        ({"price": "\u0661\u0660"}, "price"),
        ({"price": "9" * 30}, "price"),
        ({"price": ""}, "price"),
        ({"currency": "XXX"}, "currency"),
        ({"title": ""}, "title"),
        ({"title": "a\u202eb"}, "title"),
        ({"stock": "-1"}, "stock"),
        ({"stock": str(2**31)}, "stock"),
    ],
)
def test_the_product_form_names_what_is_wrong(site: Client, pen: Product, wrong: dict[str, str], field: str) -> None:
    body = {"title": "Ink", "description": "", "price": "7.50", "currency": "USD", "stock": ""} | wrong
    assert list(errors(site.post(f"{LIST}add/", body))) == [field]
    assert list(errors(change(site, pen, **wrong))) == [field]
    assert Product.objects.get() == pen
    assert Product.objects.get().version == 1


def test_the_product_form_changes_what_was_typed_and_says_from_what_to_what(site: Client, pen: Product) -> None:
    assert change(site, pen, price="30.00", stock="5").status_code == 302
    pen.refresh_from_db()
    assert (pen.price, pen.stock, pen.version) == (30, 5, 2)
    message = LogEntry.objects.get().get_change_message()
    assert message == "Changed price from 25.00 to 30.00, stock from unlimited to 5."


def test_nothing_typed_is_nothing_changed(site: Client, pen: Product) -> None:
    assert change(site, pen).status_code == 302
    pen.refresh_from_db()
    assert pen.version == 1


def test_nobodys_change_is_lost(site: Client, pen: Product) -> None:
    page = f"{LIST}{pen.pk}/change/"
    seen = shown_field(site, page) | form(pen, price="30.00")
    services.change_product(product_id=pen.pk, price=Decimal("27.00"))
    answer = site.post(page, seen)
    assert "was changed meanwhile. Now: price 27.00" in str(errors(answer)["__all__"])
    pen.refresh_from_db()
    assert (pen.price, pen.version) == (27, 2)


def test_the_currency_of_what_was_sold_stays(site: Client, alice: Any, pen: Product, wallet: Wallet) -> None:
    assert change(site, pen, currency="EUR").status_code == 302
    pen.refresh_from_db()
    assert pen.currency_id == "EUR"
    services.change_product(product_id=pen.pk, currency="USD")
    bought(alice, pen, wallet)
    assert change(site, pen, currency="EUR", title="Fountain pen").status_code == 302
    pen.refresh_from_db()
    assert (pen.currency_id, pen.title) == ("USD", "Fountain pen")


def test_forms_offer_currencies_in_use(site: Client) -> None:
    from payments.models import Currency

    Currency.objects.filter(pk="EUR").update(is_active=False)
    query = {"app_label": "catalog", "model_name": "product", "field_name": "currency"}
    offered = [row["id"] for row in site.get("/admin/autocomplete/", query).json()["results"]]
    assert "USD" in offered
    assert "EUR" not in offered


# --- the list -------------------------------------------------------------------------------------------------


def test_prices_are_changed_in_the_list(site: Client, pen: Product) -> None:
    lamp = a_product(title="Lamp", stock=4)
    page = site.get(LIST).content.decode()
    assert 'name="form-0-price" value="25.00"' in page
    sent = rows(site) | {"form-0-price": "59.00", "form-0-stock": "9", "form-1-price": "26.50"}
    assert site.post(LIST, sent).status_code == 302
    for product, price, stock in ((lamp, "59", 9), (pen, "26.50", None)):
        product.refresh_from_db()
        assert (product.price, product.stock, product.version) == (Decimal(price), stock, 2)
    assert {entry.object_id for entry in LogEntry.objects.all()} == {str(lamp.pk), str(pen.pk)}


def test_a_product_is_taken_off_sale_in_the_list(site: Client, pen: Product) -> None:
    sent = rows(site)
    del sent["form-0-is_active"]
    site.post(LIST, sent)
    pen.refresh_from_db()
    assert (pen.is_active, pen.version) == (False, 2)


def test_a_wrong_price_in_the_list_changes_nothing_at_all(site: Client, pen: Product) -> None:
    a_product(title="Lamp")
    answer = site.post(LIST, rows(site) | {"form-0-price": "59.00", "form-1-price": "26.505"})
    assert "The currency has 2 decimal places." in answer.content.decode()
    assert set(Product.objects.values_list("price", "version")) == {(Decimal(25), 1)}


def test_the_list_loses_nobodys_change_and_leaves_alone_what_was_not_touched(site: Client, pen: Product) -> None:
    a_product(title="Lamp")
    seen = rows(site)
    services.change_product(product_id=pen.pk, price=Decimal("27.00"))
    answer = site.post(LIST, seen | {"form-1-price": "30.00"})
    assert "was changed meanwhile" in answer.content.decode()
    assert site.post(LIST, seen | {"form-0-price": "59.00"}).status_code == 302
    assert dict(Product.objects.values_list("title", "price")) == {"Lamp": 59, "Pen": 27}


def test_a_refused_list_shows_each_price_beside_its_own_product(site: Client, pen: Product) -> None:
    seen = rows(site) | {"form-0-price": "no price"}
    a_product(title="Lamp")
    changelist = site.post(LIST, seen).context["cl"]
    assert [row.title for row in changelist.result_list] == ["Pen"]


def test_a_row_that_does_not_say_what_it_showed_is_refused(site: Client, pen: Product) -> None:
    sent = rows(site) | {"form-0-price": "1.00"}
    sent["form-0-shown"] = ""
    assert site.post(LIST, sent).status_code == 200
    assert Product.objects.get().price == 25


def test_all_two_hundred_products_are_shown_and_saved(site: Client, pen: Product) -> None:
    """What the list shows when it is asked for all, it also takes back."""
    recipes.product.make(_quantity=199, _bulk_create=True)
    page = f"{LIST}?all="
    sent = loaded(site, page) | {"_save": "Save"}
    assert sent["form-TOTAL_FORMS"] == "200"
    assert site.post(page, sent | {"form-199-price": "26.50"}).status_code == 302
    pen.refresh_from_db()
    assert pen.price == Decimal("26.50")


# --- deleting -------------------------------------------------------------------------------------------------


def test_what_was_sold_is_archived_and_the_rest_deleted(
    site: Client, alice: Any, admin: Any, pen: Product, wallet: Wallet
) -> None:
    lamp = a_product(title="Lamp")
    bought(alice, pen, wallet)
    query = site.post(LIST, {"action": "remove", "_selected_action": [pen.pk, lamp.pk]})
    page = site.get(query["Location"]).content.decode()
    assert "was sold, so it will be archived." in page
    assert "was never sold; it will be deleted." in page
    done = site.post(query["Location"], {"reason": "season is over"}, follow=True).content.decode()
    assert "“Pen”: Archived, because it was sold." in done
    assert "“Lamp”: Deleted." in done
    assert [(product.title, product.is_active) for product in Product.objects.all()] == [("Pen", False)]
    assert LogEntry.objects.filter(user=admin, change_message__endswith="Reason: season is over").count() == 2


def test_the_pages_own_delete_button_asks_first(site: Client, pen: Product) -> None:
    answer = site.get(f"{LIST}{pen.pk}/delete/")
    assert answer["Location"] == f"{LIST}remove/?id={pen.pk}"
    assert site.post(f"{LIST}{pen.pk}/delete/", {"post": "yes"}).status_code == 302
    assert (
        site.post(LIST, {"action": "delete_selected", "_selected_action": [pen.pk], "post": "yes"}).status_code == 403
    )
    assert Product.objects.filter(pk=pen.pk).exists()
    site.post(answer["Location"], {"reason": "a slip"})
    assert not Product.objects.exists()
