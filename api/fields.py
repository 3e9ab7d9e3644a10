"""What requests hold: exact types, so that nothing is guessed, rounded or cut."""

from typing import Any

from rest_framework import serializers

from api.plain_text import validate_plain_text

#: Of PostgreSQL's bigint.
MAX_ID = 2**63 - 1


class WholeNumberField(serializers.IntegerField):
    """A JSON integer: no text, no boolean, no 1.0."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class FlagField(serializers.BooleanField):
    """true or false, and nothing that merely looks like it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class IdField(WholeNumberField):
    """The id of something."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_ID, **kwargs)


class PlainTextField(serializers.CharField):
    """Text that was sent as text (a number is refused) and holds no control characters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.append(validate_plain_text)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data)
        if self.max_length and len(text) > self.max_length:  # before each character is looked at
            self.fail("max_length", max_length=self.max_length)
        return text
