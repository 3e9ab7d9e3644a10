"""The events that Till sends, as the `webhooks` of the document: each type with an example of its body."""

from typing import Any

from payments.events.types import TYPES, EventType

_EVENT = {"id": "evt_17", "position": 17, "timestamp": "2026-01-31T12:00:00.123456Z"}


def add_events(result: Any, **_: Any) -> Any:
    """Add them. A hook of drf-spectacular, as those of hooks.py."""
    result["webhooks"] = {name: {"post": _sent(event_type)} for name, event_type in TYPES.items()}
    return result


def _sent(event_type: EventType) -> dict[str, Any]:
    name = event_type.name
    only_this = {"type": "object", "properties": {"type": {"type": "string", "const": name}}}
    example = {**_EVENT, "type": name, "data": event_type.example}
    return {
        "operationId": f"on_{name.replace('.', '_')}",
        "summary": event_type.description,
        "description": f"Sent to every endpoint that wants `{name}`.",
        "tags": ["events"],
        "security": [],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"allOf": [{"$ref": "#/components/schemas/Event"}, only_this]},
                    "example": example,
                }
            },
        },
        "responses": {"200": {"description": "Received. Any status from 200 to 299 says so."}},
    }
