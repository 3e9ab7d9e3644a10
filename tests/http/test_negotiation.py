"""Which form an answer takes: by `Accept`, and by `?format=` where there is a choice."""

from typing import Any

import pytest

from payments.ledger.services.wallets import open_wallet
from tests.support.rest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def statement(alice: Any) -> str:
    return f"/api/v1/wallets/{open_wallet(owner_id=alice.pk, currency='USD').pk}/statement"


@pytest.mark.parametrize("path", ["/api/v1/wallets", "/api/v1/users/me", "/api/v1/currencies", "/api/v1/rates"])
@pytest.mark.parametrize("wanted", ["json", "csv", "xml"])
def test_without_a_choice_it_is_a_parameter_that_is_not_known(alice: Any, path: str, wanted: str) -> None:
    answer: Any = signed_in(alice).get(path, {"format": wanted})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["code"]) == (400, "format", "unknown_parameter")


@pytest.mark.parametrize("accept", ["application/json", "text/csv", "text/html", "*/*"])
@pytest.mark.parametrize(("wanted", "media_type"), [("json", "application/json"), ("csv", "text/csv; charset=utf-8")])
def test_with_a_choice_it_decides(alice: Any, statement: str, wanted: str, media_type: str, accept: str) -> None:
    answer: Any = signed_in(alice).get(statement, {"format": wanted}, headers={"accept": accept})
    assert (answer.status_code, answer["Content-Type"]) == (200, media_type)
    answer.close()  # what is not read to its end keeps its transaction


@pytest.mark.parametrize("wanted", ["xml", "CSV", "api"])
def test_a_form_that_there_is_not_is_named(alice: Any, statement: str, wanted: str) -> None:
    answer: Any = signed_in(alice).get(statement, {"format": wanted})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "format")


def test_the_schema_comes_in_both_forms(client: Any) -> None:
    for wanted, media_type in (("json", "application/json"), ("yaml", "application/yaml")):
        answer = client.get("/api/v1/schema", {"format": wanted})
        assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (200, media_type)


def test_who_accepts_nothing_that_there_is_gets_406(alice: Any, statement: str) -> None:
    assert signed_in(alice).get(statement, headers={"accept": "image/png"}).status_code == 406
