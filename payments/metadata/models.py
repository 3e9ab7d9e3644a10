"""The two columns, which every document has that a client creates."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from payments.ledger.models.fields import JsonDomainField, TextDomainField
from payments.metadata.members import REFERENCE_MAX_LENGTH


class WithMetadata(models.Model):
    """A document with a reference and metadata, which never change. The domains have the rules of `members`."""

    reference = TextDomainField(
        domain="till_reference", max_length=REFERENCE_MAX_LENGTH, blank=True, default="", db_default=""
    )
    metadata = JsonDomainField(domain="till_metadata", null=True, blank=True)

    class Meta:
        abstract = True


def metadata_indexes(name: str) -> list[models.Index]:
    """Return the indexes that filters use; `name` begins each one's. A document without the members is in neither."""
    return [
        models.Index(fields=["reference", "user", "-id"], condition=~Q(reference=""), name=f"{name}_reference"),
        GinIndex(
            fields=["metadata"],
            opclasses=["jsonb_path_ops"],
            condition=Q(metadata__isnull=False),
            name=f"{name}_metadata",
        ),
    ]
