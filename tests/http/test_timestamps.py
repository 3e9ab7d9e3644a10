"""Moments from outside: with any offset they are read in UTC, or refused by name; none breaks an answer."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import models, transaction

from payments.models import CommissionRule
from tests.support import staff_site as staff_stage
from tests.support.admin_pages import staff_client
from tests.support.every_operation import (
    OperationContext,
    OwnedObjects,
    access_token,
    new_user,
    operations,
    perform,
)
from tests.support.openapi_document import described, request_schema
from tests.support.operation_table import CALLS
from tests.support.staff_site import MODEL_ADMINS

pytestmark = pytest.mark.slow

#: PostgreSQL knows no offset of 16 hours or more, Python none of 24, UTC no time before the year 1 or after 9999.
READ = [
    *(
        "2026-01-31T12:00:00+16:00",
        "2026-01-31T12:00:00-16:00",
        "2026-01-31T12:00:00+23:59",
        "2026-01-31T12:00:00-23:59",
    ),
    *("0001-01-02T00:00:00+23:59", "9999-12-30T23:59:59-23:59", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"),
]
REFUSED = [
    *("0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+23:59"),
    *("2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00+99:99", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z"),
]


def query_moments() -> Iterator[Any]:
    """Every query parameter of the document that is a moment."""
    for row in CALLS:
        for parameter in described(row)["parameters"] if ":" not in row and "parameters" in described(row) else ():
            if parameter["schema"].get("format") == "date-time":
                yield pytest.param(row, parameter["name"], id=f"{row}-{parameter['name']}")


def body_moments() -> Iterator[Any]:
    """Every member of a body that is a moment."""
    for row in CALLS:
        for name, shape in ((request_schema(row) if ":" not in row else None) or {}).get("properties", {}).items():
            if shape.get("format") == "date-time":
                yield pytest.param(row, name, id=f"{row}-{name}")


def answers_to(row: str, moments: list[str], name: str, *, body_moments: bool = False) -> Iterator[tuple[str, Any]]:
    """Ask one admin's request with each moment; what one of them changes is not there for the next."""
    admin = new_user("admin", "admin")
    things = OwnedObjects(admin)
    call = CALLS[row](OperationContext(the=things, my=things))
    access_token(admin)
    for moment in moments:
        before = transaction.savepoint()
        if body_moments:
            yield moment, perform(row, type(call)((call.body or {}) | {name: moment}, call.where), admin)
        else:
            yield moment, perform(row, call, admin, query=f"?{urlencode({name: moment})}")
        transaction.savepoint_rollback(before)


@pytest.mark.django_db
@pytest.mark.parametrize(("row", "name"), list(query_moments()))
def test_a_moment_of_any_offset_can_be_asked_for(row: str, name: str) -> None:
    for moment, answer in answers_to(row, READ, name):
        assert answer.status_code == 200, (moment, b"".join(answer))


@pytest.mark.django_db
@pytest.mark.parametrize(("row", "name"), list(query_moments()))
def test_one_that_does_not_exist_is_refused_by_name(row: str, name: str) -> None:
    for moment, answer in answers_to(row, REFUSED, name):
        named = [error["field"] for error in answer.json().get("errors", [])]
        assert (answer.status_code, named) == (400, [name]), moment


@pytest.mark.django_db
@pytest.mark.parametrize(("row", "name"), list(body_moments()))
def test_a_moment_that_is_sent_is_taken_or_refused_by_name(row: str, name: str) -> None:
    for moment, answer in answers_to(row, [*READ, *REFUSED], name, body_moments=True):
        named = [error["field"] for error in answer.json().get("errors", [])] if answer.status_code >= 300 else [name]
        assert named == [name], (moment, answer.content)
        assert answer.status_code in ({200, 201, 400, 409, 422} if moment in READ else {400}), moment


def test_there_are_moments_to_ask_for_and_to_send() -> None:
    assert len(list(query_moments())) >= 15
    assert {"rates_set-as_of", "commission_rules_create-valid_from"} <= {str(case.id) for case in body_moments()}
    assert all(operations()[case.values[0]].writes for case in body_moments())


def columns() -> Iterator[Any]:
    for model in MODEL_ADMINS:
        for column in model._meta.fields:
            # The staff site looks nothing up by what belongs to a secret.
            if isinstance(column, models.DateTimeField) and "secret" not in column.name:
                yield pytest.param(model, column.name, id=f"{model._meta.label}-{column.name}")


LOOKUPS = {
    "gte": (READ[0], READ[4], READ[5], REFUSED[0], REFUSED[1]),
    "year": ("0", "10000", "9" * 30),  # as the links above a list have it
}


@pytest.mark.django_db
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.torture)])
@pytest.mark.parametrize(("kind", "turn"), [(kind, turn) for kind in LOOKUPS for turn in range(len(LOOKUPS[kind]))])
def test_no_address_of_the_staff_site_is_broken_by_a_moment(kind: str, turn: int, every: bool) -> None:
    """Each column is looked up by one value of each kind, the values take turns; in `make torture` by all."""
    client = staff_client(new_user("admin", "admin"))
    broken = {}
    cases, values = list(columns()), LOOKUPS[kind]
    for case in cases if every else cases[turn :: len(values)]:
        model, name = case.values
        before = transaction.savepoint()
        page = client.get(staff_stage.url(model, "changelist"), {f"{name}__{kind}": values[turn]})
        transaction.savepoint_rollback(before)
        if page.status_code != 302 or not page.headers["Location"].endswith("?e=1"):
            broken[case.id] = page.status_code
    assert set(broken.values()) <= {200}


@pytest.mark.django_db
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_no_form_of_the_staff_site_is_broken_by_a_day(day: str) -> None:
    client = staff_client(new_user("admin", "admin"))
    typed = {
        "operation": "deposit", "currency": "USD", "percent": "1", "fixed": "0", "minimum": "0", "maximum": "",
        "valid_from_0": day, "valid_from_1": "00:00:00", "valid_until_0": day, "valid_until_1": "23:59:59",
    }  # fmt: skip
    page = client.post(staff_stage.url(CommissionRule, "add"), typed)
    assert page.status_code in (200, 302)
