"""What an exception says to whoever is refused, in their language."""

from django.utils.translation import gettext as translated

from api.languages import is_english
from api.marked import MarkedText


def text_of(error: BaseException) -> str:
    """Return the error's own text, else what its class says."""
    line, text = english_line(type(error)), str(error)
    if is_english():
        return text or line
    return translated(line) if line and text in ("", line) else spoken(text)


def spoken(text: str) -> str:
    """Return what a module without Django has marked, in the reader's language. Any other text stays as it is."""
    if is_english() or not isinstance(text, MarkedText):
        return text
    return translated(text.message) % text.values if text.values else translated(text.message)


def line_of(kind: type[BaseException]) -> str:
    """Return what errors of the class say: the first line of its docstring."""
    return translated(english_line(kind))


def english_line(kind: type[BaseException]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]
