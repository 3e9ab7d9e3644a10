"""What was created is read where the answer's `Location` says."""

from typing import Any

import pytest

from tests.support.every_operation import perform
from tests.support.one_cast import Cast
from tests.support.openapi_document import described
from tests.support.operation_table import CALLS
from tests.support.rest import signed_in

CREATING = [row for row in CALLS if "201" in described(row.partition(":")[0])["responses"]]


def caller_of(row: str) -> str:
    """Admins may create anything, but not read each other's quotes and registrations."""
    return "user" if row == "quotes_create" else "admin"


@pytest.mark.parametrize("row", CREATING)
def test_what_was_created_is_read_where_the_answer_says(cast: Cast, row: str) -> None:
    caller = caller_of(row)
    whose = "foreign" if row in ("transactions_reverse", "purchases_refund") else "own"
    answer = perform(row, CALLS[row](cast.context(row, caller, whose)), cast.callers[caller])
    assert answer.status_code == 201, answer.content
    read: Any = signed_in(cast.callers[caller]).get(answer.headers["Location"])
    assert read.status_code == 200
    if row != "auth_register":
        named = "transaction" if row == "purchases_refund" else "code" if row == "currencies_open" else "id"
        assert read.json()["code" if named == "code" else "id"] == answer.json()[named]


def test_a_repeat_says_it_too(cast: Cast) -> None:
    client = signed_in(cast.callers["user"])
    body = {"wallet": client.post("/api/v1/wallets", {"currency": "USD"}).json()["id"], "amount": "10.00"}
    answers: Any = [
        client.post("/api/v1/deposits", body, headers={"Idempotency-Key": "created-once"}) for _ in range(2)
    ]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert {answer.headers["Location"] for answer in answers} == {f"/api/v1/deposits/{answers[0].json()['id']}"}


def test_a_dry_run_and_a_refusal_have_created_nothing(cast: Cast) -> None:
    client = signed_in(cast.callers["user"])
    body = {"wallet": client.post("/api/v1/wallets", {"currency": "USD"}).json()["id"], "amount": "10.00"}
    tried: Any = client.post("/api/v1/deposits?dry_run=true", body)
    assert (tried.status_code, "Location" in tried.headers) == (200, False)
    refused: Any = client.post(
        "/api/v1/deposits", {**body, "amount": "-1"}, headers={"Idempotency-Key": "never-created"}
    )
    assert "Location" not in refused.headers
