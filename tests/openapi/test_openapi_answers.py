"""What the API answers is what its OpenAPI document says: of every operation, status and body."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from django.test import Client

from config.docs_pages import schema_document
from tests.support.every_operation import Call, OperationContext, operations, perform, to
from tests.support.ledger import clearing_wallet
from tests.support.notices import NOBODY
from tests.support.one_cast import Cast
from tests.support.openapi_document import component, described, request_schema, types_of
from tests.support.operation_table import CALLS

OPERATIONS = [row for row in CALLS if ":" not in row]
#: Not the notices, which no serializer reads.
WITH_BODY = [row for row in OPERATIONS if request_schema(row) and "webhooks" not in described(row)["tags"]]


@cache
def components() -> Any:
    shapes = schema_document()["components"]
    jsonschema.Draft202012Validator.check_schema({"definitions": shapes["schemas"]})
    return shapes


def check(row: str, answer: Any) -> None:
    """Fail unless the document foresees the status, and the body is of the shape that it gives for it."""
    responses = described(row.partition(":")[0])["responses"]
    assert str(answer.status_code) in responses, f"{row}: {answer.content}"
    content = responses[str(answer.status_code)].get("content")
    if not content:
        assert not answer.content
        return
    schema = content[answer.headers["Content-Type"].partition(";")[0]]["schema"]
    if answer.streaming or answer.headers["Content-Type"].startswith("text/html"):
        assert schema == {"type": "string"}
        return
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema | {"components": components()}).validate(answer.json())


@pytest.mark.parametrize("row", CALLS)
@pytest.mark.parametrize("role", ["user", "admin"])
def test_an_operation_answers_what_it_says(cast: Cast, row: str, role: str) -> None:
    check(row, perform(row, CALLS[row](cast.context(row, role, "own")), cast.callers[role]))


def asked_for(row: str) -> set[str]:
    return {parameter["name"] for parameter in described(row).get("parameters", ())}


@pytest.mark.parametrize("row", [row for row in OPERATIONS if "dry_run" in asked_for(row)])
def test_a_dry_run_answers_what_it_says(cast: Cast, row: str) -> None:
    answer = perform(row, CALLS[row](cast.context(row, "user", "own")), cast.callers["user"], query="?dry_run=true")
    assert (answer.status_code, answer.json()["id"], answer.json()["transaction"]) == (200, None, None)
    check(row, answer)
    shape = component(described(row)["responses"]["200"]["content"]["application/json"]["schema"]["$ref"])
    assert types_of(shape["properties"]["id"]) == types_of(shape["properties"]["transaction"]) == ["integer", "null"]


def _with(row: str, **changed: Any) -> Callable[[OperationContext], Call]:
    """The valid call with other values in its body."""

    def call(context: OperationContext) -> Call:
        valid = CALLS[row](context)
        return replace(valid, body={**(valid.body or {}), **changed})

    return call


def _of_the_house(_: OperationContext) -> Call:
    return to(id=clearing_wallet("USD"))


REFUSED = [
    ("deposits_create", _with("deposits_create", wallet=NOBODY), 404, "wallet_not_found"),
    ("withdrawals_create", _with("withdrawals_create", wallet=NOBODY), 404, "wallet_not_found"),
    ("withdrawals_create", _with("withdrawals_create", external_wallet=NOBODY), 404, "external_wallet_not_found"),
    ("purchases_create", _with("purchases_create", product=NOBODY), 404, "product_not_found"),
    ("settlement_scopes_create", _with("settlement_scopes_create", service=NOBODY), 404, "user_not_found"),
    ("wallets_statement", _of_the_house, 422, "house_wallet"),
    ("wallets_balance", _of_the_house, 422, "house_wallet"),
]


@pytest.mark.parametrize(("row", "call", "status", "code"), REFUSED, ids=[f"{one[0]}-{one[3]}" for one in REFUSED])
def test_an_operation_refuses_as_it_says(
    cast: Cast, row: str, call: Callable[[OperationContext], Call], status: int, code: str
) -> None:
    answer = perform(row, call(cast.context(row, "admin", "own")), cast.callers["admin"])
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    check(row, answer)
    assert code in described(row)["responses"][str(status)]["description"]


@pytest.mark.parametrize("row", WITH_BODY)
def test_an_operation_requires_the_fields_that_it_says_are_required(cast: Cast, row: str) -> None:
    call = CALLS[row](cast.context(row, "admin", "own"))
    answer = perform(row, replace(call, body=None), cast.callers["admin"])
    errors = answer.json().get("errors", ()) if answer.content else ()
    missing = {error["field"] for error in errors if error["code"] == "required"}
    assert missing == set((request_schema(row) or {}).get("required", ()))


@pytest.mark.parametrize("row", OPERATIONS)
def test_an_operation_says_where_accept_is_read(row: str, client: Client) -> None:
    """Before it asks who is there."""
    operation = operations()[row]
    where: dict[str, object] = dict.fromkeys(("id", "purchase_id", "position"), 1) | {
        "code": "USD",
        "source": "USD",
        "target": "EUR",
    }
    where |= {"id": UUID(int=1)} if "/sessions/" in operation.address else {}
    address = operation.address.format(**where, token="token", provider="standard_webhooks")
    answer = client.generic(operation.method.upper(), address, headers={"Accept": "image/png"})
    assert (answer.status_code == 406) == ("406" in described(row)["responses"])
