"""When the timers are due."""

from django.db import models
from django.db.models.functions import Now


class BackgroundTimer(models.Model):
    """What a worker does from time to time: when it is due next, and how its last run went."""

    name = models.CharField(max_length=40, primary_key=True)
    due_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=200, blank=True, db_default="", help_text="Why its last run failed.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
