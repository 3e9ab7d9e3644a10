"""Who may do what: every operation of the OpenAPI document by every caller, on their own object and on another's.

The statuses and a request for each row are in tests/support/operation_table.py and, for the addresses of other
services, in tests/support/legacy_table.py. Role gates are 403, strangers' objects
404, no token 401. A new operation without a row fails, and so does a row without its operation.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.support import operation_table
from tests.support.every_operation import (
    Operation,
    OwnedObjects,
    legacy_operations,
    operations,
    outcome,
    perform,
)
from tests.support.legacy_table import LEGACY_ROWS
from tests.support.one_cast import Cast
from tests.support.rollback import forgotten
from tests.support.stored_rows import stored

pytestmark = pytest.mark.slow

#: Till's own operations, and those of other services' addresses.
ROWS = {**operation_table.ROWS, **LEGACY_ROWS}
CALLS = {name: row.call for name, row in ROWS.items()}
OPERATIONS: dict[str, Operation] = {**operations(), **legacy_operations()}
#: Operation -> caller -> the status, or the two of them.
STATUSES = {name: row.by_caller() for name, row in ROWS.items()}


def operation_of(row: str) -> str:
    return row.partition(":")[0]


def test_every_operation_has_its_row_and_every_row_its_operation() -> None:
    assert {operation_of(row) for row in ROWS} == set(OPERATIONS)


@pytest.mark.parametrize("row", ROWS)
def test_everybody_may_do_what_the_table_says(cast: Cast, row: str) -> None:
    about_somebody = any(len(statuses) > 1 for statuses in STATUSES[row].values())
    actual: dict[str, list[int]] = {}
    for name, caller in cast.callers.items():
        for whose in ("own", "foreign")[: 1 + (about_somebody and caller is not None)]:
            with forgotten():
                call = CALLS[row](cast.context(row, name, whose))
                actual.setdefault(name, []).append(outcome(call, perform(row, call, caller)))
    expected = {name: list(statuses) * (len(actual[name]) // len(statuses)) for name, statuses in STATUSES[row].items()}
    assert actual == expected


def other_methods() -> Iterator[Any]:
    """Each address by one of its operations, with the methods that the document does not know there."""
    known: dict[str, set[str]] = {}
    for operation in OPERATIONS.values():
        known.setdefault(operation.address, set()).add(operation.method)
    one_of_its = {operation.address: name for name, operation in OPERATIONS.items()}
    for address, methods in known.items():
        others = {"get", "post", "put", "patch", "delete"} - methods
        yield pytest.param(one_of_its[address], sorted(others), id=address)


@pytest.mark.parametrize(("row", "methods"), list(other_methods()))
def test_no_address_answers_to_a_method_that_is_not_described(cast: Cast, row: str, methods: list[str]) -> None:
    call = CALLS[row](cast.context(row, "admin", "foreign"))
    statuses = {method: perform(row, call, cast.callers["admin"], method=method).status_code for method in methods}
    assert statuses == dict.fromkeys(methods, 405)


@pytest.mark.parametrize("row", [row for row in CALLS if ":" not in row])
@pytest.mark.parametrize("query", ["", "?format=csv"])
def test_asking_what_an_address_knows_never_breaks_it(cast: Cast, row: str, query: str) -> None:
    call = CALLS[row](cast.context(row, "admin", "own"))
    assert perform(row, call, cast.callers["admin"], method="options", query=query).status_code in (200, 400, 404, 405)


#: To whose addresses others add parameters: providers, and mail programs.
LENIENT = re.compile("auth_activate|auth_reset_password|auth_confirm_email|webhook(?!_e)|.*_webhook")
MOVING = [row for row in CALLS if ":" not in row and OPERATIONS[row].method != "get" and not LENIENT.match(row)]


@pytest.mark.parametrize("row", MOVING)
def test_a_misspelt_parameter_moves_nothing(cast: Cast, row: str) -> None:
    """Who asks for a dry run and is not understood must not have done it."""
    call = CALLS[row](cast.context(row, "admin", "own"))
    before = stored()
    answer = perform(row, call, cast.callers["admin"], query="?dry-run=true")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_parameter")
    assert stored() == before


# --- mass assignment ----------------------------------------------------------------------------------------

STRANGE_ID, STRANGE_TIME = 424242, "2001-02-03T04:05:06Z"


def planted(victim: OwnedObjects, operation: str) -> dict[str, Any]:
    """What nobody may set for himself. An account is born inactive: there `true` would be the gain."""
    return {
        "id": STRANGE_ID,
        "role": "admin",
        "is_staff": True,
        "is_superuser": True,
        "is_active": operation == "auth_register",
        "balance": "987654.32",
        "held": "987654.31",
        "price": "0.07",
        "commission": "0.07",
        "status": "paid",
        "user": victim.owner.pk,
        "owner": victim.owner.pk,
        "transaction": victim.transaction,
        "created_at": STRANGE_TIME,
    }


def taken(row: dict[str, Any], plants: dict[str, Any]) -> dict[str, Any]:
    """Which columns of a stored row hold what was planted."""
    columns = {column: value for name, value in plants.items() for column in (name, f"{name}_id") if column in row}
    return {column: value for column, value in columns.items() if is_same(row[column], value)}


def is_same(held: Any, value: Any) -> bool:
    if isinstance(held, Decimal):
        return held == Decimal(str(value))
    return bool(held == value) or (value == STRANGE_TIME and str(held).startswith(value.rstrip("Z")))


@pytest.mark.parametrize("row", [row for row in CALLS if OPERATIONS[operation_of(row)].writes])
def test_nobody_sets_what_is_not_his_to_set(cast: Cast, row: str) -> None:
    call, plants = CALLS[row](cast.context(row, "user", "own")), planted(cast.objects(cast.bob), row)
    before = stored()
    answer = perform(row, call, cast.callers["user"], **plants)
    assert answer.status_code in {STATUSES[row]["user"][0], 400, 422}, answer.content
    changed = [(table, json.loads(text, parse_float=Decimal)) for table, text in stored() - before]
    assert not [(table, statuses) for table, new in changed if (statuses := taken(new, plants))]
    assert not changed or answer.status_code < 400
