"""The OpenAPI document as tests read it."""

from typing import Any

from config.docs_pages import schema_document


def types_of(schema: dict[str, Any]) -> list[str]:
    """Return the types that a schema names itself: one, or several where null is one of them."""
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def component(reference: str) -> dict[str, Any]:
    described: dict[str, Any] = schema_document()["components"]["schemas"][reference.rpartition("/")[2]]
    return described


def described(operation_id: str) -> dict[str, Any]:
    """Return what the document says about an operation."""
    methods = (one for path in schema_document()["paths"].values() for one in path.values())
    operation: dict[str, Any] = next(one for one in methods if one["operationId"] == operation_id)
    return operation


def request_schema(operation_id: str) -> dict[str, Any] | None:
    """Return the component that an operation takes as its body, or None."""
    content = described(operation_id).get("requestBody", {}).get("content", {})
    return component(content["application/json"]["schema"]["$ref"]) if content else None
