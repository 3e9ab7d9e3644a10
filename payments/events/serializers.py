"""The shapes of events and of the feed."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from payments.events import rendering
from payments.events.models import Event


class EventSerializer(serializers.ModelSerializer[Event]):
    id = serializers.CharField(read_only=True, help_text="The same in every delivery: repeats are known by it.")
    type = serializers.CharField(read_only=True, help_text="New types may come: ignore those that you do not know.")
    timestamp = serializers.DateTimeField(read_only=True, help_text="When it happened.")
    data = serializers.DictField(  # type: ignore[assignment] # the stubs mean Serializer.data
        read_only=True, help_text="What it tells, by its type: `webhooks` has an example of each."
    )

    class Meta:
        model = Event
        fields = ("id", "position", "type", "timestamp", "data")
        read_only_fields = fields
        extra_kwargs = {"position": {"help_text": "Its place in the feed. Positions rise, and some are left out."}}

    def to_representation(self, instance: Event) -> dict[str, Any]:
        [members] = rendering.members([instance])
        return members


@extend_schema_serializer(many=False)
class FeedSerializer(serializers.Serializer[Any]):
    results = EventSerializer(many=True, read_only=True)
    next = serializers.URLField(read_only=True, allow_null=True, help_text="Where to go on at once; null: that is all.")
    position = serializers.IntegerField(read_only=True, help_text="Where to go on later: `?after=` takes it.")


def feed_answer(events: Sequence[Event], following: str | None, position: int) -> dict[str, Any]:
    return {"results": rendering.members(events), "next": following, "position": position}
