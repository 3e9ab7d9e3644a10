"""Readers of the feed, and what has to be in it."""

from collections import Counter
from dataclasses import dataclass, field

from payments.events import queries, relay
from payments.models import Event, OutboxEvent
from tests.support.ledger import sql

_SIDES = """
SELECT 'wallet.debited', id FROM payments_posting WHERE source_sequence IS NOT NULL
UNION ALL SELECT 'wallet.credited', id FROM payments_posting WHERE destination_sequence IS NOT NULL
"""


@dataclass
class FeedReader:
    """Goes on from its position each time, and never looks back."""

    position: int = 0
    received: list[Event] = field(default_factory=list)

    def read(self) -> None:
        """Read all that is there now."""
        while True:
            page = queries.page(self.position, limit=200)
            assert [event.position for event in page.events] == sorted(event.position for event in page.events)
            assert all(event.position > self.position for event in page.events)
            self.received += page.events
            self.position = page.position
            if not page.has_more:
                return

    def has_received_everything_once(self) -> None:
        """Every side of a posting that is a user's, and every row of the outbox: nothing else, and nothing twice."""
        assert relay.catch_up()  # waits for a killed relay: PostgreSQL may still be at its last statement
        self.read()
        wanted = Counter((kind, row) for kind, row in sql(_SIDES))
        wanted.update(OutboxEvent.objects.values_list("type", "id"))
        assert Counter((event.type, event.source_id) for event in self.received) == wanted
