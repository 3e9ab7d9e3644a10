"""What can be bought."""

import unicodedata

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.fields import PlainTextColumn
from api.model_fields import FrozenField
from api.plain_text import validate_plain_text
from payments.ledger.models.fields import MoneyField
from payments.models import Currency

TITLE_MAX_LENGTH = 200
DESCRIPTION_MAX_LENGTH = 5000
MAX_STOCK = 2**31 - 1


def validate_lines(text: str) -> None:
    """Refuse what plain text may not hold, except tabs and line breaks."""
    validate_plain_text(text.translate({ord(character): " " for character in "\t\r\n"}))


class LinesColumn(FrozenField, models.TextField):  # type: ignore[type-arg] # generic in the stubs only
    """Text of several lines without other control characters."""

    default_validators = [validate_lines]


def folded(text: str) -> str:
    """Return the text as searches compare it, whatever the case and the database's locale."""
    return unicodedata.normalize("NFKC", text).casefold()


class Product(models.Model):
    """Sold by catalog.services only. One that was sold is archived (`is_active` off), never destroyed.

    `version` rises with every change and is the ETag: PostgreSQL refuses an update that leaves it.
    """

    id = models.BigAutoField(primary_key=True)
    title = PlainTextColumn(max_length=TITLE_MAX_LENGTH)
    description = LinesColumn(blank=True, validators=[MaxLengthValidator(DESCRIPTION_MAX_LENGTH)])
    price = MoneyField(help_text="For one piece; fits the currency's decimals.")
    currency = models.ForeignKey(
        Currency, on_delete=models.PROTECT, related_name="+", db_index=False, help_text="Fixed once sold."
    )
    stock = models.PositiveIntegerField(null=True, blank=True, help_text="Pieces left; empty means unlimited.")
    is_active = models.BooleanField("on sale", default=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    search_text = models.TextField(editable=False, help_text="Title and description, folded; a line each.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["id", "currency"], name="product_id_currency"),
            models.CheckConstraint(condition=~Q(title=""), name="product_title_present"),
            models.CheckConstraint(condition=Q(price__gt=0), name="product_price_positive"),
            models.CheckConstraint(
                condition=Q(stock__isnull=True) | Q(stock__gte=0), name="product_stock_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.title
