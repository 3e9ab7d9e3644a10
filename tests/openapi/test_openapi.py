"""The OpenAPI document and the pages that show it: complete, true to itself, and without the internet."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client

from config.docs_pages import schema_document
from tests.support.openapi_document import component, types_of

ROOT = Path(__file__).resolve().parents[2]
Operation = tuple[str, dict[str, Any]]
WRITES = ("POST ", "PUT ", "PATCH ")


def operations() -> Iterator[Operation]:
    for address, methods in schema_document()["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield f"{method.upper()} {address}", operation


def media_of(operation: dict[str, Any], *, errors: bool = False) -> Iterator[dict[str, Any]]:
    """The request and the answers of an operation that have a body."""
    bodies = [operation.get("requestBody", {})]
    bodies += [body for status, body in operation["responses"].items() if errors or status < "400"]
    for body in bodies:
        yield from body.get("content", {}).values()


def every_media() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, operation in operations():
        for media in media_of(operation, errors=True):
            yield name, media


ALL = sorted(operations(), key=lambda shapes: shapes[0])
each_operation = pytest.mark.parametrize(("name", "operation"), ALL, ids=[name for name, _ in ALL])


def test_the_document_is_valid_and_made_without_a_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")


@each_operation
def test_the_document_names_and_explains_an_operation(name: str, operation: dict[str, Any]) -> None:
    assert operation.get("operationId"), name
    assert operation.get("summary"), name
    assert operation.get("description"), name
    assert operation.get("tags"), name


def test_the_document_gives_each_operation_its_own_id() -> None:
    ids = [operation["operationId"] for _, operation in ALL]
    assert len(ids) == len(set(ids))


@each_operation
def test_the_document_shows_an_example_of_an_operation(name: str, operation: dict[str, Any]) -> None:
    bodies = list(media_of(operation))
    assert not bodies or any("examples" in body or "example" in body for body in bodies), name


@each_operation
def test_the_document_lists_the_errors_of_an_operation(name: str, operation: dict[str, Any]) -> None:
    expected = {"400", "503"} if "webhooks" in operation["tags"] else {"400", "406", "503"}
    if operation.get("security") not in (None, [{}]):
        expected.add("401")
    if "{" in name:
        expected.add("404")
    if name.startswith(WRITES):
        expected |= {"409", "413", "415", "422"}
    assert expected <= operation["responses"].keys(), name


@each_operation
def test_the_document_describes_all_errors_with_one_component(name: str, operation: dict[str, Any]) -> None:
    for status, body in operation["responses"].items():
        if status >= "400":
            assert body["content"].keys() == {"application/problem+json"}, (name, status)
            media = body["content"]["application/problem+json"]
            assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
        if status in ("429", "503"):
            assert "Retry-After" in body["headers"]


def test_the_examples_obey_the_schemas() -> None:
    document = schema_document()
    components = document["components"]
    checked = 0
    for name, media in every_media():
        schema = media["schema"] | {"components": components}
        for title, example in media.get("examples", {}).items():
            try:
                jsonschema.validate(example["value"], schema, cls=jsonschema.Draft202012Validator)
            except jsonschema.ValidationError as error:
                pytest.fail(f"{name}, example {title}: {error.message} at {error.json_path}")
            checked += 1
    assert checked > 10
    jsonschema.validate(component("Problem")["example"], component("Problem"))


def test_a_documented_problem_is_shown_with_its_example() -> None:
    examples = (example["value"] for _, media in every_media() for example in media.get("examples", {}).values())
    codes = {value["code"] for value in examples if isinstance(value, dict) and "code" in value}
    assert {"expired_link", "own_account", "last_admin", "token_invalid", "quote_not_found", "rate_slipped"} <= codes


def test_the_problem_component_is_what_is_answered(client: Client) -> None:
    schema = component("Problem")
    for answer in (client.get("/nowhere"), client.get("/api/v1/users/me"), client.delete("/health/live")):
        jsonschema.validate(answer.json(), schema)


def integers(part: Any) -> Iterator[dict[str, Any]]:
    """Every schema of an integer in the document, wherever it stands."""
    if isinstance(part, dict):
        if "integer" in types_of(part):
            yield part
        part = list(part.values())
    if isinstance(part, list):
        for inside in part:
            yield from integers(inside)


def test_the_document_says_of_every_integer_that_it_has_64_bits() -> None:
    shapes = list(integers(schema_document()))
    assert len(shapes) > 100
    assert [one for one in shapes if one.get("format") != "int64"] == []


def descriptions(part: Any) -> Iterator[str]:
    """Every text that the document shows its readers."""
    if isinstance(part, dict):
        if isinstance(part.get("description"), str):
            yield part["description"]
        part = list(part.values())
    if isinstance(part, list):
        for inside in part:
            yield from descriptions(inside)


def docstrings() -> Iterator[str]:
    for app in ("accounts", "catalog", "config", "legacy", "payments"):
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef | ast.FunctionDef):
                    yield ast.get_docstring(node) or ""


def test_the_document_publishes_no_docstring() -> None:
    """They are for who works on the code."""
    published = {" ".join(text.split()) for text in descriptions(schema_document())}
    assert published.isdisjoint({" ".join(text.split()) for text in docstrings()} - {""})
    assert not [text for text in published if re.search(r"\bcontext\[|\bqueries\.|\bself\.", text)]


def test_the_document_says_any_of_where_one_shape_extends_another() -> None:
    """A row that fits both would be refused by `oneOf`."""
    assert "anyOf" in schema_document()["components"]["schemas"]["AnyWallet"]
    for name, shape in schema_document()["components"]["schemas"].items():
        assert "oneOf" not in shape, name


def test_the_document_covers_the_api_and_nothing_else() -> None:
    addresses = {name.split()[1] for name, _ in ALL}
    webhooks = {"/payment/webhook", "/webhook/payment"}
    assert all(address.startswith("/api/v1/") for address in addresses - webhooks)
    assert "/api/v1/auth/login" in addresses


# --- the pages ---
def test_the_document_is_json_unless_yaml_is_asked_for(client: Client) -> None:
    plain = client.get("/api/v1/schema")
    assert plain.headers["Content-Type"].startswith("application/json")
    assert plain.json()["openapi"].startswith("3.")
    for wanted in (
        client.get("/api/v1/schema?format=yaml"),
        client.get("/api/v1/schema", headers={"Accept": "application/yaml"}),
        client.get("/api/v1/schema", headers={"Accept": "application/vnd.oai.openapi"}),
    ):
        assert yaml.safe_load(wanted.content) == plain.json()


PAGES = ["/", "/docs", "/docs?script=", "/redoc", "/docs/errors"]


@pytest.mark.parametrize("address", PAGES)
def test_the_pages_load_nothing_from_elsewhere(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert not re.search(r"""(src|href|url)\s*[=(:]\s*["']?(https?:)?//""", page)
    if "script=" not in address:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
        assert not re.search(r"<script(?![^>]*src=)", page), "the policy would stop an inline script"


@pytest.mark.parametrize("address", ["/docs", "/redoc"])
def test_the_pages_find_their_files(client: Client, address: str) -> None:
    files = re.findall(r'(?:src|href)="/static/([^"]+)"', client.get(address).content.decode())
    assert files
    for file in files:
        assert finders.find(file), file


def test_the_addresses_that_people_try_are_redirected(client: Client) -> None:
    assert client.get("/docs/swagger").headers["Location"] == "/docs"
    assert client.get("/admin").headers["Location"] == "/admin/"


def test_the_index_links_only_to_pages_that_exist(client: Client) -> None:
    links = re.findall(r'href="(/[^"]*)"', client.get("/").content.decode())
    assert {"/docs", "/redoc", "/admin/", "/metrics", "/docs/errors", "/api/v1/schema"} <= set(links)
