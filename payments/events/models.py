"""Events with their positions, the outbox, and how far the relay has read each source. Only the relay writes events."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from payments.ledger.models.fields import TextDomainField

TYPE_MAX_LENGTH = 40
#: Nearly all events are of these types, so no index lists them.
FREQUENT = ("wallet.credited", "wallet.debited")


class Event(models.Model):
    """One event, by its type and the row of a source that it tells of. PostgreSQL refuses UPDATE, DELETE and TRUNCATE.

    The relay gives the position. Whoever has read up to one never finds a later event before it.
    """

    position = models.BigIntegerField(primary_key=True)
    type = models.CharField(max_length=TYPE_MAX_LENGTH)
    source_id = models.BigIntegerField(help_text="The id of the row, in the table that events of this type come from.")

    class Meta:
        ordering = ["position"]
        indexes = [
            models.Index(fields=["type", "position"], condition=~Q(type__in=FREQUENT), name="event_of_rare_type")
        ]

    def __str__(self) -> str:
        return f"evt_{self.position}"


class OutboxEvent(models.Model):
    """What a trigger wrote down of a change that no journal holds. PostgreSQL refuses UPDATE, DELETE and TRUNCATE.

    `data` has what the changed row may not tell later: rows change, and some are deleted.
    """

    id = models.BigAutoField(primary_key=True)
    type = models.CharField(max_length=TYPE_MAX_LENGTH)
    data = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"


class EventSource(models.Model):
    """How far the relay has read a source. Ids are drawn before commit, so a lower one may become visible later.

    `gaps` are the ids up to `seen_to` that were not visible. Those that are `watched` are given up when none of the
    `writers` runs any more: PostgreSQL's names of who could still commit one of them.
    """

    name = models.CharField(max_length=TYPE_MAX_LENGTH, primary_key=True)
    seen_to = models.BigIntegerField()
    gaps = TextDomainField(domain="int8multirange")
    watched = TextDomainField(domain="int8multirange")
    writers = TextDomainField(domain="text[]")

    def __str__(self) -> str:
        return f"{self.name} up to {self.seen_to}"


class EventRelay(models.Model):
    """The one row whose lock makes a relay the only one, and the last position that was given."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    last_position = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="event_relay_is_one_row")]

    def __str__(self) -> str:
        return f"up to {self.last_position}"
