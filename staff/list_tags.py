"""Template filters of lists: what a cell needs to stand alone on a phone, and which columns hold numbers."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

register = template.Library()

#: What cells of numbers hold: text that is shown, and fields in which it is typed.
_NUMBERS = ('class="till-number', 'class="till-amount', 'class="till-stock')


@register.filter
def aligned(headers: list[dict[str, Any]], rows: list[list[str]]) -> list[dict[str, Any]]:
    """Mark the headers above numbers, which stand at the right as the numbers do."""
    for place, header in enumerate(headers):
        if any(mark in row[place] for row in rows for mark in _NUMBERS):
            header["class_attrib"] = mark_safe(  # noqa: S308  Django's own attribute
                str(header["class_attrib"]).replace('class="', 'class="till-numbers ', 1)
            )
    return headers


@register.filter
def labelled(row: list[SafeString], headers: list[dict[str, Any]]) -> Iterator[SafeString]:
    """Yield a row's cells, each with its header: on a narrow page the cells stand below each other."""
    for cell, header in zip_longest(row, headers):
        tag, opened, rest = cell.partition(" class=")
        if header and opened and "action-checkbox" not in header["class_attrib"]:
            label = format_html(' data-label="{}"', capfirst(header["text"]))
            yield mark_safe(f"{tag}{label}{opened}{rest}")  # noqa: S308  Django's own cell
        else:
            yield cell
