"""A member of a body that an operation does not know is refused by name, and nothing is done."""

from typing import Any

import pytest
from django.test import Client

from config.docs_pages import schema_document
from tests.support.every_operation import operations, perform
from tests.support.one_cast import Cast
from tests.support.openapi_document import described, request_schema
from tests.support.operation_table import CALLS
from tests.support.stored_rows import stored

NOTICES = {row for row in CALLS if ":" not in row and "webhooks" in described(row)["tags"]}
WRITES = [row for row in CALLS if operations()[row.partition(":")[0]].method != "get" and row not in NOTICES]
#: Who may: admins all but this.
BY_USERS = {"users_delete", "users_disable"}


def answered(cast: Cast, row: str, caller: str, whose: str = "own", **planted: Any) -> tuple[Any, bool]:
    """The answer, and whether anything is stored otherwise than before."""
    call = CALLS[row](cast.context(row, caller, whose))
    before = stored()
    return perform(row, call, cast.callers[caller], **planted), stored() != before


@pytest.mark.parametrize("row", WRITES)
def test_what_an_operation_does_not_know_is_refused_and_nothing_is_done(cast: Cast, row: str) -> None:
    answer, changed = answered(cast, row, "admin", "foreign" if row in BY_USERS else "own", unknownMember=1)
    assert answer.status_code == 400, answer.content
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [
        ("unknownMember", "unknown_field")
    ]
    assert not changed


@pytest.mark.parametrize("row", [row for row in WRITES if row.startswith(("transfers_", "withdrawals_create"))])
def test_a_dry_run_that_is_asked_for_in_the_body_moves_nothing_and_says_where_to_ask(cast: Cast, row: str) -> None:
    answer, changed = answered(cast, row, "admin", dry_run=True)
    assert (answer.status_code, changed) == (400, False)
    assert "`?dry_run=true`" in answer.json()["errors"][0]["detail"]


def test_one_may_not_change_ones_email_as_if_it_were_a_name(cast: Cast) -> None:
    answer, changed = answered(cast, "users_me_update", "user", email="new@example.com")
    assert (answer.status_code, answer.json()["errors"][0]["field"], changed) == (400, "email", False)


def test_unknown_members_and_wrong_ones_are_named_together() -> None:
    body = {"email": "no address", "password": "x" * 20, "userName": "x"}
    answer = Client().post("/api/v1/auth/register", body, content_type="application/json")
    assert {error["field"]: error["code"] for error in answer.json()["errors"]} == {
        "userName": "unknown_field",
        "email": "invalid",
    }


def test_a_form_is_no_way_around_it_but_one_without_fields_is_no_body(cast: Cast) -> None:
    context = cast.context("auth_activate", "user", "own")
    address = f"/api/v1/auth/activate/{CALLS['auth_activate'](context).where['token']}"
    assert Client().post(address, {"dry_run": "true"}).status_code == 415
    assert Client().post(address, "dry_run=true", content_type="application/x-www-form-urlencoded").status_code == 415
    assert Client().post(address).status_code == 200


def test_of_many_only_some_are_named() -> None:
    body = {f"member{n}": n for n in range(150)}
    answer = Client().post("/api/v1/auth/login", body, content_type="application/json")
    assert answer.status_code == 400
    assert len(answer.json()["errors"]) < 30


def test_the_document_says_so_of_every_body_but_notices() -> None:
    for row in (row for row in CALLS if ":" not in row):
        shape = request_schema(row)
        if shape is not None:
            assert (shape.get("additionalProperties") is False) == (row not in NOTICES), row


def test_what_is_answered_may_grow() -> None:
    answers = {
        name: shape for name, shape in schema_document()["components"]["schemas"].items() if name[-7:] != "Request"
    }
    assert not [name for name, shape in answers.items() if shape.get("additionalProperties") is False]
