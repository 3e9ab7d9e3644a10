"""Where the fields of a provider's document stand, and how its amounts are counted."""

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.webhooks import json_pointers, minor_units
from payments.webhooks.field_maps import FieldMap, OtherEvent, UnknownCurrency, read
from payments.webhooks.notices import MalformedEvent, read_object

#: The document and the pointers of RFC 6901, section 5.
RFC_DOCUMENT = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8,
}  # fmt: skip
RFC_POINTERS = {
    "/foo": ["bar", "baz"], "/foo/0": "bar", "/": 0, "/a~1b": 1, "/c%d": 2, "/e^f": 3, "/g|h": 4, "/i\\j": 5,
    '/k"l': 6, "/ ": 7, "/m~0n": 8,
}  # fmt: skip


@pytest.mark.parametrize(("pointer", "value"), RFC_POINTERS.items())
def test_pointers_mean_what_the_rfc_says(pointer: str, value: Any) -> None:
    assert json_pointers.look_up(RFC_DOCUMENT, json_pointers.read(pointer)) == value
    assert json_pointers.write(json_pointers.read(pointer)) == pointer


@pytest.mark.parametrize(
    "pointer", ["/foo/2", "/foo/-", "/foo/00", "/foo/-1", "/foo/\u0660", "/foo/0/0", "/bar", "/foo/bar"]
)
def test_what_is_not_there_is_missing(pointer: str) -> None:
    with pytest.raises(json_pointers.Missing):
        json_pointers.look_up(RFC_DOCUMENT, json_pointers.read(pointer))


@pytest.mark.parametrize("pointer", ["", "foo", "foo/0", "/~", "/~2", "/a~", "/a\n", "/" + "a" * 200, "/a" * 11, "$.a"])
def test_what_is_no_pointer_is_refused(pointer: str) -> None:
    with pytest.raises(ValueError, match="JSON pointer"):
        json_pointers.read(pointer)


@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=5), min_size=1, max_size=10))
def test_a_pointer_is_read_as_it_was_written(names: list[str]) -> None:
    assert json_pointers.read(json_pointers.write(tuple(names))) == tuple(names)


# --- units --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "places", "scheme", "minor", "amount"),
    [
        ("USD", 2, "stripe", "1250", "12.50"),
        ("USD", 2, "stripe", "1", "0.01"),
        ("JPY", 0, "stripe", "500", "500"),
        ("KWD", 3, "stripe", "5120", "5.120"),
        ("BHD", 3, "hmac_body", "1", "0.001"),
        ("USD", 4, "stripe", "1250", "12.50"),  # Till keeps more than the standard: a cent is a cent all the same
        ("XCG", 4, "hmac_body", "1250", "12.50"),
        ("CLF", 2, "hmac_body", "12500", "1.25"),
        ("ISK", 0, "stripe", "500", "5"),  # of Stripe's, in hundredths although it has none
        ("ISK", 0, "hmac_body", "500", "500"),
        ("UGX", 0, "stripe", "500", "5"),
        ("BTC", 8, "hmac_body", "1", "1E-8"),  # not of the standard
        ("USD", 2, "stripe", "9" * 38, "9" * 36 + ".99"),  # no digit is lost
    ],
)
def test_minor_units_become_units_exactly(currency: str, places: int, scheme: str, minor: str, amount: str) -> None:
    shift = minor_units.digits(currency, decimal_places=places, scheme=scheme)
    converted = minor_units.to_major(minor, shift, decimal_places=places)
    assert converted.as_tuple() == Decimal(amount).as_tuple()


def test_nothing_is_rounded_away() -> None:
    assert minor_units.to_major("1205", 3, decimal_places=2) == Decimal("1.205")  # and is refused for its decimals
    assert minor_units.to_major("0", 2, decimal_places=0) == 0


# --- documents ----------------------------------------------------------------------------------------------

FIELDS = FieldMap(
    transaction_id=("id",), amount=("amount",), user=("user",), amount_unit="major",
    currency=("currency",), event_type=("type",), credited_types=frozenset({"paid"}),
)  # fmt: skip
GOOD = '{"type": "paid", "id": "p1", "amount": "12.50", "user": "7", "currency": "eur"}'


def mapped(text: str, fields: FieldMap = FIELDS) -> Any:
    return read(read_object(text.encode()), fields, currencies={"EUR": 2, "JPY": 0}, scheme="hmac_body")


def test_a_document_is_read_where_the_map_says() -> None:
    notice = mapped(GOOD)
    assert (notice.transaction_id, notice.user_id, notice.account_id) == ("p1", "7", "")
    assert (notice.currency, notice.amount, notice.numbered) == ("EUR", Decimal("12.50"), False)


def test_the_type_is_looked_at_first() -> None:
    for text in ('{"type": "refunded"}', '{"type": "Paid", "id": null}'):
        with pytest.raises(OtherEvent):
            mapped(text)
    with pytest.raises(MalformedEvent):
        mapped(GOOD.replace('"paid"', "1"))


def test_a_currency_is_one_of_those_that_the_provider_may_pay_in() -> None:
    with pytest.raises(UnknownCurrency):
        mapped(GOOD.replace("eur", "usd"))


_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
_NAMES = st.sampled_from(["id", "amount", "user", "type", "currency"])
DOCUMENTS = st.dictionaries(
    _NAMES, st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(_NAMES, inner), max_leaves=6)
)


@given(DOCUMENTS)
def test_whatever_stands_there_is_read_or_named(document: dict[str, Any]) -> None:
    with contextlib.suppress(MalformedEvent, OtherEvent, UnknownCurrency):
        read({"type": "paid", **document}, FIELDS, currencies={"EUR": 2}, scheme="stripe")
