"""POST, PUT, PATCH and DELETE products: admins only, guarded by If-Match, exact in money."""

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from accounts.models import Role
from catalog.models import Product
from payments.models import Currency, Wallet
from tests.support.purchases import PRODUCTS, a_product, bought
from tests.support.rest import refused, signed_in

PEN = {"title": "Pen", "price": "25.00", "currency": "USD"}


def add(user: Any, **body: Any) -> Any:
    return signed_in(user).post(PRODUCTS, PEN | body)


def send(user: Any, method: str, product: Product, body: Any = None, **headers: str) -> Any:
    request = getattr(signed_in(user), method)
    body = None if method == "delete" else body
    return request(f"{PRODUCTS}/{product.pk}", body, headers={k.replace("_", "-"): v for k, v in headers.items()})


# --- who ---
@pytest.mark.parametrize("role", [Role.USER, Role.SERVICE])
def test_nobody_but_admins_changes_the_shop(mallory: Any, pen: Product, role: Role) -> None:
    mallory.take_role(role)
    mallory.is_staff = True  # staff without the role are support: they look
    answers = [add(mallory), *(send(mallory, method, pen, PEN) for method in ("put", "patch", "delete"))]
    for answer in answers:
        refused(answer, 403, "permission_denied")
    assert list(Product.objects.values_list("version", "is_active")) == [(1, True)]


def test_strangers_are_asked_to_sign_in(pen: Product) -> None:
    for method in ("put", "patch", "delete"):
        refused(getattr(APIClient(), method)(f"{PRODUCTS}/{pen.pk}"), 401, "not_authenticated")
    refused(APIClient().post(PRODUCTS, PEN), 401, "not_authenticated")


# --- create ---
def test_an_admin_adds_a_product(admin: Any) -> None:
    answer = add(admin, description="Steel nib.\n\tBlack ink.", stock=3, is_active=False)
    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"1"'
    product = Product.objects.get(pk=answer.json()["id"])
    assert (product.title, product.price, product.currency_id, product.stock) == ("Pen", 25, "USD", 3)
    assert not product.is_active


def test_a_new_product_has_defaults_for_what_is_left_out(admin: Any) -> None:
    body = add(admin).json()
    assert (body["description"], body["is_active"], body["stock"]) == ("", True, None)


@pytest.mark.parametrize(
    ("currency", "price", "written"),
    [
        ("USD", "0.01", "0.01"),
        ("USD", "25", "25.00"),
        ("USD", 25, "25.00"),
        ("USD", 25.5, "25.50"),
        ("JPY", "1500", "1500"),
        ("BTC", "0.00000001", "0.00000001"),
        ("USD", "1000000000000000000", "1000000000000000000.00"),
    ],
)
def test_a_price_is_taken_exactly(admin: Any, currency: str, price: Any, written: str) -> None:
    assert add(admin, currency=currency, price=price).json()["price"] == written


@pytest.mark.parametrize(
    ("currency", "price", "code"),
    [
        ("USD", "0", "amount_not_positive"),
        ("USD", "-1", "amount_not_positive"),
        ("USD", "0.001", "too_many_decimals"),
        ("USD", "25.000", "too_many_decimals"),
        ("JPY", "1.5", "too_many_decimals"),
        ("BTC", "0.000000001", "too_many_decimals"),
        ("USD", "1000000000000000000.01", "amount_too_large"),
        ("USD", "9" * 60, "amount_too_large"),
    ],
)
def test_a_price_that_breaks_a_rule_is_refused(admin: Any, pen: Product, currency: str, price: str, code: str) -> None:
    body = {"currency": currency, "price": price}
    for answer in (add(admin, **body), send(admin, "patch", pen, body), send(admin, "put", pen, PEN | body)):
        assert refused(answer, 422, "invalid_amount", "price")["errors"][0]["code"] == code
    assert Product.objects.get().price == 25


@pytest.mark.parametrize(
    "price", ["1e2", "+5", " 5", "5.", ".5", "05", "٣", "1_0", "NaN", "", "1,5", True, None, [], {}]
)
def test_a_price_that_is_not_an_amount_is_refused(admin: Any, price: Any) -> None:
    refused(add(admin, price=price), 400, "invalid_request", "price")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("title", ["", " ", "x" * 201, 5, None, "a\x00b", "a\nb", "‮evil"]),
        ("description", ["x" * 5001, 5, None, "a\x07"]),
        ("stock", [-1, "5", 1.0, True, 2**31]),
        ("is_active", ["yes", 1, None, "true"]),
        ("currency", ["", 5, None, "x" * 11]),
    ],
)
def test_a_product_of_a_wrong_shape_is_refused(admin: Any, field: str, values: list[Any]) -> None:
    for value in values:
        answer = add(admin, **{field: value})
        assert answer.status_code == 400, (field, value)
        assert answer.json()["code"] in ("invalid_request", "malformed_json")
    assert not Product.objects.exists()


def test_a_product_without_a_currency_is_in_the_default_one(admin: Any, settings: Any) -> None:
    """Replacing it without one leaves it what it is."""
    settings.TILL_DEFAULT_CURRENCY = "EUR"
    body = {"title": "Pen", "price": "25.00"}
    added = signed_in(admin).post(PRODUCTS, body)
    assert (added.status_code, added.json()["currency"]) == (201, "EUR")
    settings.TILL_DEFAULT_CURRENCY = "USD"
    replaced = signed_in(admin).put(f"{PRODUCTS}/{added.json()['id']}", body)
    assert (replaced.status_code, replaced.json()["currency"]) == (200, "EUR")


@pytest.mark.parametrize("missing", ["title", "price"])
def test_a_new_product_requires(admin: Any, missing: str) -> None:
    body = {name: value for name, value in PEN.items() if name != missing}
    refused(signed_in(admin).post(PRODUCTS, body), 400, "invalid_request", missing)


@pytest.mark.parametrize("code", ["XXX", "usd"])
def test_a_currency_that_is_not_in_use_is_refused(admin: Any, code: str) -> None:
    Currency.objects.filter(code="GBP").update(is_active=False)
    for currency in (code, "GBP"):
        refused(add(admin, currency=currency), 422, "currency_unavailable", "currency")


def test_what_is_not_for_the_client_to_set_is_refused(admin: Any) -> None:
    plants = {"id": 999, "version": 7, "created_at": "2000-01-01T00:00:00Z", "search_text": "x", "purchases": [1]}
    refused(add(admin, **plants), 400, "invalid_request", *plants)
    assert not Product.objects.exists()


# --- replace and change ---
def test_put_replaces_the_whole(admin: Any) -> None:
    product = a_product(stock=5, description="Old.")
    answer = send(admin, "put", product, PEN | {"title": "Quill"})
    assert answer.headers["ETag"] == '"2"'
    body = answer.json()
    assert (body["title"], body["description"], body["stock"]) == ("Quill", "", None)


def test_patch_changes_only_what_is_sent(admin: Any) -> None:
    product = a_product(stock=5)
    body = send(admin, "patch", product, {"price": "26.00"}).json()
    assert (body["price"], body["stock"], body["title"]) == ("26.00", 5, "Pen")


def test_a_product_is_found_by_its_new_title(admin: Any, pen: Product) -> None:
    send(admin, "patch", pen, {"title": "Feder"})
    counts = [len(signed_in(admin).get(PRODUCTS, {"search": text}).json()["results"]) for text in ("FEDER", "pen")]
    assert counts == [1, 0]


def test_a_change_without_a_difference_changes_nothing(admin: Any, pen: Product) -> None:
    assert send(admin, "patch", pen, {"price": "25"}).headers["ETag"] == '"1"'
    assert send(admin, "patch", pen, {}).headers["ETag"] == '"1"'


def test_a_product_whose_currency_has_gone_out_of_use_can_be_changed(admin: Any) -> None:
    product = a_product(currency_id="GBP")
    Currency.objects.filter(code="GBP").update(is_active=False)
    assert send(admin, "patch", product, {"title": "Old pen", "currency": "GBP"}).status_code == 200
    send(admin, "patch", product, {"currency": "USD"})
    refused(send(admin, "patch", product, {"currency": "GBP"}), 422, "currency_unavailable")


def test_the_price_is_checked_again_when_the_currency_changes(admin: Any) -> None:
    product = a_product(price=Decimal("25.50"))
    refused(send(admin, "patch", product, {"currency": "JPY"}), 422, "invalid_amount", "price")
    assert send(admin, "patch", product, {"currency": "JPY", "price": "26"}).json()["price"] == "26"


def test_the_currency_of_what_was_sold_stays(admin: Any, alice: Any, pen: Product, wallet: Wallet) -> None:
    assert send(admin, "patch", pen, {"currency": "EUR"}).status_code == 200
    assert send(admin, "patch", pen, {"currency": "USD"}).status_code == 200
    bought(alice, pen, wallet)
    refused(send(admin, "patch", pen, {"currency": "EUR"}), 409, "currency_fixed", "currency")
    assert send(admin, "patch", pen, {"currency": "USD", "price": "30"}).status_code == 200


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_product_that_is_not_there_is_404(admin: Any, pen: Product, method: str) -> None:
    pen.pk = 2**62
    refused(send(admin, method, pen, PEN), 404, "product_not_found")


# --- If-Match ---
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("tag", ['"1"', 'W/"1"', '"1-gzip"', '"2-x"', "2", '"x"', "", '"1", "3"', '"²"'])
def test_a_change_of_what_was_changed_since_is_refused(admin: Any, pen: Product, method: str, tag: str) -> None:
    send(admin, "patch", pen, {"title": "Quill"})
    refused(send(admin, method, pen, PEN, If_Match=tag), 412, "precondition_failed")
    assert Product.objects.get().title == "Quill"


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("tag", ['"1"', '"9", "1"', "*", 'W/"1"', '"1-gzip"', 'W/"1;br"'])
def test_a_change_of_what_was_not_changed_since_is_made(admin: Any, pen: Product, method: str, tag: str) -> None:
    assert send(admin, method, pen, PEN | {"title": "Quill"}, If_Match=tag).status_code in (200, 204)


def test_a_sale_from_stock_counts_as_a_change(admin: Any, alice: Any, wallet: Wallet) -> None:
    """Else an admin would write back a stock that is no longer there."""
    product = a_product(stock=3)
    bought(alice, product, wallet)
    refused(send(admin, "patch", product, {"stock": 3}, If_Match='"1"'), 412, "precondition_failed")
    assert Product.objects.get().stock == 2


# --- delete ---
def test_delete_destroys_what_was_never_sold(admin: Any, pen: Product) -> None:
    answer = send(admin, "delete", pen)
    assert (answer.status_code, answer.content) == (204, b"")
    refused(send(admin, "delete", pen), 404, "product_not_found")
    assert not Product.objects.exists()


def test_delete_archives_what_was_sold(admin: Any, alice: Any, pen: Product, wallet: Wallet) -> None:
    purchase = bought(alice, pen, wallet)
    assert [send(admin, "delete", pen).status_code for _ in range(2)] == [204, 204]
    body = send(admin, "get", pen).json()
    assert (body["is_active"], body["title"]) == (False, "Pen")
    refused(send(alice, "get", pen), 404, "product_not_found")
    assert signed_in(alice).get(f"/api/v1/purchases/{purchase['id']}").json()["title"] == "Pen"


def test_an_archived_product_can_be_put_on_sale_again(admin: Any, alice: Any, pen: Product, wallet: Wallet) -> None:
    bought(alice, pen, wallet)
    send(admin, "delete", pen)
    assert send(admin, "patch", pen, {"is_active": True}).status_code == 200
    assert send(alice, "get", pen).status_code == 200


# --- the demo's products ---
def test_the_demo_shop_is_seeded_once(db: None) -> None:
    output = StringIO()
    for _ in range(2):
        call_command("seed_products", stdout=output)
    assert output.getvalue().splitlines() == ["7 products added", "0 products added"]
    assert set(Product.objects.values_list("currency_id", flat=True)) == {"USD", "EUR"}


def test_seeding_leaves_what_staff_made_of_the_demo_shop(db: None) -> None:
    call_command("seed_products", stdout=StringIO())
    Product.objects.filter(title="Espresso").update(price=Decimal(3), version=2)
    call_command("seed_products", stdout=StringIO())
    assert Product.objects.get(title="Espresso").price == 3


def test_a_real_shop_is_not_seeded(db: None, settings: Any) -> None:
    settings.TILL_DEBUG = False
    with pytest.raises(CommandError, match="TILL_DEBUG"):
        call_command("seed_products")
    assert not Product.objects.exists()
