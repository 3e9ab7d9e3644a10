"""What the client sends and expects is in Till's OpenAPI document. Till may have more than that."""

import builtins
import inspect
import re
import subprocess
import sys
import types
import typing
from collections import abc
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args, get_origin

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
EXAMPLES: dict[Any, Any] = {str: "abc", bool: True, int: 1, Decimal: 1, datetime: datetime.now(UTC)}
DRIVER = SimpleNamespace(session=SimpleNamespace(tokens=Tokens("a", "b"), credentials=None))


@pytest.fixture(scope="module")
def document(till_checkout: Path) -> Any:
    command = [sys.executable, "manage.py", "spectacular", "--format", "openapi-json"]
    return json_text.decode(subprocess.run(command, cwd=till_checkout, check=True, stdout=subprocess.PIPE).stdout)


def example(hint: Any) -> Any:
    """Something of this type; of several, the first."""
    arguments = get_args(hint)
    match get_origin(hint):
        case types.UnionType | typing.Union:
            return example(arguments[0])
        case typing.Literal:
            return arguments[0]
        case abc.Mapping:
            return {"key": "abc"}
        case abc.Sequence | builtins.tuple:
            return (example(arguments[0]),)
    return EXAMPLES[hint]


def described(operation: Any) -> Call[Any]:
    """The call, with something for everything that can be given."""
    parameters = list(inspect.signature(operation.describe).parameters.values())[1:]
    given = {parameter.name: example(parameter.annotation) for parameter in parameters}
    call: Call[Any] = operation.describe(SimpleNamespace(_driver=DRIVER), **given)
    return call


def documented(document: Any, call: Call[Any]) -> Any:
    """The operation, of a path without places in it sooner than of one with them: users/me is no users/{id}."""
    for template, methods in sorted(document["paths"].items(), key=lambda path: path[0].count("{")):
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
    parameters = {parameter["name"] for parameter in known.get("parameters", ()) if parameter["in"] == "query"}
    assert {name.partition("[")[0] for name, _ in call.query} <= {name.partition("[")[0] for name in parameters}


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
