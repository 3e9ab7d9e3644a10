"""Texts of modules without Django: English, and able to be said in another language. `api.refusals` says them."""


class MarkedText(str):
    """A text that remembers what it is made of. Whoever passes it on as `str(error)` keeps it."""

    message: str
    values: dict[str, object]

    def __str__(self) -> str:
        return self


def marked(message: str, **values: object) -> MarkedText:
    """Return the message with its values in the place of `%(name)s`."""
    text = MarkedText(message % values if values else message)
    text.message, text.values = message, values
    return text
