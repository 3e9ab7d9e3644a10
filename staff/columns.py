"""Columns of lists. Each is declared once, as an attribute of its admin, and a page of one object may show it too.

A column is called with a row, and returns what stands in its cell. Its attribute must not be named as a field of the
model. In a list, CSS shortens what is long. The whole stands in the title, and is what somebody copies.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from django.db.models import Model
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from staff.formats import GROUP, NOTHING, amount_text, grouped
from staff.read_only import link_to

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

#: good: done as it should be; wait: somebody or something is to do it; bad: it went wrong; quiet: no matter.
Tone = Literal["good", "wait", "bad", "quiet"]
#: Ids up to this length are shown whole. Of longer ones the first and the last characters are.
MAX_ID, ID_START, ID_END = 16, 6, 4
#: Longer amounts may be broken between two groups of digits.
MAX_AMOUNT = 16


class Word(NamedTuple):
    """What a status is called, how it is taken, and what it means."""

    text: "StrOrPromise"
    tone: Tone = "quiet"
    why: "StrOrPromise" = ""


# --- what stands in a cell ------------------------------------------------------------------------------------------


def chip(word: Word) -> SafeString:
    return format_html('<span class="till-chip till-chip-{}" title="{}">{}</span>', word.tone, word.why, word.text)


def short_text(text: str) -> SafeString:
    """Return text of which a list shows the beginning."""
    return format_html('<span class="till-cut" title="{}">{}</span>', text, text)


def short_id(text: str) -> SafeString:
    """Return an id of which a list shows both ends. One click selects it whole."""
    if len(text) <= MAX_ID:
        return format_html('<span class="till-id">{}</span>', text)
    return format_html(
        '<span class="till-id" title="{}">{}<span class="till-middle">{}</span>{}</span>',
        *(text, text[:ID_START], text[ID_START:-ID_END], text[-ID_END:]),
    )


def short_link(target: Model | None, text: str = "") -> SafeString:
    """Return a link of which a list shows the beginning."""
    if target is None:
        return mark_safe(NOTHING)  # noqa: S308  our own
    meta = target._meta
    return short_link_to(f"{meta.app_label}_{meta.model_name}", target.pk, text or str(target))


def short_link_to(page: str, pk: Any, text: str) -> SafeString:
    return format_html('<span class="till-cut" title="{}">{}</span>', text, link_to(page, pk, text))


def moment(at: datetime) -> SafeString:
    """Return a time in UTC. A list shows it to the minute, a page to the second, the title whole."""
    utc = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}<span class="till-seconds">{}</span></time>',
        *(utc.isoformat(), f"{utc:%Y-%m-%d %H:%M:%S.%f}", f"{utc:%Y-%m-%d %H:%M}", f"{utc::%S}"),
    )


def number(text: str) -> SafeString:
    """Return a number, with its unit if it has one. A very long one may be broken between groups of digits."""
    if len(text) <= MAX_AMOUNT:
        return format_html('<span class="till-number">{}</span>', text)
    pieces = format_html_join(mark_safe(f"{GROUP}<wbr>"), "{}", ((piece,) for piece in text.split(GROUP)))  # noqa: S308
    return format_html('<span class="till-number till-long">{}</span>', pieces)


def follow(path: str) -> Callable[[Any], Any]:
    """Return what reads the path's value of a row. It ends early where nothing is."""
    names = path.split(".")

    def read(row: Any) -> Any:
        for name in names:
            row = None if row is None else getattr(row, name)
        return row

    return read


# --- columns --------------------------------------------------------------------------------------------------------


class ListColumn:
    """`value` is a path such as `user.email`, or a function of the row. Without a value there stands a dash."""

    #: Some of Django's code looks at it only where a column is a function.
    boolean: ClassVar[bool] = False

    def __init__(self, title: "StrOrPromise", value: str | Callable[[Any], Any], *, order: str | None = None) -> None:
        self.short_description = title
        self.admin_order_field = order
        self._value = follow(value) if isinstance(value, str) else value

    def __call__(self, row: Any) -> str:
        value = self._value(row)
        return NOTHING if value in (None, "") else self.show(value, row)

    def show(self, value: Any, row: Any) -> str:  # noqa: ARG002
        return str(value)  # of HTML it is the same HTML


class Text(ListColumn):
    def show(self, value: Any, row: Any) -> str:  # noqa: ARG002
        return short_text(str(value))


class Prose(ListColumn):
    """Text of which a list shows two lines."""

    def show(self, value: Any, row: Any) -> str:  # noqa: ARG002
        return format_html('<span class="till-prose" title="{}">{}</span>', value, value)


class Id(ListColumn):
    def show(self, value: Any, row: Any) -> str:  # noqa: ARG002
        return short_id(str(value))


class Link(ListColumn):
    """Leads to the page of the object that `value` names, by its name or by what `text` says of it."""

    def __init__(
        self,
        title: "StrOrPromise",
        value: str | Callable[[Any], Any],
        *,
        text: Callable[[Any], str] = str,
        order: str | None = None,
    ) -> None:
        super().__init__(title, value, order=order)
        self._text = text

    def show(self, value: Any, row: Any) -> str:  # noqa: ARG002
        return short_link(value, self._text(value))


class When(ListColumn):
    def show(self, value: datetime, row: Any) -> str:  # noqa: ARG002
        return moment(value)


class NumberColumn(ListColumn):
    def show(self, value: int, row: Any) -> str:  # noqa: ARG002
        return number(grouped(str(value)))


class Amount(ListColumn):
    """An amount with its currency's code. `currency` is the path to the currency, or a function of the row."""

    def __init__(
        self,
        title: "StrOrPromise",
        value: str | Callable[[Any], Any],
        *,
        currency: str | Callable[[Any], Any] = "currency",
        order: str | None = None,
    ) -> None:
        super().__init__(title, value, order=order)
        self._currency = follow(currency) if isinstance(currency, str) else currency

    def show(self, value: Decimal, row: Any) -> str:
        currency = self._currency(row)
        return number(f"{amount_text(value, currency.decimal_places)} {currency.code}")


class Status(ListColumn):
    """A word for each value. One that has none is shown as it is."""

    def __init__(
        self,
        title: "StrOrPromise",
        value: str | Callable[[Any], Any],
        words: Mapping[Any, Word],
        *,
        order: str | None = None,
    ) -> None:
        super().__init__(title, value, order=order)
        self._words = words

    def show(self, value: Any, row: Any) -> str:  # noqa: ARG002
        return chip(self.word(value))

    def word(self, value: Any) -> Word:
        return self._words.get(value) or Word(str(value))


class Meaning(Status):
    """The word as text, which may be broken into lines, with what it means in the title."""

    def show(self, value: Any, row: Any) -> str:  # noqa: ARG002
        word = self.word(value)
        return format_html('<span title="{}">{}</span>', word.why, word.text)


class Explained(Status):
    """On the page of one object: the word, and a sentence that says what it means."""

    def show(self, value: Any, row: Any) -> str:
        return format_html('{} <span class="help">{}</span>', super().show(value, row), self.word(value).why)
