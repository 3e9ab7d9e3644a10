"""GET products: what is on sale for everybody, everything for admins; search, filters, order, pages, ETag."""

from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from catalog.models import Product
from tests.support import recipes
from tests.support.purchases import PRODUCTS, a_product
from tests.support.rest import ids, refused, signed_in

NAMES = "price", "title", "created_at", "id"


def test_a_product_is_shown_to_everybody_who_has_signed_in(alice: Any, pen: Product) -> None:
    answer = signed_in(alice).get(f"{PRODUCTS}/{pen.pk}")
    body = answer.json()
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": pen.pk, "title": "Pen", "description": "Steel nib.", "price": "25.00", "currency": "USD",
        "is_active": True, "stock": None,
    }  # fmt: skip
    assert answer.headers["ETag"] == '"1"'


def test_nothing_is_shown_to_strangers(pen: Product) -> None:
    for address in (PRODUCTS, f"{PRODUCTS}/{pen.pk}"):
        refused(APIClient().get(address), 401, "not_authenticated")


@pytest.mark.parametrize(("currency", "price", "written"), [("JPY", "1500", "1500"), ("BTC", "0.1", "0.10000000")])
def test_prices_have_the_decimals_of_their_currency(alice: Any, currency: str, price: str, written: str) -> None:
    product = a_product(currency_id=currency, price=Decimal(price))
    assert signed_in(alice).get(f"{PRODUCTS}/{product.pk}").json()["price"] == written


def test_archived_products_are_shown_to_admins_only(alice: Any, mallory: Any, admin: Any, pen: Product) -> None:
    hidden = a_product(title="Secret", is_active=False)
    for user in (alice, mallory):
        refused(signed_in(user).get(f"{PRODUCTS}/{hidden.pk}"), 404, "product_not_found")
        assert ids(signed_in(user).get(PRODUCTS)) == [pen.pk]
        assert ids(signed_in(user).get(PRODUCTS, {"search": "secret"})) == []
    assert signed_in(admin).get(f"{PRODUCTS}/{hidden.pk}").status_code == 200
    assert ids(signed_in(admin).get(PRODUCTS)) == [hidden.pk, pen.pk]
    assert ids(signed_in(admin).get(PRODUCTS, {"is_active": "false"})) == [hidden.pk]
    assert ids(signed_in(admin).get(PRODUCTS, {"is_active": "true"})) == [pen.pk]


@pytest.mark.parametrize("number", ["0", "-1", "abc", "1.0", "9" * 19, "9" * 30, "9" * 5000])
def test_a_product_with_an_id_that_cannot_be_is_404(alice: Any, number: str) -> None:
    assert signed_in(alice).get(f"{PRODUCTS}/{number}").status_code == 404


def test_options_say_what_may_be_done(alice: Any, admin: Any, pen: Product) -> None:
    for user, address in ((alice, PRODUCTS), (admin, f"{PRODUCTS}/{pen.pk}")):
        assert "GET" in signed_in(user).options(address).headers["Allow"]


# --- search ---
@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("map", ["Map of Rome"]),
        ("ROME", ["Map of Rome"]),
        ("складная", ["Карта"]),
        ("карт", ["Карта"]),
        ("СКЛАДНАЯ", ["Карта"]),
        ("strasse", ["Straße"]),
        ("100%", ["100% wool"]),
        ("_", []),
        ("%", ["100% wool"]),
        ("\\", ["back\\slash"]),
        ("'; DROP TABLE catalog_product; --", []),
        ("folded", ["Map of Rome"]),
    ],
)
def test_the_search_reads_titles_and_descriptions_in_any_case(alice: Any, text: str, titles: list[str]) -> None:
    a_product(title="Map of Rome", description="Folded.\nWaterproof.")
    a_product(title="Карта", description="Складная")
    for title in ("Straße", "100% wool", "back\\slash"):
        a_product(title=title, description="")
    answer = signed_in(alice).get(PRODUCTS, {"search": text})
    assert [row["title"] for row in answer.json()["results"]] == titles


# --- filters ---
@pytest.mark.parametrize(
    ("query", "prices"),
    [
        ({"currency": "EUR"}, ["25.00"]),
        ({"currency": "USD", "price_min": "10"}, ["10.00", "20.00"]),
        ({"currency": "USD", "price_max": "10.00"}, ["10.00", "9.99"]),
        ({"price_min": "9.99", "price_max": "10"}, ["10.00", "9.99"]),
        ({"price_min": "0"}, ["25.00", "20.00", "10.00", "9.99"]),
        ({"currency": "BTC"}, []),
    ],
)
def test_the_product_list_filters(alice: Any, query: dict[str, str], prices: list[str]) -> None:
    for price, currency in (("9.99", "USD"), ("10", "USD"), ("20", "USD"), ("25", "EUR")):
        a_product(price=Decimal(price), currency_id=currency)
    answer = signed_in(alice).get(PRODUCTS, query)
    assert sorted(row["price"] for row in answer.json()["results"]) == sorted(prices)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in ("price_min", "price_max") for value in ("x", "1e2", "-1", "٣", "NaN", "9" * 29)),
        *(("ordering", value) for value in ("stock", "price,id", "--price", "version", "?")),
        ("currency", "usd"),
        ("search", "x" * 101),
        ("search", ""),
        ("is_active", "true"),
        ("title", "Pen"),
        ("limit", "201"),
        ("cursor", "x"),
    ],
)
def test_the_product_list_refuses_what_it_does_not_understand(alice: Any, name: str, value: str) -> None:
    refused(signed_in(alice).get(PRODUCTS, {name: value}), 400, "invalid_request", name)


def test_the_product_list_refuses_an_odd_is_active(admin: Any) -> None:
    refused(signed_in(admin).get(PRODUCTS, {"is_active": "maybe"}), 400, "invalid_request", "is_active")


# --- order and pages ---
def walked(user: Any, ordering: str, limit: int) -> tuple[list[int], list[int]]:
    """All ids from the first page to the last, and all from the last page back."""
    client, address = signed_in(user), f"{PRODUCTS}?ordering={ordering}&limit={limit}"
    product_ids: list[int] = []
    back: list[int] = []
    while address:
        page = client.get(address).json()
        product_ids += [row["id"] for row in page["results"]]
        last, address = page, page["next"]
    while last:
        back = [row["id"] for row in last["results"]] + back
        last = client.get(last["previous"]).json() if last["previous"] else None
    return product_ids, back


@pytest.mark.parametrize("ordering", [*NAMES, *(f"-{name}" for name in NAMES)])
def test_the_product_list_walks_through_equal_ones_by_id(alice: Any, ordering: str) -> None:
    for title, price in (("b", "9"), ("a", "10"), ("B", "10"), ("b c", "10"), ("A", "0.50"), ("b", "9"), ("c", "100")):
        a_product(title=title, price=Decimal(price))
    name = ordering.lstrip("-")
    key = {"title": lambda p: (p.title.casefold(), p.pk)}.get(name, lambda p: (getattr(p, name), p.pk))
    expected = [p.pk for p in sorted(Product.objects.all(), key=key, reverse=ordering.startswith("-"))]
    for limit in (1, 2, 3, 50):
        product_ids, back = walked(alice, ordering, limit)
        assert product_ids == back == expected


def test_the_product_list_does_not_repeat_or_lose_any_when_others_come_and_go(alice: Any) -> None:
    """Pages are found by where the last one ended, not by counting: also among hundreds of equal prices."""
    pens = [a_product(title=f"Pen {number}") for number in range(6)]
    page = signed_in(alice).get(PRODUCTS, {"ordering": "price", "limit": "3"}).json()
    pens[0].delete()
    a_product(price=Decimal(1))
    following = signed_in(alice).get(page["next"])
    assert ids(following) == [pen.pk for pen in pens[3:]]


def test_the_product_list_walks_through_more_equal_ones_than_an_offset_may_count(alice: Any) -> None:
    recipes.product.make(_quantity=1300, _bulk_create=True)
    product_ids, _ = walked(alice, "price", 200)
    assert len(product_ids) == len(set(product_ids)) == 1300


def test_the_product_list_begins_with_the_newest_unless_asked(alice: Any) -> None:
    first, second = a_product(), a_product()
    assert ids(signed_in(alice).get(PRODUCTS)) == [second.pk, first.pk]


@pytest.mark.parametrize("count", [1, 30])
def test_the_product_list_takes_one_query(alice: Any, django_assert_num_queries: Any, count: int) -> None:
    for _ in range(count):
        a_product()
    client = signed_in(alice)
    with django_assert_num_queries(1):
        client.get(PRODUCTS, {"ordering": "title", "search": "pen"})


# --- ETag ---
@pytest.mark.parametrize("tag", ['"1"', '"7", "1"', 'W/"1"', "*"])
def test_a_product_that_the_client_holds_is_answered_304(alice: Any, pen: Product, tag: str) -> None:
    answer = signed_in(alice).get(f"{PRODUCTS}/{pen.pk}", headers={"If-None-Match": tag})
    assert answer.status_code == 304
    assert answer.headers["ETag"] == '"1"'
    assert not answer.content


@pytest.mark.parametrize("tag", ['"2"', "1", "", "x", '"', "é"])
def test_a_product_is_answered_in_full_otherwise(alice: Any, pen: Product, tag: str) -> None:
    answer = signed_in(alice).get(f"{PRODUCTS}/{pen.pk}", headers={"If-None-Match": tag})
    assert answer.status_code == 200
