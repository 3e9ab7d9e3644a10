"""The strict reader by itself: literals as they were written, or MalformedEvent and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.webhooks.notices import (
    MAX_BODY_BYTES,
    BodyTooLarge,
    MalformedEvent,
    UnsupportedContentType,
    check_content,
    is_uuid,
    parse,
)

SCHEMES = ["sha1_colon", "sha256_concat", "standard_webhooks"]
UUID = "5eae174f-7cd0-472c-bd36-35660f00132b"


def body(**fields: str) -> bytes:
    """A notice of the form sha256_concat; fields are JSON literals."""
    known = {"transaction_id": f'"{UUID}"', "user_id": "1", "account_id": "1", "amount": "100"} | fields
    return ("{" + ",".join(f'"{name}":{literal}' for name, literal in known.items()) + "}").encode()


@pytest.mark.parametrize("amount", ["100", "100.0", "100.00", "0.00001", "100000000000000.07", "-5", "0"])
def test_the_strict_reader_leaves_the_amount_as_it_was_written(amount: str) -> None:
    assert parse(body(amount=amount), "sha256_concat").amount == amount
    assert parse(body(amount=f'"{amount}"'), "sha256_concat").amount == amount


def test_the_strict_reader_reads_each_form() -> None:
    sha1 = parse(b'{"transaction_id":7,"user_id":1,"bill_id":123456,"amount":1,"signature":"s"}', "sha1_colon")
    assert (sha1.transaction_id, sha1.account_id, sha1.signature) == ("7", "123456", "s")
    assert parse(body(), "sha256_concat").signature is None
    assert parse(body(transaction_id="7"), "standard_webhooks").transaction_id == "7"
    assert parse(body(transaction_id='"seven"'), "standard_webhooks").transaction_id == "seven"


def test_the_strict_reader_takes_a_bill_or_an_account_where_either_may_come_but_not_both() -> None:
    bill = body().replace(b"account_id", b"bill_id")
    assert parse(bill, "standard_webhooks").account_id == "1"
    with pytest.raises(MalformedEvent) as refusal:
        parse(body(bill_id="2"), "standard_webhooks")
    assert refusal.value.field == "account_id"


@pytest.mark.parametrize(
    "text", [UUID + "0", UUID[:-1], UUID.replace("-", ""), "{" + UUID + "}", f"urn:uuid:{UUID}", UUID + "\n"]
)
def test_only_the_usual_spelling_is_a_uuid(text: str) -> None:
    assert is_uuid(UUID)
    assert not is_uuid(text)


def test_a_signature_is_kept_whatever_it_is_but_a_number_is_none() -> None:
    assert parse(body(signature="12345"), "sha256_concat").signature is None
    assert parse(body(signature="[1]"), "sha256_concat").signature == ["1"]


@pytest.mark.parametrize("raw", [b"", b" ", b"[" * 60_000, b"\xff", b"1" * 60_000, b"null"])
def test_what_is_no_object_names_no_field(raw: bytes) -> None:
    with pytest.raises(MalformedEvent) as refusal:
        parse(raw, "sha256_concat")
    assert refusal.value.field == ""


def test_a_key_that_stands_twice_is_named_in_ascii() -> None:
    with pytest.raises(MalformedEvent) as refusal:
        parse('{"сумма": 1, "сумма": 2}'.encode(), "sha256_concat")
    assert refusal.value.field.isascii()
    with pytest.raises(MalformedEvent):
        parse(body(note='{"a": 1, "a": 2}'), "sha256_concat")


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_only_python_takes_for_a_number_is_named_where_it_stands(constant: str) -> None:
    held = {"amount": body(amount=constant), "note": body(note=constant), "": body(note=f"[{constant}]")}
    for field, raw in held.items():
        with pytest.raises(MalformedEvent, match=constant) as refusal:
            parse(raw, "sha256_concat")
        assert refusal.value.field == field
    for raw in (constant.encode(), b"[" + constant.encode() + b"]", body(amount=constant) + b"x"):
        with pytest.raises(MalformedEvent) as refusal:
            parse(raw, "sha256_concat")
        assert refusal.value.field == ""


def test_nothing_over_64_kib_is_read() -> None:
    with pytest.raises(BodyTooLarge):
        parse(b" " * (MAX_BODY_BYTES + 1), "sha256_concat")
    with pytest.raises(BodyTooLarge):
        check_content("application/json", MAX_BODY_BYTES + 1)
    check_content("application/json", MAX_BODY_BYTES)


def test_size_is_looked_at_before_the_content_type() -> None:
    with pytest.raises(BodyTooLarge):
        check_content("text/plain", MAX_BODY_BYTES + 1)
    with pytest.raises(UnsupportedContentType):
        check_content("text/plain", 1)


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=200))
def test_no_bytes_whatever_raise_anything_else(scheme: str, raw: bytes) -> None:
    with pytest.raises(MalformedEvent):
        parse(raw, scheme)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(max_examples=100, deadline=None)
@given(
    fields=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("transaction_id", "user_id", "account_id", "bill_id", "amount", "signature"), ANYTHING),
    )
)
def test_whatever_it_reads_is_canonical(scheme: str, fields: dict[str, Any]) -> None:
    try:
        notice = parse(json.dumps(fields).encode(), scheme)
    except MalformedEvent:
        return
    assert str(int(notice.user_id)) == notice.user_id
    assert str(int(notice.account_id)) == notice.account_id
    assert notice.amount.isascii()
    assert notice.transaction_id.isascii()
