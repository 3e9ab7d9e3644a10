"""What is changed in the document after drf-spectacular has made it. Settings name the hooks, in their order."""

from collections.abc import Iterable, Iterator
from typing import Any

from config.openapi.front_matter import describe

#: Members that a dry run has no value for.
_UNBORN = ("id", "transaction")
_SCHEMAS = "#/components/schemas/"


def add_what_is_not_an_operation(result: Any, **_: Any) -> Any:
    """Add the introduction, the servers, the tags and the signatures."""
    describe(result)
    return result


def leave_out_legacy(endpoints: Iterable[Any]) -> list[Any]:
    """Describe Till's own addresses. Those of other services have a document of their own."""
    return [one for one in endpoints if not one[3].cls.__module__.startswith("legacy.")]


def separate_previews(result: Any, **_: Any) -> Any:
    """Give what a dry run answers a component of its own: the ids of the real thing are never null."""
    schemas = result["components"]["schemas"]
    for operation in _operations(result):
        parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
        if "dry_run" in parameters:
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            name = schema["$ref"].removeprefix(_SCHEMAS)
            preview = f"{name.removesuffix('Preview')}Preview"  # one with members of its own has the name already
            schemas[preview] = _preview(schemas[name])
            schema["$ref"] = f"{_SCHEMAS}{preview}"
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result


def _preview(shape: dict[str, Any]) -> dict[str, Any]:
    unborn = {"type": ["integer", "null"], "description": "Null: nothing was done."}
    members = {name: unborn if name in _UNBORN else member for name, member in shape["properties"].items()}
    return {**shape, "properties": members, "description": "What would be, as a dry run answers it."}


def name_null_plainly(result: Any, **_: Any) -> Any:
    """Say `null` where drf-spectacular names a component for it: generators make a class of that."""
    if result["components"]["schemas"].pop("NullEnum", None):
        for part in _objects(result):
            choices = part.get("oneOf", ())
            if {"$ref": f"{_SCHEMAS}NullEnum"} in choices:
                others = [choice for choice in part.pop("oneOf") if choice != {"$ref": f"{_SCHEMAS}NullEnum"}]
                part["anyOf"] = [*others, {"type": "null"}]
    return result


def forget_read_only(result: Any, **_: Any) -> Any:
    """Say of no member that it is read-only: requests have other shapes, and events are sent in those of answers."""
    for part in _objects(result):
        if part.get("readOnly") is True:
            del part["readOnly"]
            if part.keys() == {"allOf"} and len(part["allOf"]) == 1:  # it was only there for what stood beside it
                part.update(part.pop("allOf")[0])
    return result


def name_integer_formats(result: Any, **_: Any) -> Any:
    """Say `int64` of every integer: without it, clients in Go, Java and C# read 32 bits."""
    for part in _objects(result):
        if part.get("type") in ("integer", ["integer", "null"], ["null", "integer"]):
            part.setdefault("format", "int64")
    return result


def name_deep_objects(result: Any, **_: Any) -> Any:
    """Say of every parameter that is an object how it is written: `metadata[key]=value`."""
    for operation in _operations(result):
        for parameter in operation.get("parameters", ()):
            if parameter["schema"].get("type") == "object":
                parameter |= {"style": "deepObject", "explode": True}
    return result


def _operations(result: Any) -> Iterator[dict[str, Any]]:
    for methods in result["paths"].values():
        yield from methods.values()


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    """Return every object in the document, wherever it stands."""
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
