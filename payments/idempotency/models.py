"""Requests that were answered, so that a repeat gets the same answer and moves nothing."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class IdempotencyKey(models.Model):
    """A key that a user gave to one request, and the answer. Written in the atomic block of the money it moved.

    A courtesy to those who repeat a request, not part of the books: pruned by age, deleted together with its user.
    """

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the request, in lower-case hex.")
    status = models.PositiveSmallIntegerField(null=True, help_text="null only while the request is being answered.")
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once"),
            models.CheckConstraint(condition=Q(key__regex=r"^[!-~]{1,255}$"), name="idempotency_key_visible_ascii"),
            models.CheckConstraint(condition=Q(fingerprint__regex=r"^[0-9a-f]{64}$"), name="idempotency_fingerprint"),
            models.CheckConstraint(
                condition=Q(status__isnull=True, body="")
                | (Q(status__isnull=False, status__range=(200, 499)) & ~Q(body="")),
                name="idempotency_answer_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} of user {self.user_id}"
