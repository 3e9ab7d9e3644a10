"""What OpenAPI says about the shop."""

from typing import Any

import pytest

from config.docs_pages import schema_document

API = "/api/v1"


def operation(method: str, path: str) -> dict[str, Any]:
    described: dict[str, Any] = schema_document()["paths"][API + path][method]
    return described


def headers_of(described: dict[str, Any]) -> dict[str, bool]:
    return {p["name"]: p.get("required", False) for p in described["parameters"] if p["in"] == "header"}


@pytest.mark.parametrize("path", ["/purchases", "/purchases/{purchase_id}/refunds"])
def test_the_schema_requires_an_idempotency_key_of_what_moves_money(path: str) -> None:
    described = operation("post", path)
    assert headers_of(described) == {"Idempotency-Key": True}
    assert "Idempotent-Replayed" in described["responses"]["201"]["headers"]


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_the_schema_offers_if_match_on_changes(method: str) -> None:
    described = operation(method, "/products/{id}")
    assert headers_of(described) == {"If-Match": False}
    assert {"403", "404", "409", "412"} <= described["responses"].keys()


def test_the_schema_offers_if_none_match_on_reading() -> None:
    described = operation("get", "/products/{id}")
    assert headers_of(described) == {"If-None-Match": False}
    assert "ETag" in described["responses"]["200"]["headers"]


def test_the_schema_names_every_parameter_of_the_list() -> None:
    names = {parameter["name"] for parameter in operation("get", "/products")["parameters"]}
    assert names == {
        "search", "currency", "price_min", "price_max", "is_active", "ordering", "cursor", "limit",
    }  # fmt: skip
