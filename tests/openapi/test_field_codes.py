"""The page of errors explains each code that can stand in `errors`, and no other."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.validators import BaseValidator
from django.db.models import Model
from django.test import Client
from django_filters.rest_framework import FilterSet
from rest_framework.serializers import Serializer

from accounts.models import User
from catalog.models import Product
from config.docs_pages import schema_document
from config.problems import PROBLEMS
from config.problems.field_codes import FIELD_CODES
from payments.ledger.queries.filters import BalanceForm, StatementForm
from payments.models import Currency
from payments.orders.external_details import KEYS, InvalidDetails, checked_details
from tests.support.recipes import IBAN

ROOT = Path(__file__).resolve().parents[2]
#: Whose errors are pages, or lines in a terminal.
NO_ANSWERS = {"tests", "migrations", "admin", "management"}
#: What our fields inherit, and why nobody gets it.
UNREACHABLE = {
    "null_characters_not_allowed": "the door and the parser refuse them before",
    "surrogate_characters_not_allowed": "the parser refuses them before",
    "max_string_length": "numbers are not taken as text",
    "date": "JSON has no dates",
    "make_aware": "UTC leaves no time out",
}


def sources() -> Iterator[ast.Module]:
    for app in ("accounts", "api", "catalog", "config", "legacy", "payments"):
        for path in (ROOT / app).rglob("*.py"):
            if not NO_ANSWERS & {*path.relative_to(ROOT).parts, path.stem}:
                yield ast.parse(path.read_text())


def arguments(error: type[BaseException]) -> list[str]:
    """The names of what the class itself is made with."""
    constructor = vars(error).get("__init__")
    return list(inspect.signature(constructor).parameters)[1:] if constructor else []


#: Where the code stands in what is called to refuse a field.
POSITIONS = {error.__name__: arguments(error).index("code") for error in PROBLEMS if "code" in arguments(error)}
POSITIONS |= {"ErrorDetail": 1, "fail": 0}


def written() -> Iterator[str]:
    """The codes that the code names where it refuses a field."""
    for tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from code_of(node)
            elif isinstance(node, ast.ClassDef) and node.name.endswith("Validator"):
                yield from (text(line.value) for line in node.body if isinstance(line, ast.Assign) and is_code(line))


def code_of(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in POSITIONS:
        return
    given = [*call.args[POSITIONS[name] :][:1], *(keyword.value for keyword in call.keywords if keyword.arg == "code")]
    yield from (text(value) for value in given if isinstance(value, ast.Constant))


def text(value: ast.expr) -> str:
    return str(ast.literal_eval(value))


def is_code(line: ast.Assign) -> bool:
    return [target.id for target in line.targets if isinstance(target, ast.Name)] == ["code"]


VALID = {
    "bank": {"iban": IBAN},
    "card": {"last4": "4242"},
    "crypto": {"address": "0x52908400098527886E0F7030069857D2E4169EE7"},
    "other": {"description": "By hand"},
}


def of_details() -> Iterator[str]:
    """The codes that are made from the name of an external wallet's member."""
    for kind, names in KEYS.items():
        for name in names:
            try:
                checked_details(kind, VALID[kind] | {name: "§" * 600})
            except InvalidDetails as refusal:
                yield refusal.code


def subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from subclasses(subclass)


def fields_that_are_sent() -> Iterator[Any]:
    """Those of request bodies (notices are read by no serializer) and of query parameters."""
    bodies = {name.removeprefix("Patched") for name in schema_document()["components"]["schemas"]}
    for shape in subclasses(Serializer):
        if shape.__name__.removesuffix("Serializer") + "Request" in bodies and "webhooks" not in shape.__module__:
            yield from shape().fields.values()
    for filters in subclasses(FilterSet):
        yield from (one.field for one in filters.base_filters.values())
    for form in (StatementForm, BalanceForm):
        yield from form().fields.values()


def inherited() -> Iterator[str]:
    """The codes of the frameworks' fields, and of the validators of fields and of models."""
    for field in fields_that_are_sent():
        yield from field.error_messages
        yield from codes_of(field.validators)
    models: tuple[type[Model], ...] = (User, Product, Currency)
    for model in models:
        for column in model._meta.fields:
            yield from codes_of(column.validators)


def codes_of(validators: list[Any]) -> Iterator[str]:
    yield from (one.code for one in validators if isinstance(one, BaseValidator) or hasattr(one, "code"))


def test_the_page_explains_each_code_of_a_field(client: Client) -> None:
    page = client.get("/docs/errors").content.decode()
    assert FIELD_CODES
    for code in FIELD_CODES:
        assert f'id="field-{code}"' in page


def test_every_code_of_a_field_has_its_explanation_and_is_given_somewhere() -> None:
    given = {*written(), *of_details(), *inherited()}
    assert given - UNREACHABLE.keys() == FIELD_CODES.keys()
    assert UNREACHABLE.keys() <= given


def test_a_code_of_a_field_is_none_of_a_whole_answer() -> None:
    assert FIELD_CODES.keys().isdisjoint(problem.code for problem in PROBLEMS.values())
