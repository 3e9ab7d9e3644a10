"""Which characters text from outside may hold."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext_lazy as _

# Control characters, lone surrogates, line and paragraph separators: PostgreSQL refuses some of them, logs
# and mail headers break on others.
_REFUSED_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}


_BIDI_OVERRIDES = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@deconstructible
class PlainTextValidator:
    """Refuses control characters, lone surrogates and direction overrides (a name that reads as another)."""

    message = _("This text holds a character that is not allowed.")
    code = "characters_not_allowed"

    def __call__(self, value: str) -> None:
        if any(c in _BIDI_OVERRIDES or unicodedata.category(c) in _REFUSED_CATEGORIES for c in value):
            raise ValidationError(self.message, code=self.code)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PlainTextValidator)

    def __hash__(self) -> int:
        return hash(type(self))


validate_plain_text = PlainTextValidator()
