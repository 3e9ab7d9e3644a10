"""What hordak does not have: the notices, and the requests of users, each once."""

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


class StoredTransfer(models.Model):
    user_id = models.BigIntegerField()
    key = models.CharField(max_length=255)
    source_id = models.BigIntegerField()
    destination_id = models.BigIntegerField()
    amount = models.DecimalField(max_digits=20, decimal_places=2)

    objects: ClassVar[models.Manager["StoredTransfer"]] = models.Manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user_id", "key"], name="transfer_key_once"),)

    def __str__(self) -> str:
        return self.key
