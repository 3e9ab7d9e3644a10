"""What generators of clients and tools that read the document need of it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.decimals import is_decimal
from config.docs_pages import schema_document
from config.problems.field_codes import FIELD_CODES
from config.problems.table import every_problem
from payments.events.types import TYPES
from tests.support.openapi_document import component, types_of

ALL = [one for methods in schema_document()["paths"].values() for one in methods.values()]
each_operation = pytest.mark.parametrize("operation", ALL, ids=[one["operationId"] for one in ALL])


def objects(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    if isinstance(part, list):
        for inside in part:
            yield from objects(inside)


def test_money_is_nowhere_a_number() -> None:
    """A generator makes a float of it."""
    assert not [part for part in objects(schema_document()) if "number" in types_of(part)]


@pytest.mark.parametrize("text", ["100", "100.00", "0.0000000001", "1" * 28, "0100", "1e2", "+1", "1.", ".5", "", "-1"])
@pytest.mark.parametrize("shape", ["Sha1ColonNoticeRequest", "Sha256ConcatNoticeRequest", "NoticeRequest"])
def test_the_amount_of_a_notice_is_text_whose_pattern_says_what_is_read(shape: str, text: str) -> None:
    amount = component(shape)["properties"]["amount"]
    assert amount["type"] == "string"
    assert bool(re.fullmatch(amount["pattern"], text)) == (not text.startswith("-") and is_decimal(text))


def test_only_previews_have_ids_that_may_be_null() -> None:
    shapes = schema_document()["components"]["schemas"]
    nullable = {name for name, shape in shapes.items() if "null" in types_of(shape.get("properties", {}).get("id", {}))}
    assert nullable == {name for name in shapes if name.endswith("Preview")}
    assert nullable >= {"TransferPreview", "DepositPreview", "PurchasePreview"}
    for name in ("Transfer", "Purchase", "Exchange"):
        assert types_of(shapes[name]["properties"]["transaction"]) == ["integer"]


@each_operation
def test_a_dry_run_answers_a_preview_and_the_real_thing_is_none(operation: dict[str, Any]) -> None:
    parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
    for status, answer in operation["responses"].items():
        for media in answer.get("content", {}).values():
            is_preview = media["schema"].get("$ref", "").endswith("Preview")
            assert is_preview == ("dry_run" in parameters and status == "200")


def test_the_richer_wallet_comes_first() -> None:
    """A reader that takes the first shape that fits loses nothing."""
    richer, poorer = (one["$ref"] for one in component("AnyWallet")["anyOf"])
    assert component(richer)["properties"].keys() > component(poorer)["properties"].keys()


def test_null_is_no_component() -> None:
    assert not [
        name for name, shape in schema_document()["components"]["schemas"].items() if shape.get("type") == "null"
    ]


@each_operation
def test_an_operation_says_how_to_sign_in_or_to_sign(operation: dict[str, Any]) -> None:
    schemes = schema_document()["components"]["securitySchemes"]
    named = {name for choice in operation["security"] for name in choice}
    assert named <= schemes.keys()
    assert named or "auth" in operation["tags"]
    assert ("bearer" in named) != ("webhooks" in operation["tags"]) or "auth" in operation["tags"]


def test_each_signature_says_what_is_signed() -> None:
    schemes = schema_document()["components"]["securitySchemes"]
    assert all(scheme["description"] for name, scheme in schemes.items() if name != "bearer")


def test_tags_are_described_in_the_order_of_use() -> None:
    tags = [tag["name"] for tag in schema_document()["tags"]]
    assert tags[0] == "auth"
    assert tags.index("wallets") < tags.index("transfers") < tags.index("webhooks") < tags.index("commission-rules")
    assert all(tag["description"] for tag in schema_document()["tags"])
    assert set(tags) == {tag for operation in ALL for tag in operation["tags"]}


def test_the_document_introduces_itself() -> None:
    info = schema_document()["info"]
    for subject in ("Sign in", "Amounts", "Idempotency", "Dry run", "Errors", "Pages", "Events", "Webhooks"):
        assert f"\n## {subject}\n" in info["description"]
    assert info["contact"]["name"]
    assert info["license"].keys() == {"name", "identifier"}
    assert schema_document()["servers"]


def test_codes_are_named_and_may_grow() -> None:
    """An `enum` would close them, even beside a plain text: Go's generator takes nothing else then."""
    members, codes = component("Problem")["properties"], {problem.code for problem in every_problem()}
    of_fields = members["errors"]["items"]["properties"]["code"]
    for code, known in ((members["code"], codes), (of_fields, codes | FIELD_CODES.keys())):
        assert code["type"] == "string"
        assert set(code["x-extensible-enum"]) == known
        assert "enum" not in code
    assert component("Problem")["additionalProperties"] is True


@each_operation
def test_a_parameter_of_several_values_says_that_it_may_be_repeated(operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["schema"].get("type") == "array":
            assert (parameter["style"], parameter["explode"]) == ("form", True)


def test_nothing_is_read_only_so_that_events_hold_all_of_it() -> None:
    """Requests have shapes of their own; a generator leaves read-only members out of what is sent."""
    assert not [part for part in objects(schema_document()) if part.get("readOnly") is True]


@each_operation
def test_what_creates_says_where_it_is_read(operation: dict[str, Any]) -> None:
    if created := operation["responses"].get("201"):
        assert created["headers"]["Location"]["required"]


def test_the_documents_webhooks_are_the_events_with_their_bodies() -> None:
    sent = schema_document()["webhooks"]
    assert sent.keys() == TYPES.keys()
    for name, methods in sent.items():
        media = methods["post"]["requestBody"]["content"]["application/json"]
        assert media["example"].keys() == component("Event")["properties"].keys()
        assert (media["example"]["type"], media["example"]["data"]) == (name, TYPES[name].example)
        assert media["schema"]["allOf"][1]["properties"]["type"]["const"] == name
