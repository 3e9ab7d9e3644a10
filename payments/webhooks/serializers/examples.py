"""Examples for the OpenAPI description of webhook events."""

from payments.ledger.serializers.examples import _EVENT, _REPLAYED, _shown

EVENT = _shown("An event that waits for its user", _EVENT)


REPLAYED = _shown("Credited now", _REPLAYED)
