"""Endpoints that events are sent to, and what became of each delivery."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from api.model_fields import EncryptedField

TYPE_MAX_LENGTH = 40
#: Of an event that staff send to see whether it arrives. It is in no feed.
TEST_TYPE = "endpoint.test"
#: As many attempts as are shown of a delivery.
MAX_LOGGED = 20


class EventEndpoint(models.Model):
    """Where events are sent. `position` is the last event that has its delivery, is being sent, or is not wanted."""

    class DisabledReason(models.TextChoices):
        STAFF = "staff", "Switched off by staff"
        GONE = "gone", "The endpoint answered 410 Gone"
        FAILING = "failing", "Nothing was delivered for five days"

    id = models.BigAutoField(primary_key=True)
    url = models.CharField(max_length=500)
    types = ArrayField(
        models.CharField(max_length=TYPE_MAX_LENGTH), help_text="Such as wallet.* or deposit.paid; empty for all."
    )
    description = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=10, choices=DisabledReason, blank=True)
    secret = EncryptedField(max_length=255, help_text="Signs every delivery. Shown once.")
    previous_secret = EncryptedField(max_length=255, blank=True, help_text="Signs as well for a day after a rotation.")
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    position = models.BigIntegerField(help_text="Up to this event every one has its delivery, or is being sent.")
    failing_since = models.DateTimeField(null=True, blank=True, help_text="Since then no delivery succeeded.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(secret=""), name="event_endpoint_secret_present"),
            models.CheckConstraint(
                condition=Q(is_active=True, disabled_reason="") | (Q(is_active=False) & ~Q(disabled_reason="")),
                name="event_endpoint_has_reason_when_off",
            ),
        ]

    def __str__(self) -> str:
        return self.url


class EventBatch(models.Model):
    """New events that a worker sends an endpoint together. Their deliveries are stored with the results."""

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(EventEndpoint, on_delete=models.CASCADE, related_name="batches", db_index=False)
    positions = ArrayField(models.BigIntegerField())
    claimed_until = models.DateTimeField(help_text="Then somebody else may send them.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{len(self.positions)} events for endpoint {self.endpoint_id}"


class EventDelivery(models.Model):
    """One event for one endpoint, or a test event. Its log has the last attempts, each with what was answered.

    Whoever sends it claims it first, by raising `attempts`. A result is written only for the attempt that was claimed
    last, and a claim that runs out lets the next attempt follow.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(EventEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    position = models.BigIntegerField(null=True, blank=True, help_text="Of the event; none for a test event.")
    type = models.CharField(max_length=TYPE_MAX_LENGTH)
    status = models.CharField(max_length=10, choices=Status, db_default=Status.PENDING)
    attempts = models.IntegerField(db_default=0)
    attempts_before = models.IntegerField(db_default=0, help_text="Those before it was last asked for again.")
    next_attempt_at = models.DateTimeField(db_default=Now())
    claimed_until = models.DateTimeField(null=True, blank=True)
    log = models.JSONField(db_default=models.Value([], models.JSONField()))
    created_at = models.DateTimeField(db_default=Now())
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "event deliveries"
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "position"], name="event_delivery_once"),
            models.CheckConstraint(
                condition=Q(status="delivered", delivered_at__isnull=False)
                | Q(status__in=["pending", "failed"], delivered_at__isnull=True),
                name="event_delivery_status_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(attempts_before__gte=0, attempts__gte=F("attempts_before")),
                name="event_delivery_attempts_grow",
            ),
        ]
        indexes = [
            models.Index(fields=["endpoint", "id"], name="event_delivery_of_endpoint"),
            # Claiming changes none of its columns, so PostgreSQL need not touch any index for it.
            models.Index(
                fields=["endpoint", "next_attempt_at"], condition=Q(status="pending"), name="event_delivery_due"
            ),
            # The few that staff look for among all that arrived.
            models.Index(fields=["endpoint", "id"], condition=Q(status="failed"), name="event_delivery_failed"),
        ]

    def __str__(self) -> str:
        return self.message_id

    @property
    def message_id(self) -> str:
        """What `webhook-id` says: the same in every attempt."""
        return f"evt_{self.position}" if self.position is not None else f"evt_test_{self.pk}"
