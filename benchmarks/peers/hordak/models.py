"""What hordak does not have: the notices, each once."""

from typing import ClassVar

from django.db import models


class StoredNotice(models.Model):
    external_id = models.BigIntegerField(unique=True)
    user_id = models.BigIntegerField()
    account_id = models.BigIntegerField()
    amount = models.DecimalField(max_digits=20, decimal_places=2)

    objects: ClassVar[models.Manager["StoredNotice"]] = models.Manager()

    def __str__(self) -> str:
        return str(self.external_id)
