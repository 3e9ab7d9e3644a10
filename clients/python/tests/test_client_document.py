"""What the client sends and expects is in Till's OpenAPI document. Till may have more than that."""

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from till_client import Tokens, json_text, records, resources
from till_client.calls import Call, ListOperation, Operation
from till_client.decoding import Record

#: Records by other names than in the document, and those that it does not name.
NAMES = {
    "SettlementScope": "Scope",
    "EventPage": "Feed",
    "WebhookEndpoint": "Endpoint",
    "WebhookEndpointWithSecret": "EndpointSecret",
    "DeliveryAttempt": "Attempt",
}
RECORDS = [getattr(records, name) for name in records.__all__]
OPERATIONS = [
    pytest.param(operation, id=f"{name}.{member}")
    for name in resources.__all__
    for member, operation in vars(getattr(resources, name)).items()
    if isinstance(operation, Operation | ListOperation)
]
#: For what has to be given. All else takes a 1.
EXAMPLES: dict[Any, Any] = {str: "abc", Mapping[str, Any]: {}, Sequence[str]: ("abc",)}
DRIVER = SimpleNamespace(session=SimpleNamespace(tokens=Tokens("a", "b"), credentials=None))


@pytest.fixture(scope="module")
def document(till_checkout: Path) -> Any:
    command = [sys.executable, "manage.py", "spectacular", "--format", "openapi-json"]
    return json_text.decode(subprocess.run(command, cwd=till_checkout, check=True, stdout=subprocess.PIPE).stdout)


def described(operation: Any) -> Call[Any]:
    """The call, with something for everything that has to be given."""
    needed = [
        parameter
        for parameter in list(inspect.signature(operation.describe).parameters.values())[1:]
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    ]
    given = {parameter.name: EXAMPLES.get(parameter.annotation, 1) for parameter in needed}
    call: Call[Any] = operation.describe(SimpleNamespace(_driver=DRIVER), **given)
    return call


def documented(document: Any, call: Call[Any]) -> Any:
    for template, methods in document["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, "/api/v1" + call.path) and call.method.lower() in methods:
            return methods[call.method.lower()]
    pytest.fail(f"the document knows no {call.method} {call.path}")


def members(document: Any, schema: Any) -> set[str]:
    """Of an object, with what it takes over from others."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    parts = [*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return set(schema.get("properties", ())).union(*(members(document, part) for part in parts))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_in_the_document(document: Any, operation: Any) -> None:
    call = described(operation)
    known = documented(document, call)
    content = known.get("requestBody", {}).get("content", {}).get("application/json", {})
    sent = json_text.decode(call.content) if call.content else {}
    assert set(sent) <= members(document, content.get("schema", {}))


def needed_members(kind: type[Record]) -> Iterator[str]:
    yield from (
        field.name.rstrip("_")
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    )


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_a_record_expects_nothing_that_is_not_in_the_document(document: Any, kind: type[Record]) -> None:
    name = NAMES.get(kind.__name__, kind.__name__)
    assert set(needed_members(kind)) <= members(document, {"$ref": f"#/components/schemas/{name}"})
