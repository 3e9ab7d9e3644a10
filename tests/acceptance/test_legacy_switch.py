"""Other services' addresses are on where TILL_LEGACY names their service; elsewhere a 404 says where they went."""

import json
from typing import Any

import pytest

from config.environment import BadVariable, Environment
from legacy import directory
from tests.support.api_client import in_process
from tests.support.every_operation import legacy_operations
from tests.support.old_client import OldClient

NAMES = directory.NAMES
OPERATIONS = legacy_operations()


@pytest.fixture
def old(db: None) -> Any:
    with in_process() as client:
        yield OldClient(client)


def concrete(address: str) -> str:
    return address.replace("{user_id}", "7").replace("{id}", "7")


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_address_that_is_off_says_where_it_went(old: OldClient, settings: Any, name: str) -> None:
    """Whoever asks, with whatever they send: before anybody is looked up."""
    settings.TILL_LEGACY = frozenset()
    operation = OPERATIONS[name]
    problem = old.refused(404, operation.method.upper(), concrete(operation.address), {"anything": 1})
    assert problem["code"] == "address_off"
    assert "/api/v1/" in problem["detail"]
    assert any(f"TILL_LEGACY={service}" in problem["detail"] for service in NAMES)


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "OPTIONS"])
def test_so_does_a_method_that_it_never_had(old: OldClient, settings: Any, method: str) -> None:
    settings.TILL_LEGACY = frozenset()
    assert old.refused(404, method, "/register")["code"] == "address_off"


def test_of_an_address_of_two_services_each_method_has_its_own_switch(old: OldClient, settings: Any) -> None:
    settings.TILL_LEGACY = frozenset({"accounts"})
    assert old.refused(401, "GET", "/users")["code"] == "not_authenticated"
    assert old.refused(404, "POST", "/users", {})["code"] == "address_off"
    assert "POST" not in old.send("PUT", "/users").headers.get("Allow", "POST is not there")
    settings.TILL_LEGACY = frozenset({"shop"})
    assert old.refused(400, "POST", "/users", {})["code"] == "invalid_request"
    assert old.refused(404, "POST", "/register", {})["code"] == "address_off"


def test_tills_own_addresses_stay_when_they_are_off(old: OldClient, settings: Any) -> None:
    settings.TILL_LEGACY = frozenset()
    assert [old.send("GET", path).status_code for path in ("/", "/docs", "/redoc", "/docs/legacy")] == [200] * 4
    assert old.refused(404, "GET", "/nowhere")["code"] == "not_found"
    assert old.refused(401, "GET", "/api/v1/users/me")["code"] == "not_authenticated"


@pytest.mark.parametrize(
    ("text", "names"),
    [("", set()), ("all", set(NAMES)), ("shop, wallets", {"shop", "wallets"}), ("shop,all", set(NAMES))],
)
def test_the_setting_has_names_or_all(text: str, names: set[str]) -> None:
    assert Environment({"TILL_LEGACY": text}).choices("TILL_LEGACY", "", NAMES) == names


def test_a_name_that_nobody_has_ends_the_start_with_one_line() -> None:
    with pytest.raises(BadVariable, match=r"^TILL_LEGACY must be names with commas between"):
        Environment({"TILL_LEGACY": "shop,sanic"}).choices("TILL_LEGACY", "", NAMES)


@pytest.mark.parametrize("name", ["password", "token"])
def test_a_secret_in_an_address_is_refused(old: OldClient, name: str) -> None:
    problem = old.refused(400, "POST", f"/login?email=a@example.com&{name}=123456")
    assert [error["code"] for error in problem["errors"]] == ["secret_in_address"]
    assert "123456" not in json.dumps(problem)


def test_a_member_with_two_names_is_unclear(old: OldClient) -> None:
    problem = old.refused(400, "POST", "/login", {"email": "a@example.com", "login": "b", "password": "123456"})
    assert {error["field"]: error["code"] for error in problem["errors"]} == {
        "email": "exactly_one",
        "login": "exactly_one",
    }
    twice = old.refused(400, "POST", "/login?email=a@example.com", {"email": "a@example.com", "password": "123456"})
    assert [error["code"] for error in twice["errors"]] == ["exactly_one"]


def test_what_is_missing_is_named(old: OldClient) -> None:
    problem = old.refused(400, "POST", "/login", {})
    assert {error["field"]: error["code"] for error in problem["errors"]} == {
        "email": "required",
        "password": "required",
    }


@pytest.mark.parametrize(
    "body", [b"email=a&email=b", b"\xff", b"=%00", b"a=%ff", b"x" * 200 + b"=1", b"&".join([b"a=1"] * 300)]
)
def test_a_form_that_is_unclear_is_refused(old: OldClient, body: bytes) -> None:
    answer = old.client.post("/login", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_page_reads_the_document_of_these_addresses_and_nothing_from_elsewhere(old: OldClient) -> None:
    page, script = old.send("GET", "/docs/legacy"), old.send("GET", "/docs/legacy?script=")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "docs/legacy/schema" in script.text
    document = old.ask("GET", "/docs/legacy/schema?format=json")
    assert set(document["paths"]) == {operation.address for operation in OPERATIONS.values()}
    assert all(f"`{name}`" in document["info"]["description"] for name in NAMES)


def test_tills_own_document_does_not_have_them(old: OldClient) -> None:
    addresses = old.ask("GET", "/api/v1/schema?format=json")["paths"]
    assert not {operation.address for operation in OPERATIONS.values()} & set(addresses)
