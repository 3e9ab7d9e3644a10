"""Examples of events for the OpenAPI document."""

from typing import Any

from api.examples import response_example
from payments.events.journals import POSTINGS

_CREDITED = POSTINGS.types[1]
_EVENT: dict[str, Any] = {
    "id": "evt_17",
    "position": 17,
    "type": _CREDITED.name,
    "timestamp": "2026-01-31T12:00:00.123456Z",
    "data": _CREDITED.example,
}

EVENT = [response_example("Money arrived", _EVENT)]
FEED = [response_example("One new event", {"results": [_EVENT], "next": None, "position": 17})]
