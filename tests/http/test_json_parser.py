"""The parser of the REST API: each input that two readers could understand differently is refused by name."""

import contextlib
import io
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError, UnsupportedMediaType

from api.parsers import StrictJSONParser
from config.problems import response_for


def parse(body: bytes, content_type: str = "application/json") -> dict[str, Any]:
    return StrictJSONParser().parse(io.BytesIO(body), content_type)


def test_the_parser_reads_an_object() -> None:
    assert parse(b'{"a": [1, -2, true, null, "\\u20ac \\ud83d\\ude00"]}') == {"a": [1, -2, True, None, "€ 😀"]}


@pytest.mark.parametrize("literal", ["100000000000000.07", "0.1", "-0.0"])
def test_the_parser_never_makes_a_float(literal: str) -> None:
    amount = parse(f'{{"amount": {literal}}}'.encode())["amount"]
    assert isinstance(amount, Decimal)
    assert amount == Decimal(literal)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"amount": 1, "amount": 999}', "'amount' is given twice"),
        (b'{"x": [{"\\u0061": 1, "a": 2}]}', "'a' is given twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": Infinity}', "Infinity"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\udc00x": 1}', "surrogate"),
        (b'{"a": ["x\\u0000"]}', "NUL"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too long"),
        (b'{"a": 1e2}', "exponent"),
        (b'{"a": 1E-2}', "exponent"),
        (b'{"a": 1e999999999}', "exponent"),
        (b'{"a": 1.5e-999999999}', "exponent"),
        (b'{"a": 0.' + b"1" * 5000 + b"}", "too long"),
        (b"[" * 15_000, "nested"),
        (b'{"a":' * 15_000, "nested"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "nested"),
        (b'\xef\xbb\xbf{"a": 1}', "BOM"),
        (b'{"a": "\xff"}', "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        (b'{"a": 1} x', "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 01}', "not JSON"),
        (b'{"a": +1}', "not JSON"),
        (b'{"a": "\n"}', "not JSON"),
        (b"", "not JSON"),
        (b"[]", "object"),
        (b"null", "object"),
        (b'"text"', "object"),
        (b"1", "object"),
    ],
)
def test_the_parser_refuses_and_says_why(body: bytes, named: str) -> None:
    with pytest.raises(ParseError, match=named):
        parse(body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"b": 1, "a": "x\\u0000"}', "a"),
        (b'{"a": [{"b": "\\ud800"}]}', "a"),
        (b'{"a": {"\\u0000": 1}, "b": 1}', "a"),
        (b'{"a": 1, "b": 2, "a": 3}', "a"),
        (b'{"x": [{"a": 1, "a": 2}]}', "x"),
        (b'{"b": 1, "a": NaN}', "a"),
        (b'{"b": 1, "a": [-Infinity]}', "a"),
        (b'{"b": 1, "a": 1e2}', "a"),
        (b'{"b": 1, "a": ' + b"9" * 65 + b"}", "a"),
        (b'{"b": 1, "a": 0.' + b"1" * 65 + b"}", "a"),
        (b'{"x": ' + b"[" * 40 + b"]" * 40 + b"}", "x"),
    ],
)
def test_the_parser_names_the_field_that_cannot_be_taken(body: bytes, field: str) -> None:
    with pytest.raises(ParseError) as refused:
        parse(body)
    response = response_for(refused.value)
    assert response is not None
    assert response.data["code"] == "malformed_json"
    assert [error["field"] for error in response.data["errors"]] == [field]
    assert response.data["errors"][0]["detail"] == response.data["detail"]


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"]
)
def test_the_parser_takes_json_in_utf_8(kind: str) -> None:
    assert parse(b"{}", kind) == {}


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/*",
        "*/*",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/merge-patch+json",
    ],
)
def test_the_parser_refuses_every_other_media_type(kind: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        parse(b"{}", kind)


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=10)
def test_the_parser_stops_reading_at_the_limit() -> None:
    stream = io.BytesIO(b'{"a": "' + b"x" * 1000 + b'"}')
    with pytest.raises(RequestDataTooBig):
        StrictJSONParser().parse(stream, "application/json")
    assert stream.tell() == 11


@given(st.binary(max_size=200))
def test_the_parser_raises_nothing_else(body: bytes) -> None:
    with contextlib.suppress(ParseError):
        assert isinstance(parse(body), dict)


@given(st.text(alphabet='{}[]":,\\u0dDeE+-.123 ntf', max_size=60))
def test_the_parser_raises_nothing_else_for_what_looks_like_json(text: str) -> None:
    with contextlib.suppress(ParseError):
        assert isinstance(parse(text.encode()), dict)
