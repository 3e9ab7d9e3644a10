"""What text from outside may look like before it is stored, hashed or mailed."""

from django.core.exceptions import ValidationError
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext_lazy as _

EMAIL_MAX_LENGTH = 254
FULL_NAME_MAX_LENGTH = 150
PASSWORD_MIN_LENGTH = 8
PASSWORD_MAX_LENGTH = 128  # Argon2 hashes all it is given, so the length is bounded before it runs.


@deconstructible
class AsciiEmailValidator:
    """Refuses addresses outside ASCII, so that `lower()` means the same in Python and in every database."""

    message = _("Write the address in ASCII; an international domain in its xn-- form.")
    code = "invalid"

    def __call__(self, value: str) -> None:
        if not value.isascii():
            raise ValidationError(self.message, code=self.code)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsciiEmailValidator)

    def __hash__(self) -> int:
        return hash(type(self))


validate_ascii_email = AsciiEmailValidator()
